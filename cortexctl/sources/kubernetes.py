"""A namespace of Kubernetes, listed as a kubeconfig or a pod's own service account allows. The only importer of its
library, which reads kubeconfigs and runs their plugins; the lists are asked for as all else over HTTP.

Nothing is changed, and nothing but lists is asked for.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from cortexctl.config.source import TLS, Access
from cortexctl.errors import AccessDeniedError, DeadlineError, SourceError, UnavailableError, UsageError
from cortexctl.sources.bounded import LateError, within
from cortexctl.sources.pods import Resource
from cortexctl.sources.web import Answer, Web

if TYPE_CHECKING:
    from kubernetes.client import Configuration

_PAGE = 500
_UNAUTHORIZED, _FORBIDDEN = 401, 403


class _Status(msgspec.Struct, frozen=True, gc=False):
    message: str = ""


class _ListMetadata(msgspec.Struct, frozen=True, gc=False, rename={"follows": "continue"}):
    follows: str = ""


class _List(msgspec.Struct, frozen=True, gc=False):
    metadata: _ListMetadata = _ListMetadata()


class KubernetesNamespace:
    """One namespace at one API server."""

    def __init__(self, namespace: str, web: Web, deadline_at_s: float | None = None) -> None:
        """`deadline_at_s`, by the monotonic clock, is when nothing more is asked."""
        self._namespace = namespace
        self._web = web
        self._deadline_at_s = deadline_at_s

    @property
    def namespace(self) -> str:
        """Its name."""
        return self._namespace

    def pages(self, resource: Resource) -> Iterator[bytes]:
        """Yield the pages of a list, in JSON. Raises SourceError, and DeadlineError between two."""
        api = f"/apis/{resource.group}/v1" if resource.group else "/api/v1"
        path, follows = f"{api}/namespaces/{quote(self._namespace, safe='')}/{resource}", ""
        while True:
            if self._deadline_at_s is not None and time.monotonic() >= self._deadline_at_s:
                raise DeadlineError(_over(self._namespace))
            params = {"limit": str(_PAGE)} | ({"continue": follows} if follows else {})
            answer = self._web.get(path, params=params)
            if answer.status == _UNAUTHORIZED:
                raise AccessDeniedError(
                    f"{answer.url}: the credentials of the kubeconfig or the service account are not accepted, 401"
                    f"{_because(answer)}"
                )
            if answer.status == _FORBIDDEN:
                raise AccessDeniedError(
                    f"{answer.url}: the rights do not allow to list {resource} in namespace {self._namespace}"
                    f"{_because(answer)}"
                )
            answer.wanted()
            yield answer.body
            follows = _follows(answer)
            if not follows:
                return


@contextmanager
def open_namespace(
    namespace: str, context: str | None, kubeconfig: str, timeout_s: float, deadline_s: float | None = None
) -> Iterator[KubernetesNamespace]:
    """Open a namespace, and close it at the end.

    `kubeconfig` is a path, or several as KUBECONFIG has them; where none is there and no context is named, it is the
    service account of the pod that this runs in. Raises UsageError for what cannot be used, and AccessDeniedError,
    UnavailableError or DeadlineError where a plugin for credentials gives none, or not in time.
    """
    deadline_at_s = None if deadline_s is None else time.monotonic() + deadline_s
    timeout_s = timeout_s if deadline_s is None else min(timeout_s, deadline_s)
    try:
        configuration = within(timeout_s, lambda: _configured(kubeconfig, context))
    except LateError:
        if deadline_s is not None and timeout_s >= deadline_s:
            raise DeadlineError(_over(namespace)) from None
        raise UnavailableError(
            f"kubeconfig {kubeconfig}: its plugin gave no credentials within {timeout_s:g}s"
        ) from None
    # What the operator says to Cortex's processes is not for this server.
    given = configuration.auth_settings().get("BearerToken", {}).get("value")
    web = Web(
        configuration.host,
        Access(timeout_s=timeout_s),
        tls=TLS(
            _path(configuration.ssl_ca_cert),
            _path(configuration.cert_file),
            _path(configuration.key_file),
            configuration.tls_server_name or "",
            not configuration.verify_ssl,
        ),
        headers=[("Authorization", str(given).strip())] if given else [],
        refusals=(),
    )
    with web:
        yield KubernetesNamespace(namespace, web, deadline_at_s)


def _configured(kubeconfig: str, context: str | None) -> "Configuration":
    """Return where the API server is, and how it is spoken to. Raises UsageError, and AccessDeniedError."""
    try:
        from kubernetes.client import Configuration
        from kubernetes.config import ConfigException, load_incluster_config, load_kube_config
    except ImportError as error:
        raise UsageError(
            "--k8s-namespace: the library of Kubernetes is not installed: pip install 'cortexctl[k8s]'"
        ) from error
    import yaml

    configuration = Configuration()
    is_there = any(Path(each).expanduser().exists() for each in kubeconfig.split(":") if each)
    try:
        if context or is_there:
            with _logged() as said:
                load_kube_config(kubeconfig, context, configuration, persist_config=False)
            if said:
                raise AccessDeniedError(f"kubeconfig {kubeconfig}: its plugin gave no credentials: {said[0]}")
        else:
            load_incluster_config(configuration)
    except ConfigException as error:
        if context or is_there:
            raise UsageError(f"kubeconfig {kubeconfig}: {str(error).rstrip('.')}") from error
        raise UsageError(
            f"--k8s-namespace: there is no kubeconfig {kubeconfig}, and this does not run in a pod: {error}"
        ) from error
    except (yaml.YAMLError, OSError, ValueError, TypeError, AttributeError, LookupError) as error:
        # What the exception says may have the secrets of the file.
        raise UsageError(f"kubeconfig {kubeconfig}: cannot be read as one ({type(error).__name__})") from error
    return configuration


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Yield what the library logs, which is all that it says of a plugin that fails."""
    said: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(_shown(record.getMessage()))

    kept = Kept(logging.ERROR)
    logging.root.addHandler(kept)
    try:
        yield said
    finally:
        logging.root.removeHandler(kept)


def _over(namespace: str) -> str:
    return f"namespace {namespace}: had not been listed when the deadline passed"


def _path(written: str | None) -> Path | None:
    return Path(written) if written else None


def _because(answer: Answer) -> str:
    try:
        said = msgspec.json.decode(answer.body, type=_Status).message
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return f": {_shown(said)}" if said else ""


def _shown(text: str) -> str:
    return "".join(each for each in text[:300] if each.isprintable())


def _follows(answer: Answer) -> str:
    try:
        return msgspec.json.decode(answer.body, type=_List).metadata.follows
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"{answer.url}: the answer is not one of Kubernetes'") from error
