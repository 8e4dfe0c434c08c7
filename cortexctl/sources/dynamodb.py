"""Rings in a DynamoDB table: an item for each instance, and a write of one item on condition that it is as it was.

It asks for what Cortex's own role may do, `dynamodb:Query`, `PutItem` and `DeleteItem`, and nothing else: one item is
read by a query too.

Source: cortexproject/cortex, pkg/ring/kv/dynamodb/dynamodb.go. Unlike Cortex's, our deletes are conditional, and our
conditions hold for the bytes of an entry and not for its version alone, which Cortex before 1.20 takes away.
"""

import random
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from cortexctl.config.source import Access, DynamoDBSource, display
from cortexctl.errors import ConflictError, DataError, SourceError, UnavailableError
from cortexctl.ring import codec, entry
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import Component
from cortexctl.ring.model import Instance
from cortexctl.ring.reading import Form, Reading
from cortexctl.sources import dynamoitems
from cortexctl.sources.bounded import LateError, within
from cortexctl.sources.dynamofaults import MOMENTARY, code_of, late, translate
from cortexctl.sources.dynamoitems import Item
from cortexctl.sources.entries import difference, id_of_change, is_same
from cortexctl.sources.keys import StoredKeys
from cortexctl.sources.place import Writes

_ATTEMPTS = 3
"""Of one request, botocore's own, and all within the time-out."""
_TRIES = 4
"""Of one change, each with what was read anew."""
_PAUSE_S = (0.05, 0.3)
_MOST_PAGES = 256
"""Of one ring; DynamoDB cuts an answer at 1 MB."""
_TIMEOUTS_OF_A_QUERY = 6
"""In which all pages of a ring must come: each has the time-out, and a table that is slow has many."""
_LEAST_START_S = 10.0
"""For the credentials, which may be asked of another server."""


