"""Any YAML is linted, or is a `UsageError`; and what is masked or unknown is in no finding."""

from contextlib import suppress
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cortexctl.config.lint.judge import lint
from cortexctl.errors import UsageError
from tests.unit.config.case import REFERENCE, viewed

SECRET = "S3CR3T"
PATHS = st.sampled_from(sorted(REFERENCE.paths()))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 1 << 70),
    st.floats(),
    st.sampled_from(
        ["0s", "1h", "2w", "all", "", "inmemory", "multi", "shuffle-sharding", "dynamodb", "${A}", "1e+07"]
    ),
    st.text(max_size=5),
)
VALUES = st.recursive(
    SCALARS, lambda each: st.lists(each, max_size=3) | st.dictionaries(SCALARS, each, max_size=3), max_leaves=4
)


@given(st.dictionaries(PATHS, VALUES, max_size=12), st.sampled_from([None, (1, 15), (1, 21)]), st.booleans())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
def test_any_values_of_cortexs_keys_are_linted(changes: dict[str, Any], version: Any, is_live: bool) -> None:
    document: dict[Any, Any] = {}
    for path, value in changes.items():
        *above, key = path.split(".")
        section = document
        for each in above:
            section = section.setdefault(each, {}) if isinstance(section, dict) else {}
            section = section if isinstance(section, dict) else {}
        section[key] = value
    text = yaml.safe_dump(document, allow_unicode=True)
    with suppress(UsageError):
        views = [viewed(text, name, version, is_live=is_live) for name in ("a", "b")]
        lint(views, lambda _: True)


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda body: body.decode("latin-1")))
@settings(deadline=None, max_examples=60)
def test_any_text_is_linted_or_refused(text: str) -> None:
    with suppress(UsageError):
        lint([viewed(text)], lambda _: True)


def test_secrets_are_in_no_finding() -> None:
    secrets = [
        "blocks_storage.s3.secret_access_key",
        "blocks_storage.s3.secret_acces_key",
        "blocks_storage.azure.connection_string",
        "store_gateway.sharding_ring.kvstore.consul.acl_token",
        "store_gateway.sharding_ring.kvstore.etcd.password",
        "passphrase",
    ]
    for path in secrets:
        *above, key = path.split(".")
        for value in (SECRET, [SECRET], {SECRET: 1}):
            document: Any = {key: value}
            for each in reversed(above):
                document = {each: document}
            views = [viewed(yaml.safe_dump(document), name) for name in ("a", "b")]
            for finding in lint(views, lambda _: True).findings:
                assert SECRET not in f"{finding.message}{finding.evidence}{finding.next}" or value == {SECRET: 1}
