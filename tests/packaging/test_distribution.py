"""Is in the wheel what should be, and nothing else?"""

from __future__ import annotations

import tarfile
import tomllib
import zipfile
from email import message_from_bytes

import pytest

from airflow_provider_polytomic import __version__

from .conftest import ROOT, Built

ALLOWED = ROOT / "tests" / "packaging" / "wheel_files.txt"


def test_the_wheel_holds_exactly_the_listed_files(built: Built):
    with zipfile.ZipFile(built.wheel) as wheel:
        held = {name for name in wheel.namelist() if not name.endswith("/")}
    listed = {line.format(version=__version__) for line in ALLOWED.read_text().split()}

    assert sorted(held - listed) == [], f"not in {ALLOWED.name}: add them there if users should get them"
    assert sorted(listed - held) == [], f"in {ALLOWED.name}, but not in the wheel"


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


def test_metadata_is_what_the_registry_and_airflow_read(built: Built):
    with zipfile.ZipFile(built.wheel) as wheel:
        info = f"airflow_provider_polytomic-{__version__}.dist-info"
        metadata = message_from_bytes(wheel.read(f"{info}/METADATA"))
        entry_points = wheel.read(f"{info}/entry_points.txt").decode()

    assert metadata["Name"] == "airflow-provider-polytomic"
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == "<3.14,>=3.11"
    assert {"Framework :: Apache Airflow", "Framework :: Apache Airflow :: Provider", "Typing :: Typed"} <= set(
        metadata.get_all("Classifier", [])
    )
    assert "airflow-provider" in metadata["Keywords"]
    assert any(url.startswith("Documentation, ") for url in metadata.get_all("Project-URL", []))
    assert "provider_info = airflow_provider_polytomic.get_provider_info:get_provider_info" in entry_points
    assert "polytomic_emulator = airflow_provider_polytomic.testing.plugin" in entry_points


def test_nothing_that_airflow_chooses_is_capped():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert [need for need in project["dependencies"] if "<" in need or "==" in need or "~=" in need] == []


@pytest.mark.parametrize("file", sorted((ROOT / "constraints").glob("*.txt")), ids=lambda file: file.stem)
def test_constraints_are_versions_and_name_no_place_to_fetch_them_from(file):
    for line in file.read_text().splitlines():
        name, _, version = line.partition("==")
        assert name.replace("-", "").replace(".", "").isalnum(), line
        assert version, line
        assert not set(version) & set(" :/@;#"), line
