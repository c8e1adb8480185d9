"""Opening a destination: the store of the configured backend, and errors for what has no store."""

from __future__ import annotations

import subprocess
import sys

import pytest
from airflow.secrets.environment_variables import EnvironmentVariablesBackend
from airflow.secrets.local_filesystem import LocalFilesystemBackend

from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.factory import open_store, store_on
from tests.unit.secret_stores.reasons import because

SERVER = "https://app.polytomic.com"
FILE_BACKEND = "airflow.secrets.local_filesystem.LocalFilesystemBackend"


class OtherBackend(EnvironmentVariablesBackend):
    pass


class BrokenBackend(LocalFilesystemBackend):
    """A subclass that raises an error with a secret in it."""

    @property
    def connections_file(self):
        raise KeyError("s3cr3t")

    @connections_file.setter
    def connections_file(self, _path):
        pass


REFUSED = {
    "no backend": (None, "airflow://connection/acme", "no_backend"),
    "a backend without a store": (OtherBackend, "airflow://variable/acme", "backend_not_supported"),
    "a writer to the metastore": (None, "airflow://writer@variable/acme", "writer_not_used"),
    "a writer to a file": (LocalFilesystemBackend, "airflow://writer@connection/acme", "writer_not_used"),
    "a backend that cannot be used": (BrokenBackend, "airflow://connection/acme", "backend_unusable"),
}


@pytest.mark.parametrize(("backend", "uri", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_destination_without_a_store_is_refused(backend, uri, reason):
    with because(reason) as caught:
        store_on(backend and backend(), Destination.parse(uri), issuer=SERVER)
    assert "s3cr3t" not in str(caught.value)
    if reason in {"no_backend", "backend_not_supported"}:
        assert FILE_BACKEND in str(caught.value), "the supported backends are not listed"


def test_a_missing_package_is_reported_with_the_extra_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "airflow_provider_polytomic.secret_stores.vault.opening", None)
    with because("package_missing") as caught:
        open_store("vault://c@secret/acme", issuer=SERVER)
    assert "from your checkout or wheel, such as: pip install '.[hashicorp]'." in str(caught.value)


def test_a_backend_that_cannot_be_created_is_reported_without_its_arguments(monkeypatch):
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", FILE_BACKEND)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", '{"token": "s3cr3t"}')
    with because("backend_cannot_be_made", SecretStoreConfigurationError, "backend", "backend_kwargs") as caught:
        open_store("airflow://connection/a", issuer=SERVER)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("uri", "store"),
    [
        ("airflow://variable/acme", "metastore"),
        ("vault://c@secret/acme", "vault"),
        ("aws-ssm://c@/acme", "aws.parameter_store"),
    ],
)
def test_only_the_module_of_the_needed_store_is_imported(uri, store):
    code = f"""
import sys
from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.factory import open_store
try:
    open_store({uri!r}, issuer="https://app.polytomic.com")
except SecretStoreConfigurationError:  # no such connection
    pass
print(*sys.modules, sep=chr(10))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    stores = {"local", "metastore", "vault", "aws.secrets_manager", "aws.parameter_store"}
    package = "airflow_provider_polytomic.secret_stores."
    imported = {name.removeprefix(package) for name in done.stdout.splitlines() if name.startswith(package)}
    assert imported & stores == {store}
