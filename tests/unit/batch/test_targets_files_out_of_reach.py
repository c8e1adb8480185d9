"""Files of targets that cannot be opened: the error, and whether a retry helps."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]  # has no types

from airflow_provider_polytomic.exceptions import (
    PolytomicConfigurationError,
    PolytomicError,
    SecretStoreUnavailableError,
)
from tests.unit.batch.target_rows import json_lines, read, row

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "hunter2hunter2"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("none.jsonl", "FileNotFoundError: No such file or directory"), ("folder.csv", "IsADirectoryError")],
)
def test_a_file_that_is_not_there_and_a_folder_are_named(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(PolytomicConfigurationError) as caught:
        read(str(tmp_path / name))
    assert (caught.value.reason, caught.value.fields) == ("file_out_of_reach", ("targets",))
    assert caught.value.problem.startswith(f"The file {tmp_path}/{name} (targets) cannot be read ({kind}")


def test_an_object_that_is_not_there_is_named(bucket) -> None:
    with pytest.raises(PolytomicConfigurationError) as caught:
        read(f"{bucket[0]}/none.jsonl")
    assert "/none.jsonl (targets) cannot be read (FileNotFoundError" in caught.value.problem


class FailingFile(io.RawIOBase):
    """A file that fails midway."""

    def __init__(self, error: Exception, content: bytes) -> None:
        self._error, self._content = error, content

    def read(self, _size: int = -1) -> bytes:
        content, self._content = self._content, b""
        if content:
            return content
        raise self._error


class FailingStore(MemoryFileSystem):
    """An object store that fails when a file is opened, or midway."""

    def __init__(self, error: Exception, content: bytes = b"") -> None:
        super().__init__(skip_instance_cache=True)
        self.error, self.content = error, content

    def open(self, *_args: object, **_kwargs: object) -> io.RawIOBase:
        if self.content:
            return FailingFile(self.error, self.content)
        raise self.error


def missing_connection() -> Exception:
    from airflow.providers.common.compat.sdk import AirflowNotFoundException

    error: Exception = AirflowNotFoundException("The conn_id `acme` isn't defined")
    return error


ERRORS: dict[str, tuple[Exception, type[PolytomicError]]] = {
    "no rights": (PermissionError(PASSWORD), PolytomicConfigurationError),
    "package missing": (ImportError("install apache-airflow-providers-amazon[s3fs]"), PolytomicConfigurationError),
    "connection missing": (missing_connection(), PolytomicConfigurationError),
    "timeout": (TimeoutError(PASSWORD), SecretStoreUnavailableError),
    "connection lost": (ConnectionResetError(104, PASSWORD), SecretStoreUnavailableError),
    "unknown": (RuntimeError(f"password={PASSWORD}"), SecretStoreUnavailableError),
}


@pytest.mark.parametrize("content", [b"", json_lines([row(1)])], ids=["when opened", "while read"])
@pytest.mark.parametrize("case", ERRORS)
def test_errors_of_a_store_are_shown_by_their_class_and_only_temporary_ones_are_retried(attach, case, content) -> None:
    error, kind = ERRORS[case]
    name = f"conn-{uuid4()}"
    attach("s3", name, fs=FailingStore(error, content))
    with pytest.raises(kind) as caught:
        read(f"s3://{name}@bucket/targets.jsonl")
    assert f"cannot be read ({type(error).__name__}" in str(caught.value)
    assert caught.value.retryable is (kind is SecretStoreUnavailableError)
    assert PASSWORD not in str(caught.value)
    assert str(caught.value).count("No request was sent.") == 1
    if isinstance(error, ImportError):
        assert "install apache-airflow-providers-amazon[s3fs]" in str(caught.value)
