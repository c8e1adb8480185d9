"""The layout of the package: which folder may import what.

CONTRIBUTING.md, "Where things are", states these rules. The tests read the sources and import nothing.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import pytest

from .conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE = "airflow_provider_polytomic"
SUBJECTS = ("_airflow", "_batch", "_issuance", "_provisioning", "_removal", "_support")
STORES = ("aws", "local", "vault")

# Modules of a store may use the backend or the hook of that store's own provider.
# `assets` names Airflow's types only for type checkers.
IMPORTS_AIRFLOW = {
    "assets": "airflow.sdk",
    "secret_stores.aws.client": "airflow.providers.amazon",
    "secret_stores.local.entries": "airflow.secrets.local_filesystem",
    "secret_stores.vault.opening": "airflow.providers.hashicorp",
}


class Import(NamedTuple):
    """An import of a module; within the package, both are named without its name."""

    importer: str
    imported: str

    @property
    def folder(self) -> str:
        """The first-level folder or module of the importer."""
        return self.importer.partition(".")[0]

    @property
    def is_internal(self) -> bool:
        return self.imported in modules()


@cache
def modules() -> dict[str, Path]:
    """Return the file of each module of the package, by its name below the package."""
    files = sorted((ROOT / PACKAGE).rglob("*.py"))
    dotted = {".".join(file.relative_to(ROOT / PACKAGE).with_suffix("").parts): file for file in files}
    return {name.removesuffix("__init__").rstrip("."): file for name, file in dotted.items()}


@cache
def all_imports() -> list[Import]:
    """Return every import of the package, those inside functions and under TYPE_CHECKING included."""
    return [Import(importer, imported) for importer, file in modules().items() for imported in imported_modules(file)]


def imported_modules(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name_below_the_package(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            for alias in node.names:
                member = name_below_the_package(f"{node.module}.{alias.name}")
                yield member if member in modules() else name_below_the_package(str(node.module))


def name_below_the_package(module: str) -> str:
    return "" if module == PACKAGE else module.removeprefix(PACKAGE + ".")


def is_below(module: str, *names: str) -> bool:
    return any(module == name or module.startswith(name + ".") for name in names)


def test_the_folders_of_one_subject_are_the_listed_ones():
    folders = {file.parent.name for file in modules().values() if file.parent.parent == ROOT / PACKAGE}
    assert tuple(sorted(name for name in folders if name.startswith("_"))) == SUBJECTS


def test_no_module_imports_a_private_module_of_another_folder():
    def is_private_elsewhere(used: Import) -> bool:
        parts = used.imported.split(".")
        private = [i for i, part in enumerate(parts) if part.startswith("_") and not (i == 0 and part in SUBJECTS)]
        return bool(private) and not is_below(used.importer, ".".join(parts[: private[0]]))

    assert [used for used in all_imports() if used.is_internal and is_private_elsewhere(used)] == []


def test_airflow_is_imported_in_its_folder_in_operators_in_hooks_and_for_the_backend_of_a_store():
    def is_allowed(used: Import) -> bool:
        if used.folder in {"_airflow", "hooks", "operators"}:
            return True
        return is_below(used.imported, IMPORTS_AIRFLOW.get(used.importer, "nothing"))

    of_airflow = [used for used in all_imports() if is_below(used.imported, "airflow")]
    assert [used for used in of_airflow if not is_allowed(used)] == []
    assert set(IMPORTS_AIRFLOW) <= {used.importer for used in of_airflow}


def test_versions_of_airflow_are_distinguished_in_its_folder_only():
    of_version = [name for name, file in modules().items() if "AIRFLOW_V_3_0_PLUS" in file.read_text()]
    assert of_version
    assert [name for name in of_version if not is_below(name, "_airflow")] == []


@pytest.mark.parametrize("folder", ["_batch", "_issuance", "_provisioning", "_removal"])
def test_a_folder_of_the_domain_imports_neither_airflow_nor_http(folder: str):
    forbidden = ("airflow", "hooks", "http", "operators", "requests", "urllib3")
    imports = [used for used in all_imports() if used.folder == folder]
    assert imports
    assert [used for used in imports if is_below(used.imported, *forbidden)] == []


@pytest.mark.parametrize("store", STORES)
def test_a_store_imports_no_other_store(store: str):
    others = [f"secret_stores.{other}" for other in STORES if other != store]
    imports = [used for used in all_imports() if is_below(used.importer, f"secret_stores.{store}")]
    assert imports
    assert [used for used in imports if is_below(used.imported, *others)] == []


def test_no_folder_imports_one_that_imports_it():
    arrows: dict[str, set[str]] = defaultdict(set)
    for used in all_imports():
        imported = used.imported.partition(".")[0]
        if used.is_internal and imported != used.folder:
            arrows[used.folder].add(imported)
    assert circles(arrows) == []


def test_no_module_imports_one_that_imports_it():
    arrows: dict[str, set[str]] = defaultdict(set)
    for used in all_imports():
        if used.is_internal:
            arrows[used.importer].add(used.imported)
    assert circles(arrows) == []


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of names that reach each other."""
    reached = {name: reachable(name, arrows) for name in arrows}
    return [
        list(group)
        for group in sorted(
            {
                tuple(sorted(other for other in reached[name] if name in reached.get(other, ())))
                for name in arrows
                if name in reached[name]
            }
        )
    ]


def reachable(name: str, arrows: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    ahead = [name]
    while ahead:
        for neighbour in arrows.get(ahead.pop(), set()) - seen:
            seen.add(neighbour)
            ahead.append(neighbour)
    return seen


def test_an_example_dag_imports_only_what_is_public():
    private = [
        (file.name, imported)
        for file in sorted((ROOT / "dags_examples").glob("*.py"))
        for imported in imported_modules(file)
        if is_below(imported, *SUBJECTS) or "._" in imported
    ]
    assert private == []


def test_contributing_lists_each_folder_and_no_other():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    sections = {section.partition("\n")[0]: section for section in text.split("\n## ")}
    of_package, beside = sections["Where things are"].split("| Beside the package |")
    assert listed_in(of_package, ROOT / PACKAGE) >= folders_in(ROOT / PACKAGE)
    listed_in(beside, ROOT)
    assert listed_in(sections["The tests"], ROOT / "tests") == folders_in(ROOT / "tests")


def listed_in(text: str, folder: Path) -> set[str]:
    """Return what the first cells of a table's rows name, each of which must be in the folder."""
    cells = " ".join(line.split("|")[1] for line in text.splitlines() if line.startswith("|"))
    names = {name.rstrip("/") for name in re.findall(r"`([\w./]+)`", cells)}
    assert [name for name in sorted(names) if not (folder / name).exists()] == []
    return names


def folders_in(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.glob("*/*.py")}
