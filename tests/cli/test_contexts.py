"""Contexts: which is in force, what goes before it, and the commands that show, choose and check them."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.builders import NOW_S, TENANT, A, a_block, an_entry, an_index
from tests.cli.conftest import INDEX, Cli, Place, Ran
from tests.cli.rings import a_ring, save
from tests.fakes.cortex import Pod, running
from tests.fakes.ringstore import Store

GOLDEN = Path(__file__).parents[1] / "golden"

Write = Callable[[str], Path]


@pytest.fixture
def write(cli: Cli, tmp_path: Path) -> Write:
    """Writes the file of contexts."""
    file = tmp_path / "config" / "config.yaml"
    file.parent.mkdir()
    cli.environment["CORTEXCTL_CONFIG"] = str(file)

    def written(text: str) -> Path:
        file.write_text(text)
        return file

    return written


@pytest.fixture
def serve() -> Iterator[Callable[[Pod], str]]:
    """Serves a pod, and returns its URL."""
    with ExitStack() as stack:
        yield lambda pod: stack.enter_context(running(pod))


@pytest.fixture
def bucket(empty: Place) -> Place:
    """A bucket with one block."""
    empty.put({**a_block(A), INDEX: an_index([an_entry(A)])})
    return empty


def rows(ran: Ran) -> dict[str, tuple[object, str]]:
    return {row["setting"]: (row["value"], row["origin"]) for row in ran.document["items"]}


def test_a_named_context_has_the_bucket(cli: Cli, write: Write, bucket: Place) -> None:
    write(f"contexts: {{a: {{bucket: '{bucket.url}'}}}}")
    ran = cli("bucket", "tenants", "--context", "a", "--as-of", str(NOW_S))
    assert TENANT in ran.stdout
    assert "context a" not in ran.stderr
    cli.environment["CORTEXCTL_CONTEXT"] = "a"
    assert TENANT in cli("bucket", "tenants").stdout
    assert "no context 'b'; there are: a" in cli("bucket", "tenants", "--context", "b", code=2).stderr


def test_the_current_context_speaks_where_no_place_is_named_and_says_so(
    cli: Cli, write: Write, bucket: Place, tmp_path: Path
) -> None:
    file = write(f"current-context: a\ncontexts: {{a: {{bucket: '{bucket.url}'}}}}")
    ran = cli("bucket", "tenants")
    assert TENANT in ran.stdout
    assert f"context a, the current one of {file}" in ran.stderr
    other = tmp_path / "other"
    other.mkdir()
    for arguments in (
        ("-b", str(other)),
        ("--objstore.config", f"{{type: FILESYSTEM, config: {{directory: {other}}}}}"),
    ):
        elsewhere = cli("bucket", "tenants", *arguments)
        assert TENANT not in elsewhere.stdout
        assert "context" not in elsewhere.stderr
    cli.environment["CORTEXCTL_BUCKET"] = str(other)
    assert TENANT not in cli("bucket", "tenants").stdout
    config = tmp_path / "cortex.yaml"
    config.write_text(f"blocks_storage: {{backend: filesystem, filesystem: {{dir: {other}}}}}")
    del cli.environment["CORTEXCTL_BUCKET"]
    assert TENANT not in cli("bucket", "tenants", "--config.file", config).stdout


def test_the_order_of_flag_environment_context_yaml_and_default(
    cli: Cli, write: Write, bucket: Place, tmp_path: Path
) -> None:
    def delays() -> str:
        return cli("bucket", "check", "--context", "a", "--as-of", str(NOW_S), code=None).stdout

    (tmp_path / "config" / "cortex.yaml").write_text("compactor: {deletion_delay: 3h, cleanup_interval: 7m}")
    named = f"contexts: {{a: {{bucket: '{bucket.url}'"
    write(f"{named}}}}}")
    assert "Cortex's defaults: cleanup_interval 15m, deletion_delay 12h" in delays()
    write(f"{named}, config-file: cortex.yaml}}}}")
    assert "cleanup_interval 7m, deletion_delay 3h" in delays()
    write(f"{named}, config-file: cortex.yaml, settings: {{compactor: {{deletion_delay: 4h}}}}}}}}")
    assert "and context a: cleanup_interval 7m, deletion_delay 4h" in delays()
    cli.environment["CORTEXCTL_CONFIG_FILE"] = str(tmp_path / "environment.yaml")
    (tmp_path / "environment.yaml").write_text("compactor: {cleanup_interval: 8m}")
    assert "cleanup_interval 8m, deletion_delay 4h" in delays()


def test_what_is_pasted_names_the_context(cli: Cli, write: Write, empty: Place) -> None:
    empty.put(a_block(A))
    write(f"contexts: {{my cluster: {{bucket: '{empty.url}'}}}}")
    document = cli("bucket", "check", "--context", "my cluster", "--as-of", str(NOW_S), "-o", "json", code=1).document
    nexts = [each["next"] for each in document["findings"] if each["next"]]
    assert nexts
    assert all("--context 'my cluster'" in each and empty.url not in each for each in nexts)


def test_a_run_is_undone_in_its_bucket_whatever_the_context_is_now(
    cli: Cli, write: Write, bucket: Place, tmp_path: Path
) -> None:
    file = write(f"current-context: a\ncontexts: {{a: {{bucket: '{bucket.url}'}}}}")
    cli("bucket", "marks", "add", f"{TENANT}/{A}", "--kind", "deletion", "--apply", "--no-lock")
    run = cli("journal", "ls", "-o", "json").document["items"][0]["run"]
    other = tmp_path / "other"
    other.mkdir()
    file.write_text(f"current-context: b\ncontexts: {{a: {{}}, b: {{bucket: '{other}'}}}}")
    assert "put back" in cli("journal", "undo", run, "--apply").stdout


def test_rings_of_a_context(cli: Cli, write: Write, tmp_path: Path) -> None:
    one, two = save(tmp_path / "one.bin", a_ring()), save(tmp_path / "two.bin", a_ring({1: 5}))
    file = write(f"current-context: a\ncontexts:\n  a: {{source: {one}}}\n  b: {{rings: {{ingester: [{two}]}}}}")
    ran = cli("ring", "show", "ingester", "-o", "json")
    assert f"context a, the current one of {file}" in ran.stderr
    assert len(ran.document["items"]) == len(cli("ring", "show", "ingester", "-s", one, "-o", "json").document["items"])
    of_b = cli("ring", "show", "ingester", "--context", "b")
    assert of_b.stdout == cli("ring", "show", "ingester", "-s", two).stdout
    ran = cli("ring", "show", "compactor", "--context", "b", code=2)
    assert "context b has no source of the compactor ring: give --source" in ran.stderr
    listed = cli("ring", "list", "--context", "b", "-o", "json").document["items"]
    assert [row["ring"] for row in listed] == ["ingester"]


def test_settings_of_a_ring(cli: Cli, write: Write, tmp_path: Path) -> None:
    one = save(tmp_path / "one.bin", a_ring())
    ring = "ingester: {lifecycler: {ring: {replication_factor: 5}}}"
    write(
        f"contexts: {{a: {{source: {one}, settings: {{{ring}}}}}, b: {{source: {one}, settings: {{compactor: {{}}}}}}}}"
    )
    assert "replication factor 5 (context a)" in cli("ring", "show", "ingester", "--context", "a").stdout
    assert "replication factor 3 (default)" in cli("ring", "show", "ingester", "--context", "b").stdout
    by_flag = cli("ring", "show", "ingester", "--context", "a", "--replication-factor", "4").stdout
    assert "replication factor 4 (flag)" in by_flag


def test_a_snapshot_and_a_path_beside_the_file(cli: Cli, write: Write, bucket: Place, tmp_path: Path) -> None:
    cli("bucket", "snapshot", tmp_path / "config" / "one.snapshot", *bucket.then)
    write(f"contexts: {{a: {{bucket: 'snapshot:one.snapshot'}}, b: {{bucket: ../{Path(bucket.url).name}}}}}")
    assert TENANT in cli("bucket", "tenants", "--context", "a").stdout
    assert TENANT in cli("bucket", "tenants", "--context", "b").stdout


def test_volumes_of_a_context(cli: Cli, write: Write, bucket: Place) -> None:
    write(f"contexts: {{a: {{bucket: '{bucket.url}', volumes: {{compactor-0: 1Ki}}}}}}")
    ran = cli("plan", "disk", "--context", "a", "--as-of", str(NOW_S), "-o", "json", code=None)
    assert "volume" in ran.stdout


def test_config_lint_of_a_context(cli: Cli, write: Write) -> None:
    write(f"current-context: a\ncontexts: {{a: {{config-file: {GOLDEN / 'config/sensible.yaml'}}}}}")
    assert "no findings (1 config checked)" in cli("config", "lint").stdout


def test_show(cli: Cli, write: Write, tmp_path: Path) -> None:
    (tmp_path / "config" / "cortex.yaml").write_text("compactor:\n  cleanup_interval: ${EVERY}\n")
    cli.environment["EVERY"] = "7m"
    file = write("""
