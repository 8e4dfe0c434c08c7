"""A namespace over HTTP: kubeconfigs, pages, refusals, and what hangs."""

import builtins
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cortexctl.errors import AccessDeniedError, DeadlineError, NotFoundError, SourceError, UnavailableError, UsageError
from cortexctl.sources.kubernetes import open_namespace
from cortexctl.sources.pods import Resource
from tests.fakes.kubernetes import TOKEN, ApiServer, kubeconfig, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    """An API server, and a kubeconfig for it in `tmp_path`."""
    server = ApiServer(items={"pods": [{"metadata": {"name": f"p-{each}"}} for each in range(5)]})
    with serving(server) as url:
        kubeconfig(tmp_path / "config", url)
        yield server


def pages(file: Path, resource: Resource = Resource.PODS, *, context: str | None = None, **limits: Any) -> list[bytes]:
    """Return the pages of a list."""
    with open_namespace("cortex", context, str(file), limits.pop("timeout_s", 5), **limits) as opened:
        return list(opened.pages(resource))


def test_lists_come_in_pages_and_are_all_that_is_asked(server: ApiServer, tmp_path: Path) -> None:
    server.page = 2
    read = pages(tmp_path / "config")
    assert [each.count(b'"name"') for each in read] == [2, 2, 1]
    pages(tmp_path / "config", Resource.DEPLOYMENTS, context="here")
    of_apps = ("GET", "/apis/apps/v1/namespaces/cortex/deployments")
    assert server.asked == [("GET", "/api/v1/namespaces/cortex/pods")] * 3 + [of_apps]
    assert {each["authorization"] for each in server.headers} == {f"Bearer {TOKEN}"}


def test_what_the_rights_do_not_allow(server: ApiServer, tmp_path: Path) -> None:
    server.denied.add("statefulsets")
    with pytest.raises(AccessDeniedError, match=r"do not allow to list statefulsets in namespace cortex: .*reader"):
        pages(tmp_path / "config", Resource.STATEFULSETS)


def test_a_token_that_is_not_accepted_is_not_shown(server: ApiServer, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(file.read_text().replace(TOKEN, "0ther"))
    with pytest.raises(AccessDeniedError, match=r"credentials of .* are not accepted, 401: Unauthorized") as raised:
        pages(file)
    assert "0ther" not in str(raised.value)


def test_a_server_that_hangs_or_a_deadline_that_is_over(server: ApiServer, tmp_path: Path) -> None:
    with pytest.raises(DeadlineError, match="namespace cortex"):
        pages(tmp_path / "config", deadline_s=1e-9, timeout_s=5)
    server.hangs = True
    with pytest.raises(UnavailableError, match=r"did not answer within 0\.2s"):
        pages(tmp_path / "config", timeout_s=0.2)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"metadata": 1}', b"\xff"])
def test_an_answer_of_another_server(server: ApiServer, tmp_path: Path, body: bytes) -> None:
    server.body = body
    with pytest.raises(SourceError, match="is not one of Kubernetes'"):
        pages(tmp_path / "config")


def test_another_path(server: ApiServer, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(file.read_text().replace('"}}], "users"', '/none"}}], "users"'))
    with pytest.raises(NotFoundError, match="/none/api/v1/namespaces/cortex/pods: the server answers 404"):
        pages(file)


@pytest.mark.parametrize(
    ("text", "context", "said"),
    [
        (None, "other", r"kubeconfig .*: Invalid kube-config file"),
        (f"users: [{{token: {TOKEN}", None, r"cannot be read as one \(ParserError\)"),
        ("[1]", None, "kubeconfig .*config: "),
        ("", None, "kubeconfig .*config: Invalid kube-config"),
    ],
)
def test_a_kubeconfig_that_is_none(server: ApiServer, tmp_path: Path, text: str, context: str, said: str) -> None:
    file = tmp_path / "config"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError, match=said) as raised:
        pages(file, context=context)
    assert TOKEN not in str(raised.value)
    assert server.asked == []


def test_neither_a_kubeconfig_nor_a_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(UsageError, match=r"there is no kubeconfig .*none, and this does not run in a pod"):
        pages(tmp_path / "none")


def test_a_plugin_that_hangs(server: ApiServer, tmp_path: Path) -> None:
    file = tmp_path / "config"
    plugin = '{"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sleep", "args": ["3"]}}'
    file.write_text(file.read_text().replace(f'{{"token": "{TOKEN}"}}', plugin))
    with pytest.raises(UnavailableError, match=r"its plugin gave no credentials within 0.3s"):
        pages(file, timeout_s=0.3)


def test_a_plugin_that_fails(server: ApiServer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "config"
    plugin = '{"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/none/aws"}}'
    file.write_text(file.read_text().replace(f'{{"token": "{TOKEN}"}}', plugin))
    with pytest.raises(AccessDeniedError, match=r"its plugin gave no credentials: .*/none/aws"):
        pages(file)
    assert server.asked == []


def test_the_library_that_is_not_installed(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "kubernetes":
            raise ModuleNotFoundError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"pip install 'cortexctl\[k8s\]'"):
        pages(tmp_path / "config")
