"""Fixtures of the contract suite: which stores, and whose rights."""

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

# Of the suite, what only a running task can run.
collect_ignore = [] if os.environ.get(IN_A_TASK) else ["test_metastore.py"]


@pytest.fixture(params=CASES)
def case(request):
    # Not tmp_path: pytest's folders are closed to every other user, and the tests of denied rights become one.
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
    """Take away the right to write; where the tests run as root, be a user whom file modes bind."""
    root = os.geteuid() == 0 and isinstance(case, LocalCase)

    def become():
        case.deny()
        if root:
            os.seteuid(65534)

    yield become
    if root:
        os.seteuid(0)
