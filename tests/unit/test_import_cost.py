"""Modules that Airflow loads because of this package, when it starts and when it parses a DAG file."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.unit.fake_distribution import ROOT, is_installed, with_fake_distribution

if TYPE_CHECKING:
    from pathlib import Path

OURS = "airflow_provider_polytomic"


def _modules_after(code: str, env: dict[str, str]) -> set[str]:
    code = f"import sys\n{code}\nprint('modules', *sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.splitlines()[-1].split()[1:])


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return with_fake_distribution(tmp_path_factory.mktemp("installed"))


def test_importing_airflow_loads_two_modules_of_ours_and_no_other(installed, tmp_path: Path):
    loaded = _modules_after("import airflow", installed)
    ours = {name for name in loaded if name.startswith(OURS)}
    metadata = {OURS, f"{OURS}.get_provider_info"}
    # 2.11 reads the metadata only when the providers are requested.
    assert ours in (metadata, set())
    if not is_installed():
        # Without the fake distribution, the same modules except ours.
        bare = os.environ | {"PYTHONPATH": str(ROOT)}
        assert loaded - _modules_after("import airflow", bare) == ours
    if _is_3():
        assert ours == metadata


def test_the_metadata_loads_nothing_but_itself_and_the_standard_library():
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    code = f"from {OURS}.get_provider_info import get_provider_info; get_provider_info()"
    added = _modules_after(code, env) - _modules_after("pass", env)
    foreign = {name.partition(".")[0] for name in added} - set(sys.stdlib_module_names) - {OURS}
    assert foreign == set()
    assert {name for name in added if name.startswith(OURS)} == {OURS, f"{OURS}.get_provider_info"}


@pytest.mark.parametrize("name", ["api_keys", "batch", "organizations", "users"])
def test_a_module_of_operators_adds_at_most_ten_modules_to_base_operator(installed, name):
    base = "from airflow.sdk import BaseOperator" if _is_3() else "from airflow.models.baseoperator import BaseOperator"
    before = _modules_after(base, installed)
    added = _modules_after(f"{base}\nimport {OURS}.operators.{name}", installed) - before
    assert f"{OURS}.operators.{name}" in added
    assert len(added) <= 10, sorted(added)


def _is_3() -> bool:
    import airflow

    return not airflow.__version__.startswith("2.")
