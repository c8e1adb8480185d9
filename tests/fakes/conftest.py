"""Fixtures of the tests of the fakes."""

from __future__ import annotations

from tests.fakes.aws_fixtures import aws_server, running_aws_server
from tests.fakes.vault_fixtures import shared_vault_fake, vault_fake, vault_name, vault_real, vault_server

__all__ = [
    "aws_server",
    "running_aws_server",
    "shared_vault_fake",
    "vault_fake",
    "vault_name",
    "vault_real",
    "vault_server",
]
