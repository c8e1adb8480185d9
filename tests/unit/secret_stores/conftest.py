"""Which servers are there? Fixtures of the tests of single stores."""

from __future__ import annotations

from tests.servers.aws_fixtures import aws_server, running_aws_server
from tests.servers.vault_fixtures import shared_vault_fake, vault_fake, vault_real, vault_server

__all__ = ["aws_server", "running_aws_server", "shared_vault_fake", "vault_fake", "vault_real", "vault_server"]
