"""Fixtures of the contract suite: the stores, and a user without rights."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from pathlib import Path

import pytest

from tests.contract.aws_cases import AWS_CASES
from tests.contract.cases import IN_A_TASK, LOCAL_CASES, METASTORE_CASES, LocalCase
from tests.contract.vault_cases import VAULT_CASES
from tests.fakes.aws_fixtures import aws_server, running_aws_server
from tests.fakes.vault_fixtures import shared_vault_fake, vault_real

__all__ = ["aws_server", "running_aws_server", "shared_vault_fake", "vault_real"]

CASES = METASTORE_CASES if os.environ.get(IN_A_TASK) else {**LOCAL_CASES, **VAULT_CASES, **AWS_CASES}

# Only a running task can run these tests.
collect_ignore = [] if os.environ.get(IN_A_TASK) else ["test_metastore.py"]


@pytest.fixture(params=CASES)
def case(request):
    # Not tmp_path: other users cannot read pytest's folders, and the tests of denied rights become another user.
    folder = Path(tempfile.mkdtemp(prefix="polytomic-contract-"))
    folder.chmod(0o755)
    yield CASES[request.param](request, folder)
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def name():
    return f"acme_{uuid.uuid4().hex[:8]}_api_key"


@pytest.fixture
def deny(case):
    """Withdraw the right to write; if the tests run as root, become a user to whom file modes apply."""
    root = os.geteuid() == 0 and isinstance(case, LocalCase)

    def become():
        case.deny_writes()
        if root:
            os.seteuid(65534)

    yield become
    if root:
        os.seteuid(0)
