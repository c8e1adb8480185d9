"""Servers of the secrets backends, started on first use: Vault (a real one if it is installed) and AWS."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

import pytest

from tests.dag_runs.aws_sites import ParameterStoreSite, SecretsManagerSite
from tests.dag_runs.vault_site import VaultSite
from tests.fakes.vault_fake import VaultFake
from tests.fakes.vault_real import VaultReal, vault_binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.aws_server import AwsServer
    from tests.fakes.vault_server import VaultServer

__all__ = ["SITES", "Rights", "Servers", "Site", "servers"]

Rights = Literal["none", "read", "write"]
Site = VaultSite | SecretsManagerSite | ParameterStoreSite
"""An empty store for one test: Airflow's settings for it, and changes that people make there."""

SITES = ("vault-kv1", "vault-kv2", "aws-secrets-manager", "aws-ssm")


class Servers:
    """One server of each kind, for any number of sites."""

    @cached_property
    def vault(self) -> VaultServer:
        """Vault server."""
        binary = vault_binary()
        return VaultReal(binary) if binary else VaultFake()

    @cached_property
    def aws(self) -> AwsServer:
        """AWS server."""
        from tests.fakes.aws_server import AwsServer

        return AwsServer()

    def site(self, name: str) -> Site:
        """Return a new site, one of :data:`SITES`."""
        if name.startswith("vault-kv"):
            return VaultSite(self.vault, int(name[-1]))
        return SecretsManagerSite(self.aws) if name == "aws-secrets-manager" else ParameterStoreSite(self.aws)

    def stop(self) -> None:
        """Stop the servers that were started."""
        for name in ("vault", "aws"):
            if name in self.__dict__:
                getattr(self, name).stop()


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Return the servers of this process, which stop with it."""
    started = Servers()
    yield started
    started.stop()
