"""The package's public names are loaded on first use."""

from __future__ import annotations

import subprocess
import sys

import pytest

from airflow_provider_polytomic import secret_stores
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.secret_stores import extension

PACKAGE = secret_stores.__name__


def test_each_public_name_is_there_and_listed():
    assert secret_stores.__all__ == ["Destination", "SecretStore", "StoredSecret", "open_store"]
    for name in secret_stores.__all__:
        assert getattr(secret_stores, name).__name__ == name
    assert set(secret_stores.__all__) <= set(dir(secret_stores))


def test_another_name_is_reported_as_missing():
    with pytest.raises(AttributeError, match=f"module '{PACKAGE}' has no attribute 'open_stores'"):
        _ = secret_stores.open_stores


def test_importing_the_package_imports_no_other_module_until_a_name_is_used():
    code = f"""
import sys
import {PACKAGE} as stores
print(*[name for name in sys.modules if name.startswith("{PACKAGE}.")])
from {PACKAGE} import Destination
print("{PACKAGE}.destination" in sys.modules, "{PACKAGE}.factory" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["", "True False"]


def test_the_contract_suite_needs_nothing_of_the_emulator():
    code = """
import sys
import airflow_provider_polytomic.testing.store_contract
print(*({"starlette", "uvicorn", "airflow"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_an_author_of_a_store_can_import_every_helper_of_the_stores_here():
    assert len(set(extension.__all__)) == len(extension.__all__)
    assert {name for name in vars(extension) if name[0] != "_" and name != "annotations"} == set(extension.__all__)
    assert {"JsonFormat", "RECORD_SUFFIX"} <= set(extension.__all__)


def test_no_destination_has_the_name_of_a_record():
    with pytest.raises(PolytomicConfigurationError, match="as the record of another destination does"):
        secret_stores.Destination.parse(f"vault://writer@secret/acme{extension.RECORD_SUFFIX}?field=api_key")
