from __future__ import annotations

import subprocess
import sys

import pytest
from airflow.secrets.environment_variables import EnvironmentVariablesBackend

from airflow_provider_polytomic.exceptions import MisconfiguredError
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.opening import open_store, store_on
from tests.unit.secret_stores.reasons import because

SERVER = "https://app.polytomic.com"
FILE_BACKEND = "airflow.secrets.local_filesystem.LocalFilesystemBackend"


class OtherBackend(EnvironmentVariablesBackend):
    pass


def test_without_a_backend_a_connection_has_no_place_and_the_error_says_what_to_do():
    with because("no_backend") as caught:
        store_on(None, Destination.parse("airflow://connection/acme"), issuer=SERVER)
    assert FILE_BACKEND in str(caught.value)


@pytest.mark.parametrize("uri", ["airflow://connection/acme", "airflow://variable/acme"])
def test_any_other_backend_is_refused_with_the_supported_ones(uri):
    with because("backend_not_supported") as caught:
        store_on(OtherBackend(), Destination.parse(uri), issuer=SERVER)
    assert FILE_BACKEND in str(caught.value)


def test_a_backend_that_cannot_be_made_is_said_without_its_arguments(monkeypatch):
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", FILE_BACKEND)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", '{"token": "s3cr3t"}')
    with because("backend_cannot_be_made", MisconfiguredError, "backend", "backend_kwargs") as caught:
        open_store("airflow://connection/a", issuer=SERVER)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("uri", "store"),
    [("airflow://variable/acme", "metastore"), ("vault://c@secret/acme", "vault"), ("aws-ssm://c@/acme", "aws_ssm")],
)
def test_no_other_store_is_imported_than_the_one_that_is_needed(uri, store):
    code = f"""
import sys
from airflow_provider_polytomic.exceptions import MisconfiguredError
from airflow_provider_polytomic.secret_stores.opening import open_store
try:
    open_store({uri!r}, issuer="https://app.polytomic.com")
except MisconfiguredError:  # no such connection
    pass
print(*sys.modules, sep=chr(10))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    stores = {"local_filesystem", "metastore", "vault", "aws_secrets_manager", "aws_ssm"}
    package = "airflow_provider_polytomic.secret_stores."
    imported = {name.removeprefix(package) for name in done.stdout.splitlines() if name.startswith(package)}
    assert imported & stores == {store}
