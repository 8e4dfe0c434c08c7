"""Which bucket the options mean."""

from pathlib import Path

import pytest

from cortexctl.cli.locate import find_bucket
from cortexctl.cli.options import BucketOptions
from cortexctl.config import SSE, FilesystemSettings, S3Settings
from cortexctl.errors import UsageError

CORTEX = """
blocks_storage:
  backend: s3
  s3: {endpoint: s3.example.com, bucket_name: from-config, sse: {type: SSE-KMS, kms_key_id: "${KEY}"}}
limits: {s3_sse_type: SSE-S3}
compactor: {cleanup_interval: 7m}
"""
OVERRIDES = "overrides: {team-a: {s3_sse_type: SSE-KMS, s3_sse_kms_key_id: own}}"
THANOS = "type: FILESYSTEM\nconfig: {directory: /from-thanos}\n"


@pytest.fixture
def cortex(tmp_path: Path) -> Path:
    path = tmp_path / "cortex.yaml"
    path.write_text(CORTEX)
    return path


def bucket_of(source: BucketOptions) -> str:
    return find_bucket(source)[1].display


def test_a_flag_goes_before_the_environment_and_that_before_the_configuration(
    cortex: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bucket_of(BucketOptions(config_file=cortex)) == "s3://from-config"
    monkeypatch.setenv("CORTEXCTL_BUCKET", "s3://from-env")
    assert bucket_of(BucketOptions(config_file=cortex)) == "s3://from-env"
    assert bucket_of(BucketOptions(config_file=cortex, bucket="s3://from-flag")) == "s3://from-flag"
    assert bucket_of(BucketOptions(objstore_config=THANOS)) == "file:///from-thanos"


def test_thanos_configuration_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "bucket.yaml"
    path.write_text(THANOS)
    assert find_bucket(BucketOptions(objstore_config_file=path))[1].store == FilesystemSettings("/from-thanos")


def test_a_cortex_yaml_stands_for_its_bucket(cortex: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, location = find_bucket(BucketOptions(bucket=str(cortex)))
    assert location.display == "s3://from-config"
    assert config is not None
    assert config.compactor.cleanup_interval_s == 420
    monkeypatch.setenv("CORTEXCTL_BUCKET", str(cortex))
    assert bucket_of(BucketOptions()) == "s3://from-config"


def test_uploads_are_encrypted_as_the_configuration_says_wherever_the_bucket_is_named(
    cortex: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = tmp_path / "runtime.yaml"
    overrides.write_text(OVERRIDES)
    monkeypatch.setenv("KEY", "k1")
    for bucket in (None, "s3://elsewhere"):
        source = BucketOptions(bucket=bucket, config_file=cortex, config_expand_env=True, runtime_config_file=overrides)
        _, location = find_bucket(source)
        assert isinstance(location.store, S3Settings)
        assert location.store.sse == SSE("SSE-KMS", "k1")
        assert location.sse_for("team-a") == SSE("SSE-KMS", "own")
        assert location.sse_for("team-b") == SSE("SSE-S3")
    _, location = find_bucket(BucketOptions(bucket="s3://elsewhere?sse=SSE-S3", config_file=cortex))
    assert isinstance(location.store, S3Settings)
    assert location.store.sse == SSE("SSE-S3")


def test_a_backend_we_do_not_read_is_no_fault_beside_a_bucket_we_do(tmp_path: Path) -> None:
    path = tmp_path / "cortex.yaml"
    path.write_text("blocks_storage: {backend: swift, swift: {container_name: x}}")
    assert bucket_of(BucketOptions(bucket="/copy", config_file=path)) == "file:///copy"
    with pytest.raises(UsageError, match="swift"):
        find_bucket(BucketOptions(config_file=path))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (BucketOptions(), "no bucket"),
        (BucketOptions(bucket="s3://a", objstore_config=THANOS), "give one of"),
        (BucketOptions(config_file=Path("/nonexistent.yaml")), "cannot be read"),
        (BucketOptions(bucket="s3://a?secret=b"), "secret"),
    ],
)
def test_what_names_no_bucket(source: BucketOptions, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find_bucket(source)


def test_a_configuration_without_a_bucket(tmp_path: Path) -> None:
    path = tmp_path / "frontend.yaml"
    path.write_text("target: query-frontend")
    with pytest.raises(UsageError, match="names no bucket"):
        find_bucket(BucketOptions(config_file=path))
