"""JSON documents held against the schemas that are published."""

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from docs.schemas import schemas


@cache
def validator(command: str) -> Draft202012Validator:
    """Return what validates the documents of a command, formats too."""
    return Draft202012Validator(schemas()[command], format_checker=Draft202012Validator.FORMAT_CHECKER)


def keeps_its_promise(document: dict[str, Any]) -> None:
    """Fail, with the place in the document, where it is not as its schema says."""
    faults = [
        f"{each.json_path}: {each.message[:300]}" for each in validator(document["command"]).iter_errors(document)
    ]
    assert faults == [], f"{document['schema']}: {faults[:5]}"
