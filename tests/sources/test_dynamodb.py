"""Rings in DynamoDB, on moto's, on servers that misbehave, and every exception of botocore."""

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import pytest

from cortexctl.config.source import TLS, Access, DynamoDBSource
from cortexctl.errors import (
    AccessDeniedError,
    ConflictError,
    CortexctlError,
    DataError,
    NotFoundError,
    RefusedError,
    SourceError,
    UnavailableError,
    UsageError,
)
from cortexctl.ring import codec
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import COMPACTOR_RING, INGESTER, RULER_RING, STORE_GATEWAY
from cortexctl.ring.model import Instance, InstanceState, instance
from cortexctl.ring.reading import Form
from cortexctl.sources.dynamodb import DynamoDBPlace
from cortexctl.sources.dynamofaults import translate
from cortexctl.sources.place import Place, Writes
from tests.servers import free_port, hanging_server

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/ring/dynamodb/items.json").read_bytes())
INGESTER_0 = "ingester-zone-0-0"
_TABLES = count()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testkey")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testsecret")


@pytest.fixture(scope="session")
def client(moto_endpoint: str) -> Iterator[Any]:
    with closing(
        boto3.client(
            "dynamodb",
            endpoint_url=moto_endpoint,
            region_name="eu-west-1",
            aws_access_key_id="testkey",
            aws_secret_access_key="testsecret",
        )
    ) as made:
        yield made


@pytest.fixture
def table(client: Any) -> str:
    """A table with what a real Cortex wrote."""
    name = create_table(client, "RingKey", "InstanceKey")
    for item in GOLDEN:
        client.put_item(TableName=name, Item=item | {"Data": {"B": base64.b64decode(item["Data"]["B"])}})
    return name


