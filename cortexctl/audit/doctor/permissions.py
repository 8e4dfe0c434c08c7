"""Which permission a request needs, by its name at the store, and what grants it.

Source: the authorization references of AWS (S3, DynamoDB), Google Cloud Storage, Azure Storage, Consul, etcd and
Kubernetes.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cortexctl.config import AzureSettings, GCSSettings, S3Settings
from cortexctl.config.location import StoreSettings
from cortexctl.config.source import ConsulSource, DynamoDBSource, EtcdSource, parse_ring_source
from cortexctl.ring.components import Component

if TYPE_CHECKING:
    from cortexctl.sources.pods import Resource

_TOLD = re.compile(r"not authorized to perform: ([\w:]+) on resource: \"?([^\s\"]+)")
"""What AWS says of a refusal, where it says more than that it is one."""
_KEY_PREFIX = "collectors/"


class Request(StrEnum):
    """What is asked of a bucket."""

    LIST = "list"
    GET = "get"
    UPLOADS = "list unfinished uploads"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Permission:
    """What has to be allowed: an action on a resource, and what grants it, to be pasted; empty where we know none."""

    action: str
    resource: str
    grant: str = ""

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}" if self.resource else self.action


def of_bucket(store: StoreSettings, request: Request) -> Permission:
    """Return what a request to a bucket needs."""
    match store:
        case S3Settings(bucket=bucket):
            return _s3(bucket, request)
        case GCSSettings(bucket=bucket):
            return _gcs(bucket, request)
        case AzureSettings(container=container, account_name=account):
            return _azure(f"{account}/{container}" if account else container, request)
    return Permission("write access" if request is Request.WRITE else "read access", "")


def _s3(bucket: str, request: Request) -> Permission:
    arn = f"arn:aws:s3:::{bucket}"
    match request:
        case Request.LIST:
            return _of_aws("s3:ListBucket", arn)
        case Request.GET:
            return _of_aws("s3:GetObject", f"{arn}/*")
        case Request.UPLOADS:
            return _of_aws("s3:ListBucketMultipartUploads", arn)
        case Request.WRITE:
            return _of_aws("s3:PutObject, s3:DeleteObject", f"{arn}/*")


def _of_aws(action: str, resource: str) -> Permission:
    statement = {"Effect": "Allow", "Action": action.split(", "), "Resource": resource}
    return Permission(action, resource, json.dumps(statement))


def _gcs(bucket: str, request: Request) -> Permission:
    actions = {
        Request.LIST: "storage.objects.list",
        Request.GET: "storage.objects.get",
        Request.UPLOADS: "storage.multipartUploads.list",
        Request.WRITE: "storage.objects.create, storage.objects.delete",
    }
    role = "objectUser" if request in (Request.UPLOADS, Request.WRITE) else "objectViewer"
    bind = f"gcloud storage buckets add-iam-policy-binding gs://{bucket} --role=roles/storage.{role} --member=WHO"
    return Permission(actions[request], f"gs://{bucket}", bind)


def _azure(container: str, request: Request) -> Permission:
    blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
    action = f"{blobs}/write, delete" if request is Request.WRITE else f"{blobs}/read"
    role = "Contributor" if request is Request.WRITE else "Reader"
    create = f"az role assignment create --role 'Storage Blob Data {role}' --assignee WHO --scope WHERE"
    return Permission(action, container, create)


def of_place(place: str, component: Component) -> Permission:
    """Return what reading a ring needs where it is; `place` is the name of a `Place`."""
    match parse_ring_source(place):
        case DynamoDBSource(region=region, table=table):
            return _of_aws("dynamodb:Query", f"arn:aws:dynamodb:{region or '*'}:*:table/{table}")
        case ConsulSource(prefix=prefix):
            return Permission("key:read", _prefix(prefix, component), _consul_rule(_prefix(prefix, component)))
        case EtcdSource(prefix=prefix):
            keys = _prefix(prefix, component)
            return Permission("read", keys, f"etcdctl role grant-permission ROLE read --prefix=true {keys}")
    return Permission("read access", "")


def writes_of_place(place: str) -> Permission | None:
    """Return what changing a ring needs where it is; None where it is no KV store."""
    match parse_ring_source(place):
        case DynamoDBSource(region=region, table=table):
            actions = "dynamodb:PutItem, dynamodb:DeleteItem"
            return _of_aws(actions, f"arn:aws:dynamodb:{region or '*'}:*:table/{table}")
        case ConsulSource(prefix=prefix):
            return Permission("key:write", prefix or _KEY_PREFIX)
        case EtcdSource(prefix=prefix):
            return Permission("readwrite", prefix or _KEY_PREFIX)
    return None


def of_namespace(namespace: str, resources: "Sequence[Resource]") -> Permission:
    """Return what lists of Kubernetes need; granted by the rules of a Role."""
    groups: dict[str, list[str]] = {}
    for each in resources:
        groups.setdefault(each.group, []).append(str(each))
    rules = [{"apiGroups": [group], "resources": names, "verbs": ["list"]} for group, names in groups.items()]
    named = ", ".join(f"{each}.{each.group}" if each.group else str(each) for each in resources)
    return Permission(f"list {named}", f"namespace {namespace}", json.dumps(rules))


def told(message: str, derived: Permission) -> Permission:
    """Return the permission that a refusal names itself, as for `kms:Decrypt`, or else what the request needs."""
    found = _TOLD.search(message)
    if found is None:
        return derived
    action, resource = found[1], found[2].rstrip(".,)")
    return derived if action == derived.action and resource == derived.resource else _of_aws(action, resource)


def _prefix(prefix: str | None, component: Component) -> str:
    return component.prefix if prefix is None else prefix


def _consul_rule(keys: str) -> str:
    return f'key_prefix "{keys}" {{ policy = "read" }}'
