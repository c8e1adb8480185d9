"""Fixtures for an object store in memory, where Airflow would open a bucket."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem  # type: ignore[import-untyped]  # has no types


@pytest.fixture
def attach():
    """Return Airflow's function that attaches a file system to a scheme and a connection."""
    return import_module("airflow.sdk.io" if AIRFLOW_V_3_0_PLUS else "airflow.io.store").attach


@pytest.fixture
def bucket(attach) -> tuple[str, AbstractFileSystem]:
    """Return the address of an empty bucket, and its file system."""
    from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]  # has no types

    files = MemoryFileSystem(skip_instance_cache=True)
    name = f"bucket-{uuid4()}"
    attach("s3", name, fs=files)  # a store stays attached for the life of the process
    files.mkdir(f"/{name}")
    return f"s3://{name}@{name}", files
