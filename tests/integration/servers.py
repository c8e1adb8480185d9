"""On which servers do DAGs run? Vault (the real one where there is one) and AWS, each started when first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tests.integration.aws_sites import ParameterStoreSite, SecretsManagerSite
from tests.integration.vault_site import VaultSite
from tests.servers.vault_fake import VaultFake
from tests.servers.vault_real import VaultReal, vault_binary

if TYPE_CHECKING:
    from tests.integration.sites import Site
    from tests.servers.aws_server import AwsServer
    from tests.servers.vault_server import VaultServer

__all__ = ["Servers"]


class Servers:
    """One of each, for any number of sites."""

    @cached_property
    def vault(self) -> VaultServer:
        """The Vault."""
        binary = vault_binary()
        return VaultReal(binary) if binary else VaultFake()

    @cached_property
    def aws(self) -> AwsServer:
        """The AWS."""
        from tests.servers.aws_server import AwsServer

        return AwsServer()

    def site(self, name: str) -> Site:
        """Make a new site, one of :data:`~tests.integration.sites.SITES`."""
        if name.startswith("vault-kv"):
            return VaultSite(self.vault, int(name[-1]))
        return SecretsManagerSite(self.aws) if name == "aws-secrets-manager" else ParameterStoreSite(self.aws)

    def stop(self) -> None:
        """Stop those that were started."""
        for name in ("vault", "aws"):
            if name in self.__dict__:
                getattr(self, name).stop()
