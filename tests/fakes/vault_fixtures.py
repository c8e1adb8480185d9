"""Fixtures of Vault: the fake, and a real one if its binary is on PATH."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.fakes.vault_fake import VaultFake
from tests.fakes.vault_real import VaultReal, vault_binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.vault_server import VaultServer

__all__ = ["shared_vault_fake", "vault_fake", "vault_name", "vault_real", "vault_server"]


@pytest.fixture(scope="session")
def vault_real() -> Iterator[VaultReal]:
    """Return a real Vault that all tests share; skip the test if its binary is not on PATH."""
    if (binary := vault_binary()) is None:
        pytest.skip("neither bao nor vault is on PATH: the fake Vault is not held to a real one")
    server = VaultReal(binary)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shared_vault_fake() -> Iterator[VaultFake]:
    """Return a fake Vault that all tests share."""
    with VaultFake() as server:
        yield server


@pytest.fixture(scope="session", params=["shared_vault_fake", "vault_real"])
def vault_server(request: pytest.FixtureRequest) -> VaultServer:
    """Return a Vault that all tests share: name mounts, policies, users and namespaces with ``vault_name``."""
    server: VaultServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def vault_fake() -> Iterator[VaultFake]:
    """Return a fake Vault of this test alone, for fault injection."""
    with VaultFake() as server:
        yield server


@pytest.fixture
def vault_name() -> str:
    """Return a name that nothing else in the Vault has."""
    return f"t{uuid.uuid4().hex[:10]}"