current-context: a
contexts:
  a:
    bucket: s3://blocks?region=eu-central-1
    config-file: cortex.yaml
    config-expand-env: true
    source: [etcd://u:S3CR3T@etcd:2379]
    from-live: http://u:S3CR3T@querier
    settings: {compactor: {deletion_delay: 6h}}
  b: {}
""")
    ran = cli("config", "show", "-o", "json")
    shown = rows(ran)
    assert shown["context"] == ("a", "current-context")
    assert shown["bucket"][1] == "context a"
    assert shown["source"] == ("etcd://u@etcd:2379", "context a")
    assert shown["compactor.deletion_delay"] == ("6h", "context a")
    assert shown["compactor.cleanup_interval"] == ("7m", f"{tmp_path}/config/cortex.yaml, line 2")
    assert shown["compactor.compaction_interval"] == ("1h0m0s", "default")
    assert "S3CR3T" not in ran.stdout + ran.stderr
    assert f"{file}: a (current), b" in cli("config", "show").stdout
    cli.environment["CORTEXCTL_BUCKET"] = "s3://other"
    assert rows(cli("config", "show", "-o", "json"))["bucket"] == ("s3://other", "environment")
    assert rows(cli("config", "show", "--context", "b", "-o", "json"))["context"] == ("b", "option")


def test_show_without_a_file(cli: Cli, tmp_path: Path) -> None:
    cli.environment |= {"CORTEXCTL_CONFIG": "", "XDG_CONFIG_HOME": str(tmp_path)}
    assert rows(cli("config", "show", "-o", "json"))["context"] == ("-", "none")


@pytest.mark.parametrize("command", ["show", "use-context", "validate"])
def test_what_is_judged_at_no_time_takes_none(cli: Cli, command: str) -> None:
    assert "--as-of" not in cli("config", command, "--help").stdout
    cli.environment |= {"CORTEXCTL_AS_OF": "no time"}
    assert "No such option" in cli("config", command, "--as-of", "now", code=2).stderr


def test_use_context(cli: Cli, write: Write) -> None:
    file = write("# mine\ncurrent-context: gone\ncontexts: {a: {}, b: {}}\n")
    file.chmod(0o600)
    assert "no context 'gone'; there are: a, b" in cli("config", "show", code=2).stderr
    assert "context b of" in cli("config", "use-context", "b").stdout
    assert file.read_text() == "# mine\ncurrent-context: b\ncontexts: {a: {}, b: {}}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["config.yaml"]
    assert "no context 'c'" in cli("config", "use-context", "c", code=2).stderr
    assert "current-context: b" in file.read_text()


def test_use_context_writes_what_a_link_points_to(cli: Cli, tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text("contexts: {a: {}}\n")
    link.symlink_to(real)
    cli.environment["CORTEXCTL_CONFIG"] = str(link)
    cli("config", "use-context", "a")
    assert link.is_symlink()
    assert real.read_text() == "current-context: a\ncontexts: {a: {}}\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_that_cannot_be_written(cli: Cli, write: Write) -> None:
    file = write("contexts: {a: {}}\n")
    file.parent.chmod(0o500)
    assert "cannot be written" in cli("config", "use-context", "a", code=2).stderr
    file.parent.chmod(0o700)


def test_validate(cli: Cli, write: Write) -> None:
    file = write("""\
contexts:
  a:
    config-file: not-there.yaml
    settings:
      compactor:
        deletion_dealy: 6h
        cleanup_interval: often
""")
    ran = cli("config", "validate", "-o", "json", code=1)
    assert [(row["line"], row["path"]) for row in ran.document["items"]] == [
        (3, "contexts.a.config-file"),
        (6, "contexts.a.settings.compactor.deletion_dealy"),
        (7, "contexts.a.settings.compactor.cleanup_interval"),
    ]
    file.write_text("contexts: {a: {bukket: x}}")
    assert "is bucket meant?" in cli("config", "validate", code=1).stdout
    file.write_text("contexts: {a: {}}")
    assert f"{file}: nothing is wrong" in cli("config", "validate").stdout
    assert cli("config", "validate", "--quiet").stdout == ""


def test_what_is_wrong_with_one_context_keeps_nobody_from_another(cli: Cli, write: Write, bucket: Place) -> None:
    text = f"contexts:\n  a: {{bucket: '{bucket.url}'}}\n  b: {{bukket: x}}\n  c: {{config-file: none.yaml}}\n"
    file = write(f"current-context: a\n{text}")
    assert TENANT in cli("bucket", "tenants", "--as-of", str(NOW_S)).stdout
    wrong = f"{file}, line 4: contexts.b.bukket: there is no such key; is bucket meant?"
    assert wrong in cli("bucket", "tenants", "--context", "b", code=2).stderr
    assert wrong in cli("config", "use-context", "b", code=2).stderr
    assert file.read_text().startswith("current-context: a\n")
    shown = cli("config", "show", "-o", "json").document
    assert shown["summary"]["contexts"] == ["a", "c", "b"]
    assert "b (not usable: `cortexctl config validate`)" in cli("config", "show").stdout
    found = cli("config", "validate", "-o", "json", code=1).document["items"]
    assert [each["path"] for each in found] == ["contexts.b.bukket", "contexts.c.config-file"]


def test_there_is_no_file(cli: Cli, tmp_path: Path) -> None:
    cli.environment["CORTEXCTL_CONFIG"] = str(tmp_path / "none.yaml")
    assert "there is no file of contexts" in cli("config", "validate", code=2).stderr
    assert "there is no file of contexts" in cli("config", "use-context", "a", code=2).stderr
    assert "cannot be read" in cli("bucket", "tenants", "--context", "a", code=2).stderr


def test_a_bucket_from_a_running_process(cli: Cli, serve: Callable[[Pod], str], bucket: Place) -> None:
    where = f"blocks_storage: {{backend: filesystem, filesystem: {{dir: {bucket.directory}}}}}\n"
    page = f"{where}compactor: {{cleanup_interval: 9m}}\n"
    url = serve(Pod(Store({}), config=page, basic=("user", "s3cr3t")))
    cli.environment |= {"CORTEXCTL_USERNAME": "user", "CORTEXCTL_PASSWORD": "s3cr3t"}
    ran = cli("bucket", "check", "--from-live", url, "--as-of", str(NOW_S), code=None)
    assert f"from {url}: cleanup_interval 9m" in ran.stdout
    assert (
        "give one of --config.file and --from-live"
        in cli("bucket", "tenants", "--from-live", url, "--config.file", "x.yaml", code=2).stderr
    )
    del cli.environment["CORTEXCTL_PASSWORD"]
    assert "access denied" in cli("bucket", "tenants", "--from-live", url, code=3).stderr
