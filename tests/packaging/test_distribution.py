"""The wheel contains exactly what it should."""

from __future__ import annotations

import tarfile
import zipfile
from email import message_from_bytes

import pytest

from airflow_provider_polytomic import __version__

from .conftest import ROOT, Built

ALLOWED = ROOT / "tests" / "packaging" / "wheel_files.txt"


def test_the_wheel_holds_exactly_the_listed_files(built: Built):
    with zipfile.ZipFile(built.wheel) as wheel:
        contained = {name for name in wheel.namelist() if not name.endswith("/")}
    listed = {line.format(version=__version__) for line in ALLOWED.read_text().split()}

    assert sorted(contained - listed) == [], f"not in {ALLOWED.name}: add them there if users should get them"
    assert sorted(listed - contained) == [], f"in {ALLOWED.name}, but not in the wheel"


def test_the_sdist_can_be_tested_and_holds_nothing_private(built: Built):
    with tarfile.open(built.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}

    needed = {
        "pyproject.toml",
        "Makefile",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "tests/conftest.py",
        "demo/__main__.py",
    }
    assert needed <= names
    tops = {name.partition("/")[0] for name in names}
    assert not tops & {".git", ".venv", ".venv-2.11", ".demo", "build", "dist"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_wheel_tells_airflow_of_the_provider_and_pytest_of_nothing(built: Built):
    with zipfile.ZipFile(built.wheel) as wheel:
        entry_points = wheel.read(f"airflow_provider_polytomic-{__version__}.dist-info/entry_points.txt").decode()
    assert entry_points.split() == [
        "[apache_airflow_provider]",
        "provider_info",
        "=",
        "airflow_provider_polytomic.get_provider_info:get_provider_info",
    ]


def test_no_version_of_a_requirement_or_of_python_is_capped(built: Built):
    with zipfile.ZipFile(built.wheel) as wheel:
        metadata = message_from_bytes(wheel.read(f"airflow_provider_polytomic-{__version__}.dist-info/METADATA"))
    needs = [metadata["Requires-Python"], *metadata.get_all("Requires-Dist", [])]
    assert [need for need in needs if set("<~") & set(need) or "==" in need.partition(";")[0]] == []


@pytest.mark.parametrize("file", sorted((ROOT / "constraints").glob("*.txt")), ids=lambda file: file.stem)
def test_constraints_are_versions_and_name_no_place_to_fetch_them_from(file):
    for line in file.read_text().splitlines():
        name, _, version = line.partition("==")
        assert name.replace("-", "").replace(".", "").isalnum(), line
        assert version, line
        assert not set(version) & set(" :/@;#"), line
