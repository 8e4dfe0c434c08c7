"""`cortexctl ring owners` and `tokens`: whose keys are whose, and where an instance's tokens come from."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl.cli.files import fault_of
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import OutputOptions, names
from cortexctl.cli.ring.options import AccessOptions, RingName, RingOptions
from cortexctl.cli.ring.session import component_named, ring_session
from cortexctl.errors import DataError, ExitCode, UsageError
from cortexctl.units import parse_duration_s

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortexctl.audit.ring.keys import OwnedKey
    from cortexctl.ring.components import Component, Operation
    from cortexctl.ring.tokens import TokenFile


@dataclass(frozen=True)
class KeyOptions:
    """Which keys, and in whose shard."""

    block: Annotated[
        list[str] | None,
        typer.Option("--block", help="A block. Repeatable, as all of these.", metavar="[TENANT/]ULID", callback=names),
    ] = None
    token: Annotated[list[int] | None, typer.Option("--token", help="A key by its number.", metavar="N")] = None
    series: Annotated[
        list[str] | None, typer.Option("--series", help="""A series: 'up{job="api"}'.""", metavar="SERIES")
    ] = None
    rule_group: Annotated[
        list[str] | None, typer.Option("--rule-group", help="A rule group.", metavar="TENANT/NAMESPACE/GROUP")
    ] = None
    tenant: Annotated[
        str | None,
        typer.Option("--tenant", "-t", help="A tenant: the key itself, or whose block, series or shard.", metavar="ID"),
    ] = None
    shard_size: Annotated[
        float | None,
        typer.Option("--shard-size", min=0, help="Of the tenant's shuffle shard; below 1 a share.", metavar="N"),
    ] = None
    lookback: Annotated[
        str, typer.Option("--lookback", help="shuffle-sharding-ingesters-lookback-period.", metavar="DURATION")
    ] = "0"
    operation: Annotated[
        list[str] | None,
        typer.Option(
            "--operation", help="Read, Write, BlocksRead … Repeatable, or with commas.", metavar="NAME", callback=names
        ),
    ] = None
    by_all_labels: Annotated[
        bool,
        typer.Option("--shard-by-all-labels/--no-shard-by-all-labels", help="As the distributor's flag."),
    ] = True


@grouped
def owners(source: RingOptions, access: AccessOptions, output: OutputOptions, keys: KeyOptions, ring: RingName) -> None:
    """Say who owns a key, and why.

    The key of a block, a tenant, a series, a rule group, or a token; the owners as Cortex would compute them. Each
    instance that the search comes to is shown in its order, with what became of it, for each operation. The shard size
    is the configuration's unless it is given. Needs to read the ring page, or the KV store.
    """
    from cortexctl.audit.ring.owners import explain_owners
    from cortexctl.audit.ring.survey import raise_unless_found

    with ring_session(source, access, output, "ring owners", rings=[ring]) as run:
        (component,) = run.components([ring])
        wanted = _keys(component, keys)
        surveyed = run.survey([component])
        found = raise_unless_found(surveyed, component)
        shard_size = keys.shard_size
        if shard_size is None:
            shuffled = [each for each in found.configs[:1] if each.sharding_strategy == "shuffle-sharding"]
            shard_size = shuffled[0].tenant_shard_size if shuffled else 0
        elif not math.isfinite(shard_size):
            raise UsageError(f"--shard-size {shard_size} is no number of instances")
        result = explain_owners(
            found.primary,
            wanted,
            tenant=keys.tenant,
            shard_size=shard_size,
            lookback_s=parse_duration_s(keys.lookback),
            operations=_operations(component, keys.operation),
        )
        run.output.emit(result)
        run.fail_for(surveyed.failed, len(surveyed.rings))


def _keys(component: "Component", given: KeyOptions) -> "list[OwnedKey]":
    from cortexctl.audit.ring.keys import block_key, rule_group_key, series_key, tenant_key, token_key

    keys = [block_key(component, each) for each in given.block or ()]
    keys += [token_key(each) for each in given.token or ()]
    keys += [
        series_key(component, each, given.tenant, by_all_labels=given.by_all_labels) for each in given.series or ()
    ]
    keys += [rule_group_key(component, each) for each in given.rule_group or ()]
    if not keys and given.tenant is not None:
        keys.append(tenant_key(component, given.tenant))
    if not keys:
        raise UsageError("give a key: --block, --tenant, --series, --rule-group or --token")
    return keys


def _operations(component: "Component", names: "Sequence[str] | None") -> "list[Operation] | None":
    from cortexctl.ring.components import OPERATIONS

    by_name = {name.lower(): each for name, each in OPERATIONS.items()}
    unknown = [name for name in names or () if name.lower() not in by_name]
    if unknown:
        known = ", ".join(each.name for each in component.operations)
        raise UsageError(f"no operation {unknown[0]!r}; the {component.name} ring has {known}")
    return [by_name[name.lower()] for name in names] if names else None


@grouped
def tokens(
    source: RingOptions,
    access: AccessOptions,
    output: OutputOptions,
    file: Annotated[list[Path], typer.Argument(help="Token files, of one ring.", metavar="FILE...")],
    ring: Annotated[
        str | None, typer.Option("--ring", help="The ring they are of; with --source it is needed.", metavar="RING")
    ] = None,
) -> None:
    """Compare token files with the ring and each other.

    And with the number of tokens there should be; and say what a restart would make of them. Exits 1 when any differs,
    is a copy of another, or cannot be read by Cortex, which would then make new tokens. Needs to read the files, and
    with --source the ring page, or the KV store.
    """
    from cortexctl.audit.ring.survey import raise_unless_found
    from cortexctl.audit.ring.tokens import LEFTOVER, compare_tokens

    with ring_session(source, access, output, "ring tokens", needs_source=False) as run:
        if run.places and ring is None:
            raise UsageError("give --ring: which of the source's rings the files are of")
        checked = None
        component = None if ring is None else component_named(ring)
        if run.places and component is not None:
            checked = raise_unless_found(run.survey([component]), component).primary
        expected = source.tokens
        if expected is None and component is not None:
            expected = next((each.tokens for each in run.judging.configured(component)), None)
        leftovers = [f"{path}{LEFTOVER}" for path in file if Path(f"{path}{LEFTOVER}").exists()]
        result = compare_tokens(
            read_token_files(file), checked, expected=expected, leftovers=leftovers, component=component
        )
        differs = bool(result.summary["differs"])
        run.output.emit(result, is_well=not differs)
        if differs:
            raise typer.Exit(ExitCode.FINDINGS)


def read_token_files(paths: "Sequence[Path]") -> "dict[str, TokenFile | DataError]":
    """Return the token file at each path; an error where Cortex would ignore it. Raises UsageError for no file."""
    from cortexctl.ring import tokens as token_files

    files: dict[str, TokenFile | DataError] = {}
    for path in paths:
        try:
            files[str(path)] = token_files.decode(path.read_bytes())
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {fault_of(error)}") from error
        except DataError as error:
            files[str(path)] = DataError(f"{path}: {error}")
    return files
