"""Fixtures of the tests of single stores."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path

import hvac
import pytest

from tests.fakes.aws_fixtures import aws_server, running_aws_server
from tests.fakes.vault_fixtures import shared_vault_fake, vault_fake, vault_real, vault_server

__all__ = ["aws_server", "running_aws_server", "shared_vault_fake", "vault_fake", "vault_real", "vault_server"]


@pytest.fixture(autouse=True)
def _one_try(monkeypatch):
    """Make boto try once unless a test overrides it, because it waits between two tries."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


@pytest.fixture
def open_folder():
    """Return a folder that every user may write to; pytest's folders are closed to others."""
    with tempfile.TemporaryDirectory(prefix="polytomic-stores-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.fixture
def vault(vault_server):
    """Return the fake and a real Vault, in turn."""
    return vault_server


@pytest.fixture
def mount(vault):
    """Return the mount of a KV version 2 engine of this test alone."""
    name = f"m{uuid.uuid4().hex}"
    vault.mount(name, 2)
    return name


@pytest.fixture
def root(vault):
    """Return a client that may do everything."""
    return hvac.Client(url=vault.url, token=vault.root_token)
