"""The wheel works in an empty environment, where the source tree is out of reach."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

from tools.airflow_sandbox.environment import isolated

from .conftest import ROOT, Built

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(900)]

LIST_MODULES = """
import importlib, json, pkgutil, airflow_provider_polytomic as package
names = [module.name for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
names = [name for name in names if not name.endswith("__main__")]
def file_of(name):
    try:
        return importlib.import_module(name).__file__
    except ModuleNotFoundError as error:
        return f"needs {error.name}"
print(json.dumps({name: file_of(name) for name in names}))
"""

OPEN = """
import sys
from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.factory import open_store
try:
    open_store(sys.argv[1], issuer="https://app.polytomic.com")
except SecretStoreConfigurationError as error:
    print(error)
"""


@dataclass(frozen=True)
class Installed:
    place: Path
    home: Path

    def run(self, program: str, *arguments: str) -> str:
        """Run a program of the environment, without the source tree on its path, and return its output."""
        env = isolated(os.environ, self.home)
        env.pop("PYTHONPATH", None)
        command = [str(self.place / "bin" / program), *arguments]
        done = subprocess.run(command, env=env, cwd=self.home, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Installed:
    if "wheel" not in request.config.option.markexpr:
        pytest.skip("takes two minutes: make wheel-test")
    place = tmp_path_factory.mktemp("empty") / "venv"
    venv.create(place, symlinks=True, with_pip=True)
    here = Installed(place, tmp_path_factory.mktemp("home"))
    series = ".".join(version("apache-airflow").split(".")[:2])
    constraints = ROOT / "constraints" / f"airflow-{series}.txt"
    here.run(
        "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--constraint",
        str(constraints),
        f"{built.wheel}[testing]",
        "pytest",
    )
    return here


def test_the_requirements_agree(installed: Installed):
    installed.run("python", "-m", "pip", "check")


def test_airflow_lists_the_provider(installed: Installed):
    listed = json.loads(installed.run("airflow", "providers", "list", "--output", "json"))
    assert "airflow-provider-polytomic" in [provider["package_name"] for provider in listed]


def test_airflow_gets_the_provider(installed: Installed):
    output = installed.run("airflow", "providers", "get", "airflow-provider-polytomic", "--full", "--output", "json")
    (provider,) = json.loads(output)
    assert provider["package-name"] == "airflow-provider-polytomic"
    assert "airflow_provider_polytomic.hooks.polytomic.PolytomicHook" in json.dumps(provider)


def test_airflow_offers_the_connection_type(installed: Installed):
    hooks = json.loads(installed.run("airflow", "providers", "hooks", "--output", "json"))
    assert "polytomic" in [hook["connection_type"] for hook in hooks]


def test_every_module_comes_from_the_wheel(installed: Installed):
    modules = json.loads(installed.run("python", "-I", "-c", LIST_MODULES).splitlines()[-1])
    assert len(modules) > 10
    without = {name: file for name, file in modules.items() if file.startswith("needs ")}
    assert without
    assert all(".secret_stores.vault" in name or ".secret_stores.aws" in name for name in without)
    needed = {need.removeprefix("needs ") for need in without.values()}
    assert needed <= {"hvac", "botocore", "airflow.providers.hashicorp", "airflow.providers.amazon"}
    files = [file for file in modules.values() if not file.startswith("needs ")]
    assert [file for file in files if not Path(file).is_relative_to(installed.place)] == []


@pytest.mark.parametrize(
    ("destination", "extra"),
    [("vault://c@secret/a", "hashicorp"), ("aws-secretsmanager://c@/a", "amazon"), ("aws-ssm://c@/a", "amazon")],
)
def test_a_destination_whose_extra_is_not_installed_names_it(installed: Installed, destination: str, extra: str):
    output = installed.run("python", "-c", OPEN, destination)
    assert f"from your checkout or wheel, such as: pip install '.[{extra}]'" in output


def test_a_users_dag_test_that_names_the_plugin_gets_the_emulator_fixture(installed: Installed):
    (installed.home / "conftest.py").write_text('pytest_plugins = ["airflow_provider_polytomic.testing.plugin"]\n')
    test = installed.home / "test_dag_of_a_user.py"
    test.write_text(
        "def test_served(polytomic_emulator):\n    assert polytomic_emulator.base_url.startswith('http://127.0.0.1:')\n"
    )
    assert "1 passed" in installed.run("python", "-m", "pytest", "-p", "no:cacheprovider", str(test))


@pytest.mark.parametrize(
    ("library", "destination", "extra"),
    [("hvac", "vault://c@secret/a", "hashicorp"), ("boto3", "aws-ssm://c@/a", "amazon")],
)
def test_an_extra_is_named_where_only_its_library_is_installed(
    installed: Installed, library: str, destination: str, extra: str
):
    installed.run("python", "-m", "pip", "install", "--quiet", library)
    assert f"from your checkout or wheel, such as: pip install '.[{extra}]'" in installed.run(
        "python", "-c", OPEN, destination
    )