def create_table(client: Any, hash_key: str, range_key: str) -> str:
    name = f"rings-{next(_TABLES)}"
    client.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": hash_key, "KeyType": "HASH"},
            {"AttributeName": range_key, "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in (hash_key, range_key)],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


@pytest.fixture
def place(moto_endpoint: str, table: str) -> Iterator[DynamoDBPlace]:
    with closing(place_at(moto_endpoint, table)) as opened:
        yield opened


def place_at(endpoint: str, table: str = "rings", timeout_s: float = 20, **source: Any) -> DynamoDBPlace:
    return DynamoDBPlace(
        DynamoDBSource("eu-west-1", table, endpoint_url=endpoint, **source), Access(timeout_s=timeout_s)
    )


def items_of(client: Any, table: str, key: str = "collectors/ring") -> dict[str, Any]:
    found = client.query(
        TableName=table,
        KeyConditionExpression="RingKey = :r",
        ExpressionAttributeValues={":r": {"S": key}},
        ConsistentRead=True,
    )
    return {each["InstanceKey"]["S"]: each for each in found["Items"]}


def entry_of(place: Place, instance_id: str = INGESTER_0) -> Instance:
    ring = place.read(INGESTER).ring
    assert ring
    return ring.instances[instance_id]


def written(client: Any, table: str, each: Instance, **attributes: Any) -> None:
    """Write an entry as another process does."""
    key = {"RingKey": {"S": "collectors/ring"}, "InstanceKey": {"S": each.id}}
    client.put_item(TableName=table, Item=key | {"Data": {"B": codec.encode_instance(each)}} | attributes)


def before_each(place: DynamoDBPlace, operation: str, act: Callable[[], object]) -> list[dict[str, Any]]:
    """Have something happen before each request, between the read of an item and its write; return the requests."""
    asked: list[dict[str, Any]] = []

    def handler(params: dict[str, Any], **_: Any) -> None:
        asked.append(json.loads(params["body"]))
        act()

    place._client().meta.events.register(f"before-call.dynamodb.{operation}", handler)
    return asked


def test_reads_what_cortex_wrote(place: DynamoDBPlace) -> None:
    opened: Place = place
    assert (opened.writes, opened.host) == (Writes.ENTRIES, "")
    assert INGESTER in opened.components()
    before_s = time.time()
    for component in (INGESTER, COMPACTOR_RING, STORE_GATEWAY):
        reading = opened.read(component)
        assert reading.ring == codec.decode_items(GOLDEN, component.stored_key)
        assert reading.ring.instances
        assert (reading.backend, reading.stored_key) == (Backend.DYNAMODB, component.stored_key)
        assert reading.place == opened.name
        assert before_s <= reading.taken_at_s <= time.time()
        assert 0 < reading.took_s < 20
        assert reading.has_own_time


def test_the_part_is_what_aws_prints(place: DynamoDBPlace) -> None:
    printed = json.loads(place.read(INGESTER).parts[Form.ITEMS])
    assert printed["Items"] == [each for each in GOLDEN if each["RingKey"]["S"] == "collectors/ring"]
    assert printed["Count"] == 2


def test_no_items_are_an_empty_ring(place: DynamoDBPlace) -> None:
    reading = place.read(RULER_RING)
    assert reading.ring is not None
    assert not reading.ring.instances


def test_the_key_is_the_sources_prefix_or_the_configured_one(moto_endpoint: str, table: str) -> None:
    source = DynamoDBSource("eu-west-1", table, endpoint_url=moto_endpoint)
    configured = {"ruler": "collectors/compactor"}
    with closing(DynamoDBPlace(source, Access(), configured)) as opened:
        assert opened.read(RULER_RING).stored_key == "collectors/compactor"
        assert opened.read(INGESTER).stored_key == "collectors/ring"
    with closing(DynamoDBPlace(replace(source, prefix="collectors/"), Access(), configured)) as opened:
        assert opened.read(RULER_RING).stored_key == "collectors/ring"
        assert opened.name == f"dynamodb://eu-west-1/{table}?prefix=collectors/&endpoint={moto_endpoint}"


def test_every_page_is_read(client: Any, place: DynamoDBPlace, table: str) -> None:
    members = [
        instance(f"member-{number:02}", f"10.0.0.{number}:9095", tokens=range(number, 300_000, 5), timestamp_s=7)
        for number in range(8)
    ]
    for each in members:
        key = {"RingKey": {"S": "rulers/ring"}, "InstanceKey": {"S": each.id}}
        client.put_item(TableName=table, Item=key | {"Data": {"B": codec.encode_instance(each)}})
    asked = before_each(place, "Query", lambda: None)
    ring = place.read(RULER_RING).ring
    assert ring
    assert len(asked) > 1
    assert all(each["ConsistentRead"] for each in asked)
    assert list(ring.instances.values()) == members


def test_forgets_one_item_alone(client: Any, place: DynamoDBPlace, table: str) -> None:
    before = items_of(client, table)
    place.change(INGESTER, entry_of(place), None)
    assert items_of(client, table) == {name: each for name, each in before.items() if name != INGESTER_0}
    assert len(items_of(client, table, "collectors/compactor")) == 2


def test_a_change_raises_the_version_and_keeps_the_rest(client: Any, place: DynamoDBPlace, table: str) -> None:
    stored = items_of(client, table)[INGESTER_0]
    before = entry_of(place)
    after = replace(before, state=InstanceState.LEAVING, timestamp_s=before.timestamp_s + 1)
    place.change(INGESTER, before, after)
    found = items_of(client, table)[INGESTER_0]
    assert codec.decode_instance(INGESTER_0, found.pop("Data")["B"]) == (after, ())
    assert int(found["version"]["N"]) == int(stored["version"]["N"]) + 1
    assert found["ttl"] == stored["ttl"]


def test_puts_back_what_was_forgotten(client: Any, place: DynamoDBPlace, table: str) -> None:
    gone = entry_of(place)
    place.change(INGESTER, gone, None)
    place.change(INGESTER, None, gone)
    found = items_of(client, table)[INGESTER_0]
    assert entry_of(place) == gone
    assert found["version"] == {"N": "1"}
    assert "ttl" not in found


def test_items_without_a_version(client: Any, place: DynamoDBPlace, table: str) -> None:
    old = entry_of(place)
    written(client, table, old)
    place.change(INGESTER, old, replace(old, zone="elsewhere"))
    assert items_of(client, table)[INGESTER_0]["version"] == {"N": "1"}
    written(client, table, old)
    place.change(INGESTER, old, None)
    assert INGESTER_0 not in items_of(client, table)


def test_what_is_so_already_is_left_alone(client: Any, place: DynamoDBPlace, table: str) -> None:
    before, stored = entry_of(place), items_of(client, table)
    place.change(INGESTER, replace(before, zone="once"), before)
    place.change(INGESTER, instance("was-never-there"), None)
    assert items_of(client, table) == stored


def test_another_order_of_tokens_is_the_same_entry(client: Any, place: DynamoDBPlace, table: str) -> None:
    each = entry_of(place)
    written(client, table, replace(each, tokens=each.tokens[::-1]))
    place.change(INGESTER, each, None)
    assert INGESTER_0 not in items_of(client, table)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"timestamp_s": 2_000_000_000}, "sent a heartbeat since the plan was made"),
        ({"timestamp_s": 1}, "was written anew"),
        ({"state": InstanceState.LEAVING, "timestamp_s": 2_000_000_000}, "changed its state, now LEAVING since"),
        ({"tokens": (1, 2), "addr": "h:1"}, "changed its address, its tokens since"),
    ],
)
def test_an_entry_that_changed_is_a_conflict(
    client: Any, place: DynamoDBPlace, table: str, changed: dict[str, Any], said: str
) -> None:
    before = entry_of(place)
    written(client, table, replace(before, **changed))
    stored = items_of(client, table)
    for after in (None, replace(before, zone="elsewhere")):
        with pytest.raises(ConflictError, match=f"{INGESTER_0} {said}"):
            place.change(INGESTER, before, after)
    assert items_of(client, table) == stored


