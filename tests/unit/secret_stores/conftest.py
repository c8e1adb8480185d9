"""Which servers are there? Fixtures of the tests of single stores."""

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
    """Boto tries once unless a test says otherwise: between two tries it waits."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


@pytest.fixture
def open_folder():
    """A folder that every user may write to; pytest's are closed to others."""
    with tempfile.TemporaryDirectory(prefix="polytomic-stores-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.fixture
def vault(vault_server):
    """The fake and a real one, in turn."""
    return vault_server


@pytest.fixture
def mount(vault):
    """A KV version 2 engine of this test alone."""
    name = f"m{uuid.uuid4().hex}"
    vault.mount(name, 2)
    return name


@pytest.fixture
def root(vault):
    """A client that may do everything."""
    return hvac.Client(url=vault.url, token=vault.root_token)
