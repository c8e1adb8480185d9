"""The Vaults that tests run against: the fake, and a real one where there is one."""

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
    """A real Vault that all tests share; skips where there is none."""
    if (binary := vault_binary()) is None:
        pytest.skip("neither bao nor vault is on PATH: the fake Vault is not held to a real one")
    server = VaultReal(binary)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shared_vault_fake() -> Iterator[VaultFake]:
    """A fake Vault that all tests share."""
    with VaultFake() as server:
        yield server


@pytest.fixture(scope="session", params=["shared_vault_fake", "vault_real"])
def vault_server(request: pytest.FixtureRequest) -> VaultServer:
    """A Vault that all tests share: mounts, policies, users and namespaces are to be named with ``vault_name``."""
    server: VaultServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def vault_fake() -> Iterator[VaultFake]:
    """A fake Vault of this test alone, which can be told to fail."""
    with VaultFake() as server:
        yield server


@pytest.fixture
def vault_name() -> str:
    """A name that nothing else in the Vault has."""
    return f"t{uuid.uuid4().hex[:10]}"
