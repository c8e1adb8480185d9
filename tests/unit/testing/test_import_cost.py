"""The emulator costs nothing where it is not used, and names the library that is missing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HEAVY = ("starlette", "uvicorn", "anyio", "h11", "asyncio", "pydantic", "requests", "airflow")


def run(code: str, *options: str) -> str:
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_the_package_imports_nothing_of_weight():
    code = f"import sys, airflow_provider_polytomic.testing; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert run(code).strip() == "[]"


def test_the_plugin_adds_nothing_to_pytest():
    code = (
        "import sys, pytest; before = set(sys.modules); import airflow_provider_polytomic.testing.plugin; "
        "print(sorted(set(sys.modules) - before))"
    )
    assert run(code).strip() == str(
        [
            "airflow_provider_polytomic",
            "airflow_provider_polytomic.testing",
            "airflow_provider_polytomic.testing.plugin",
        ]
    )


def test_every_public_name_can_be_had():
    from airflow_provider_polytomic import testing

    assert all(getattr(testing, name).__name__ == name for name in testing.__all__)
    assert set(testing.__all__) <= set(dir(testing))
    with pytest.raises(AttributeError, match="no attribute 'Emulator'"):
        _ = testing.Emulator


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_a_missing_library_is_named_together_with_the_extra(missing):
    code = f"""
import sys
sys.modules[{missing!r}] = None
try:
    from airflow_provider_polytomic.testing import PolytomicEmulator
except ImportError as error:
    print(error)
from airflow_provider_polytomic.testing import Fault
print(Fault("drop"))
"""
    output = run(code)
    assert missing in output
    assert "from your checkout or wheel, such as: pip install '.[testing]'" in output
    assert output.endswith("drop\n")


def test_the_command_says_so_too():
    code = """
import runpy, sys
sys.modules["uvicorn"] = None
sys.argv = ["emulator", "--port", "0"]
runpy.run_module("airflow_provider_polytomic.testing", run_name="__main__")
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "from your checkout or wheel, such as: pip install '.[testing]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_fixture_gives_each_test_a_fresh_emulator(tmp_path):
    (tmp_path / "test_user.py").write_text(
        "import requests\n\n\n"
        "def test_one(polytomic_emulator):\n"
        "    polytomic_emulator.add_organization('Acme')\n"
        "    assert requests.get(polytomic_emulator.base_url + '/api/me', timeout=60).status_code == 401\n\n\n"
        "def test_two(polytomic_emulator):\n"
        "    polytomic_emulator.add_organization('Acme')\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "airflow_provider_polytomic.testing.plugin", str(tmp_path)]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path, env=environment
    )
    assert "2 passed" in ended.stdout, ended.stdout + ended.stderr