def test_an_entry_that_came_or_went_is_a_conflict(client: Any, place: DynamoDBPlace, table: str) -> None:
    before = entry_of(place)
    with pytest.raises(ConflictError, match="came into the ring since"):
        place.change(INGESTER, None, replace(before, zone="elsewhere"))
    client.delete_item(TableName=table, Key={"RingKey": {"S": "collectors/ring"}, "InstanceKey": {"S": INGESTER_0}})
    with pytest.raises(ConflictError, match="was taken out since"):
        place.change(INGESTER, before, replace(before, zone="elsewhere"))


@pytest.mark.parametrize("operation", ["PutItem", "DeleteItem"])
def test_a_version_raised_in_between_is_read_again(
    client: Any, place: DynamoDBPlace, table: str, operation: str
) -> None:
    before = entry_of(place)
    after = replace(before, zone="elsewhere") if operation == "PutItem" else None
    versions = iter(["20", "21"])

    def race() -> None:
        with suppress(StopIteration):
            written(client, table, before, version={"N": next(versions)}, ttl={"N": "9"})

    before_each(place, operation, race)
    place.change(INGESTER, before, after)
    found = items_of(client, table)
    if after is None:
        assert INGESTER_0 not in found
    else:
        assert entry_of(place) == after
        assert (found[INGESTER_0]["version"], found[INGESTER_0]["ttl"]) == ({"N": "22"}, {"N": "9"})


@pytest.mark.parametrize("version", [{}, {"version": {"N": "9"}}])
def test_a_heartbeat_in_between_is_not_lost(
    client: Any, place: DynamoDBPlace, table: str, version: dict[str, Any]
) -> None:
    before = entry_of(place)
    written(client, table, before, **version)  # Cortex before 1.20 raises no version
    alive = replace(before, timestamp_s=before.timestamp_s + 5)
    before_each(place, "DeleteItem", lambda: written(client, table, alive, **version))
    with pytest.raises(ConflictError, match="sent a heartbeat"):
        place.change(INGESTER, before, None)
    assert entry_of(place) == alive


def test_an_entry_added_in_between_is_not_overwritten(client: Any, place: DynamoDBPlace, table: str) -> None:
    saved = instance("new-0", "h:1", tokens=[1])
    alive = replace(saved, timestamp_s=5)
    before_each(place, "PutItem", lambda: written(client, table, alive))
    # The other writer's own request is by another client, of which the handler knows nothing.
    with pytest.raises(ConflictError, match="new-0 came into the ring"):
        place.change(INGESTER, None, saved)
    assert entry_of(place, "new-0") == alive


