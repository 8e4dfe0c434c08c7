"""Cortex's pods in a namespace of Kubernetes, as the options name it."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl.errors import DeadlineError, SourceError, UsageError
from cortexctl.units import parse_duration_s

if TYPE_CHECKING:
    from cortexctl.sources.pods import Found

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class KubernetesOptions:
    """Where Cortex's pods are."""

    k8s_namespace: Annotated[
        str | None,
        typer.Option(
            "--k8s-namespace",
            help="Cortex's pods by the labels of its charts: their rings, how many there should be, and compactors' "
            "volumes. Needs to list pods, persistentvolumeclaims, statefulsets.apps and deployments.apps there, and "
            "pip install 'cortexctl[k8s]'.",
            metavar="NAME",
            envvar="CORTEXCTL_K8S_NAMESPACE",
        ),
    ] = None
    k8s_context: Annotated[
        str | None,
        typer.Option(
            "--k8s-context",
            help="Of the kubeconfig, instead of its current one; in a pod its service account.",
            metavar="NAME",
            envvar="CORTEXCTL_K8S_CONTEXT",
        ),
    ] = None


def find_pods(given: KubernetesOptions, timeout: str, deadline: str | None) -> "Found | None":
    """Return what of Cortex's is in the namespace that is named, if one is. Raises UsageError."""
    namespace = given.k8s_namespace
    if namespace is None:
        if given.k8s_context is not None:
            raise UsageError("--k8s-context goes with --k8s-namespace NAME")
        return None
    if not _NAME.fullmatch(namespace):
        raise UsageError(f"--k8s-namespace {namespace!r}: is not a name that a namespace can have")
    from cortexctl.sources.kubernetes import open_namespace
    from cortexctl.sources.pods import Found, Resource, find

    kubeconfig = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    deadline_s = None if deadline is None else parse_duration_s(deadline)
    try:
        with open_namespace(namespace, given.k8s_context, kubeconfig, parse_duration_s(timeout), deadline_s) as opened:
            return find(opened)
    except (SourceError, DeadlineError) as error:  # before anything could be listed
        return Found(namespace, {}, {}, {}, {Resource.PODS: error})