class DynamoDBPlace:
    """A table that rings are in."""

    host = ""
    is_saved = False
    writes = Writes.ENTRIES

    def __init__(self, source: DynamoDBSource, access: Access, stored_keys: Mapping[str, str] | None = None) -> None:
        """`stored_keys` are by component, and give way to the source's own prefix. Nothing is asked for yet."""
        self.name = display(source)
        self._source = source
        self._access = access
        self._keys = StoredKeys(source.prefix, stored_keys or {})
        self._lock = threading.Lock()
        self._made: Any = None

    def components(self) -> tuple[Component, ...]:
        """Return the rings that may be here."""
        return self._keys.components()

    def read(self, component: Component) -> Reading:
        """Return the ring as it is now, by a consistent read; one without items is an empty ring, as it is to Cortex.

        Raises NotFoundError without the table, AccessDeniedError, UnavailableError, each naming the table.
        """
        key = self._keys.of(component)
        self._client()
        began_s = time.monotonic()
        items = list(self._query("RingKey = :ring", {":ring": {"S": key}}))
        return Reading(
            component,
            self.name,
            time.time(),
            {Form.ITEMS: dynamoitems.printed(items)},
            Backend.DYNAMODB,
            key,
            time.monotonic() - began_s,
        )

    def change(self, component: Component, before: Instance | None, after: Instance | None) -> None:
        """Bring one item from what was read to another. One that is there already is left as it is.

        `ttl` and whatever else the item has are kept: only Cortex knows how long its items are to live. An item that
        is put where there is none has no `ttl`, which an entry does not hold; its owner's next heartbeat sets it.
        Raises ConflictError when the entry is neither, DataError when it cannot be decoded.
        """
        meant = id_of_change(self.name, before, after)
        for _ in self._tries():
            item = self._item(component, meant)
            found = None if item is None else self._decoded(meant, item)
            if is_same(found, after):
                return
            if not is_same(found, before):
                raise ConflictError(f"{self.name}: {meant} {difference(before, found)} since the plan was made")
            if self._write(component, meant, item, None if after is None else dynamoitems.holding(item, after)):
                return
        raise ConflictError(f"{self.name}: {meant} was written by another at each of {_TRIES} tries")

    def damaged(self, component: Component, instance_id: str) -> bytes | None:
        """Return an item that Cortex cannot decode, which stops its reads of the whole ring; None for one that is well.

        As `ring.entry` encodes it.
        """
        item = self._item(component, instance_id)
        return None if item is None or dynamoitems.is_well(instance_id, item) else entry.encode_damaged(item)

    def change_damaged(self, component: Component, instance_id: str, before: bytes | None, after: bytes | None) -> None:
        """Delete an item that Cortex cannot decode, or put it back where there is none.

        Raises ConflictError when the item is neither, as one that its instance has written anew.
        """
        for _ in self._tries():
            item = self._item(component, instance_id)
            found = None if item is None else entry.encode_damaged(item)
            if found == after:
                return
            if found != before or (item is not None and dynamoitems.is_well(instance_id, item)):
                raise ConflictError(f"{self.name}: {instance_id} was written since the plan was made")
            put = None if after is None else entry.decode_damaged(after)
            if self._write(component, instance_id, item, put):
                return
        raise ConflictError(f"{self.name}: {instance_id} was written by another at each of {_TRIES} tries")

    def close(self) -> None:
        """Give back connections."""
        if self._made is not None:
            self._made.close()

    def _tries(self) -> Iterator[int]:
        for number in range(_TRIES):
            if number:
                time.sleep(random.uniform(*_PAUSE_S))  # noqa: S311 - jitter
            yield number

    def _decoded(self, instance_id: str, item: Item) -> Instance:
        data = dynamoitems.entry_bytes(item)
        try:
            if data is None:
                raise DataError("it has no Data")
            return codec.decode_instance(instance_id, data)[0]
        except DataError as error:
            raise DataError(f"{self.name}: the item of {instance_id} cannot be decoded: {error}") from error

    def _item(self, component: Component, instance_id: str) -> Item | None:
        values = {":ring": {"S": self._keys.of(component)}, ":id": {"S": instance_id}}
        return next(self._query("RingKey = :ring AND InstanceKey = :id", values), None)

    def _query(self, condition: str, values: Item) -> Iterator[Item]:
        request: dict[str, Any] = {
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ConsistentRead": True,
        }
        ends_s = time.monotonic() + _TIMEOUTS_OF_A_QUERY * self._access.timeout_s
        for number in range(_MOST_PAGES):
            if time.monotonic() > ends_s:
                raise UnavailableError(
                    f"{self.name}: did not answer within {_TIMEOUTS_OF_A_QUERY * self._access.timeout_s:g}s, "
                    f"{_TIMEOUTS_OF_A_QUERY} time-outs: it gave {number} pages of the ring, and there are more"
                )
            answer = self._ask("Query", request)
            if "Items" not in answer:
                raise SourceError(f"{self.name}: what answers is not DynamoDB: it lists no items")
            yield from answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        raise SourceError(f"{self.name}: the answer has no end: {_MOST_PAGES} pages, and no ring has so many")

    def _write(self, component: Component, instance_id: str, item: Item | None, after: Item | None) -> bool:
        """Return whether the item is written, or deleted: not where another's write came before it."""
        key = {"RingKey": {"S": self._keys.of(component)}, "InstanceKey": {"S": instance_id}}
        request = dynamoitems.condition(item)
        if after is None:
            request["Key"] = key
        else:
            request["Item"] = {**after, **key}
        try:
            self._ask("DeleteItem" if after is None else "PutItem", request)
        except _MetAnotherError:
            return False
        except UnavailableError as error:
            raise UnavailableError(f"{error}; whether {instance_id} was written is not known: read it again") from error
        return True

    def _ask(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to one request. Raises _MetAnotherError, or one of our errors."""
        from botocore.exceptions import BotoCoreError, ClientError

        methods = {"Query": "query", "PutItem": "put_item", "DeleteItem": "delete_item"}
        call = getattr(self._client(), methods[operation])
        timeout_s = self._access.timeout_s
        try:
            answer: dict[str, Any] = within(timeout_s, lambda: call(TableName=self._source.table, **request))
        except LateError:
            raise late(self.name, timeout_s) from None
        except (BotoCoreError, ClientError, ValueError, OSError) as error:
            if code_of(error) in MOMENTARY:
                raise _MetAnotherError from error
            raise translate(error, self.name, f"dynamodb:{operation}", timeout_s) from error
        return answer

    def _client(self) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        with self._lock:
            if self._made is None:
                seconds = max(self._access.timeout_s, _LEAST_START_S)
                try:
                    self._made = within(seconds, lambda: _client(self._source, self._access))
                except LateError:
                    raise UnavailableError(f"{self.name}: found no credentials within {seconds:g}s") from None
                except (BotoCoreError, ClientError, ValueError, OSError) as error:
                    raise translate(error, self.name, "dynamodb:Query", self._access.timeout_s) from error
            return self._made


class _MetAnotherError(Exception):
    """Another wrote the item first."""


def _client(source: DynamoDBSource, access: Access) -> Any:
    """Return a boto3 client, with the time-out whose absence is what stalled Cortex's heartbeats."""
    import boto3
    from botocore.config import Config

    tls = access.tls
    options: dict[str, Any] = {}
    presented: Any = None
    if source.endpoint_url:
        # The run's own authorities and certificates are for servers of ours, not for AWS.
        options = {"endpoint_url": source.endpoint_url}
        if tls.insecure_skip_verify:
            options["verify"] = False
        elif tls.ca_file is not None:
            options["verify"] = str(tls.ca_file)
        if tls.cert_file is not None:
            presented = (str(tls.cert_file), str(tls.key_file)) if tls.key_file else str(tls.cert_file)
    session = boto3.Session(profile_name=source.profile or None, region_name=source.region or None)
    return session.client(
        "dynamodb",
        config=Config(
            connect_timeout=access.timeout_s,
            read_timeout=access.timeout_s,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            client_cert=presented,
        ),
        **options,
    )