def test_losing_every_time_is_a_conflict(client: Any, place: DynamoDBPlace, table: str) -> None:
    before, versions = entry_of(place), count(50)
    before_each(place, "DeleteItem", lambda: written(client, table, before, version={"N": str(next(versions))}))
    with pytest.raises(ConflictError, match="was written by another at each of 4 tries"):
        place.change(INGESTER, before, None)


def test_refuses_what_a_page_told_too_little_of(place: DynamoDBPlace) -> None:
    for hidden in (instance("a", hidden_state=True), instance("a", hidden_tokens=3)):
        with pytest.raises(RefusedError, match="a was read where"):
            place.change(INGESTER, hidden, None)
    with pytest.raises(ValueError, match="one entry"):
        place.change(INGESTER, None, None)
    with pytest.raises(ValueError, match="one entry"):
        place.change(INGESTER, instance("a"), instance("b"))


DAMAGED = b"\x05no"


def damage(client: Any, table: str) -> None:
    key = {"RingKey": {"S": "collectors/ring"}, "InstanceKey": {"S": INGESTER_0}}
    client.put_item(TableName=table, Item=key | {"Data": {"B": DAMAGED}, "version": {"N": "3"}})


def test_a_damaged_item_is_a_fault_of_the_ring_and_not_changed(client: Any, place: DynamoDBPlace, table: str) -> None:
    before = entry_of(place)
    damage(client, table)
    ring = place.read(INGESTER).ring
    assert ring
    assert list(ring.faults) == [INGESTER_0]
    with pytest.raises(DataError, match=f"the item of {INGESTER_0} cannot be decoded: is not snappy"):
        place.change(INGESTER, before, None)


def test_a_damaged_item_is_deleted_and_put_back(client: Any, place: DynamoDBPlace, table: str) -> None:
    assert place.damaged(INGESTER, INGESTER_0) is None
    damage(client, table)
    there = items_of(client, table)[INGESTER_0]
    body = place.damaged(INGESTER, INGESTER_0)
    assert body is not None
    with pytest.raises(ConflictError, match="was written since"):
        place.change_damaged(INGESTER, INGESTER_0, body.replace(b'"3"', b'"4"'), None)
    place.change_damaged(INGESTER, INGESTER_0, body, None)
    assert list(items_of(client, table)) == ["ingester-zone-1-0"]
    place.change_damaged(INGESTER, INGESTER_0, body, None)
    place.change_damaged(INGESTER, INGESTER_0, None, body)
    assert items_of(client, table)[INGESTER_0] == there


def test_a_damaged_item_that_is_mended_is_left(client: Any, place: DynamoDBPlace, table: str) -> None:
    mended = entry_of(place)
    damage(client, table)
    body = place.damaged(INGESTER, INGESTER_0)
    before_each(place, "DeleteItem", lambda: written(client, table, mended))
    with pytest.raises(ConflictError, match="was written since"):
        place.change_damaged(INGESTER, INGESTER_0, body, None)
    with pytest.raises(ConflictError, match="was written since"):
        place.change_damaged(INGESTER, INGESTER_0, None, body)
    assert entry_of(place) == mended


def test_a_missing_table_and_another_table(client: Any, moto_endpoint: str) -> None:
    with (
        closing(place_at(moto_endpoint, "missing")) as opened,
        pytest.raises(NotFoundError, match=r"dynamodb://eu-west-1/missing.*no such table"),
    ):
        opened.read(INGESTER)
    other = create_table(client, "Name", "Other")
    with (
        closing(place_at(moto_endpoint, other)) as opened,
        pytest.raises(SourceError, match="not a table of rings"),
    ):
        opened.read(INGESTER)


