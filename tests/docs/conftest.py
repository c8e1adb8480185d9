"""Fixtures of the tests that run the documentation."""

from __future__ import annotations

from tests.docs.issuers import issuer
from tests.fakes.aws_fixtures import aws_server, running_aws_server
from tests.fakes.vault_fixtures import shared_vault_fake
from tests.fixtures import scene
from tests.unit.operators.conftest import context

__all__ = ["aws_server", "context", "issuer", "running_aws_server", "scene", "shared_vault_fake"]