def test_a_table_that_hangs_is_named() -> None:
    with hanging_server() as (endpoint, connections), closing(place_at(endpoint, timeout_s=0.5)) as opened:
        opened._client()
        began_s = time.monotonic()
        with pytest.raises(UnavailableError, match=r"dynamodb://eu-west-1/rings.* within 0\.5s: .*no heartbeat"):
            opened.read(INGESTER)
        assert time.monotonic() - began_s < 3
        with pytest.raises(UnavailableError, match="within"):
            opened.change(INGESTER, instance("a"), None)
        assert connections


@contextmanager
def dripping_server() -> Iterator[str]:
    """Send one byte of an answer after the other, without an end."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                    while not ended.wait(0.1):
                        connection.sendall(b" ")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ended.set()
            thread.join(5)


def test_a_table_that_answers_without_end_is_named() -> None:
    with dripping_server() as endpoint, closing(place_at(endpoint, timeout_s=0.6)) as opened:
        opened._client()
        began_s = time.monotonic()
        with pytest.raises(UnavailableError, match=r"did not answer within 0\.6s"):
            opened.read(INGESTER)
        assert time.monotonic() - began_s < 3


class ManyPages(DynamoDBPlace):
    """A table that answers in time, each time, and has no last page."""

    def _ask(self, operation: str, request: Any) -> dict[str, Any]:
        time.sleep(self._access.timeout_s / 2)
        return {"Items": [], "LastEvaluatedKey": {"InstanceKey": {"S": "a"}}}


def test_all_pages_of_a_ring_have_six_time_outs() -> None:
    source = DynamoDBSource("eu-west-1", "rings", endpoint_url="http://127.0.0.1:1")
    with closing(ManyPages(source, Access(timeout_s=0.06))) as opened:
        began_s = time.monotonic()
        with pytest.raises(UnavailableError, match=r"within 0\.36s, 6 time-outs: it gave \d+ pages"):
            opened.read(INGESTER)
        assert 0.36 < time.monotonic() - began_s < 3


def test_a_write_that_is_not_answered_may_have_been_made(client: Any, place: DynamoDBPlace, table: str) -> None:
    before = entry_of(place)

    def hang() -> None:
        time.sleep(1.5)

    place._access = Access(timeout_s=1)
    before_each(place, "DeleteItem", hang)
    with pytest.raises(UnavailableError, match=f"whether {INGESTER_0} was written is not known"):
        place.change(INGESTER, before, None)


def test_nobody_there_and_another_server(moto_endpoint: str) -> None:
    with (
        closing(place_at(f"http://127.0.0.1:{free_port()}")) as opened,
        pytest.raises(UnavailableError, match="refused the connection"),
    ):
        opened.read(INGESTER)
    with closing(place_at(f"{moto_endpoint}/moto-api/data.json")) as opened, pytest.raises(SourceError):
        opened.read(INGESTER)


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, moto_endpoint: str) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with (
        closing(place_at(moto_endpoint)) as opened,
        pytest.raises(AccessDeniedError, match=r"dynamodb://.*no credentials.*AWS_PROFILE"),
    ):
        opened.read(INGESTER)
    with (
        closing(place_at(moto_endpoint, profile="missing")) as opened,
        pytest.raises(AccessDeniedError, match="missing"),
    ):
        opened.read(INGESTER)


def test_settings_that_mean_nothing() -> None:
    with closing(place_at("nonsense")) as opened, pytest.raises(UsageError, match="nonsense"):
        opened.read(INGESTER)


def test_the_runs_own_authorities_are_for_an_endpoint_alone() -> None:
    access = Access(tls=TLS(insecure_skip_verify=True))
    for endpoint, verifies in (("https://127.0.0.1:1", False), ("", True)):
        with closing(DynamoDBPlace(DynamoDBSource("eu-west-1", "rings", endpoint_url=endpoint), access)) as opened:
            assert (opened._client()._endpoint.http_session._verify is not False) is verifies


def answered(code: str, status: int = 400, message: str = "it says so.") -> Exception:
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return botocore.exceptions.ClientError(response, "Query")


def raised(name: str, **given: Any) -> Exception:
    error: Exception = getattr(botocore.exceptions, name)(**given)
    return error


FAULTS: list[tuple[Exception, type[CortexctlError], str]] = [
    (answered("ProvisionedThroughputExceededException"), UnavailableError, "throttles"),
    (answered("ThrottlingException"), UnavailableError, "throttles"),
    (answered("RequestLimitExceeded"), UnavailableError, "throttles"),
    (answered("InternalServerError", 500), UnavailableError, "answers 500"),
    (answered("ServiceUnavailable", 503), UnavailableError, "answers 503"),
    (answered("ResourceNotFoundException"), NotFoundError, "no such table"),
    (answered("com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"), NotFoundError, "no such table"),
    (answered("AccessDeniedException"), AccessDeniedError, r"do not allow dynamodb:Query \(AccessDenied.*it says so\)"),
    (answered("AccessDenied", 403), AccessDeniedError, "do not allow dynamodb:Query"),
    (answered("UnrecognizedClientException"), AccessDeniedError, "does not accept the credentials"),
    (answered("ExpiredTokenException"), AccessDeniedError, "does not accept the credentials"),
    (answered("InvalidSignatureException"), AccessDeniedError, "does not accept the credentials"),
    (answered("ValidationException", 400, "element does not match the schema: key"), SourceError, "not a table of"),
    (answered("ValidationException", 400, "Item size has exceeded"), SourceError, "Item size has exceeded"),
    (raised("NoCredentialsError"), AccessDeniedError, "no credentials"),
    (raised("PartialCredentialsError", provider="env", cred_var="x"), AccessDeniedError, "no credentials"),
    (raised("CredentialRetrievalError", provider="role", error_msg="x"), AccessDeniedError, "no credentials"),
    (raised("TokenRetrievalError", provider="sso", error_msg="x"), AccessDeniedError, "no credentials"),
    (raised("UnauthorizedSSOTokenError"), AccessDeniedError, "no credentials"),
    (raised("ProfileNotFound", profile="x"), AccessDeniedError, "no credentials"),
    (raised("ConnectTimeoutError", endpoint_url="x"), UnavailableError, "did not answer within 3s: while it is so"),
    (raised("ReadTimeoutError", endpoint_url="x"), UnavailableError, "did not answer within 3s: while it is so"),
    (
        raised("EndpointConnectionError", endpoint_url="x", error=OSError("Connection refused")),
        UnavailableError,
        "refused",
    ),
    (
        raised("EndpointConnectionError", endpoint_url="x", error=OSError("Failed to resolve 'x'")),
        UnavailableError,
        "region",
    ),
    (raised("ConnectionClosedError", endpoint_url="x"), UnavailableError, "broke the connection"),
    (raised("ProxyConnectionError", proxy_url="x"), UnavailableError, "proxy"),
    (raised("SSLError", endpoint_url="x", error="bad"), UnavailableError, "TLS failed.*--tls-ca-file"),
    (raised("HTTPClientError", error="x"), UnavailableError, "broke"),
    (raised("IncompleteReadError", actual_bytes=1, expected_bytes=2), UnavailableError, "broke"),
    (raised("ChecksumError", checksum_type="c", expected_checksum="1", actual_checksum="2"), UnavailableError, "broke"),
    (raised("NoRegionError"), UsageError, "region"),
    (raised("InvalidRegionError", region_name="x/y"), UsageError, "x/y"),
    (ValueError("Invalid endpoint: x"), UsageError, "Invalid endpoint"),
    (OSError("broken pipe"), UnavailableError, "broke the connection: broken pipe"),
    (RefusedError("ours"), RefusedError, "ours"),
    (TypeError("a mistake"), CortexctlError, "TypeError: a mistake"),
]


@pytest.mark.parametrize(("error", "expected", "said"), FAULTS, ids=lambda each: getattr(each, "__name__", None))
def test_every_fault_is_one_of_ours(error: Exception, expected: type[CortexctlError], said: str) -> None:
    ours = translate(error, "dynamodb://r/t", "dynamodb:Query", 3)
    assert type(ours) is expected
    with pytest.raises(expected, match=said):
        raise ours
    assert ours is error or str(ours).startswith("dynamodb://r/t: ")
