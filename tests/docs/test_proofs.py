"""Tables of the docs whose rows other tests prove, which a comment after the table names.

::

    <!-- proved by
    `delete_user` | dag_runs/test_offboarding.py::test_a_customer_is_offboarded
    -->

The first column is the first cell of the row, the second has tests below ``tests/``, separated by commas. The page does
not show the comment. A test in a class is ``file.py::Class::test``; its class may inherit it.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib import import_module

import pytest

from tests.docs.pages import PAGES, ROOT

_TABLE = re.compile(r"((?:^\|.*\n)+)\n<!-- proved by\n((?:^.* \| .*\n)+)-->$", re.MULTILINE)
_FOUND = {page: _TABLE.findall(page.read_text()) for page in PAGES}
TABLES = [
    pytest.param(table.splitlines()[2:], comment.splitlines(), id=f"{page.name}-{number}")
    for page, found in _FOUND.items()
    for number, (table, comment) in enumerate(found)
]
TESTS = sorted({test for _, _, tests in (line.rpartition(" | ") for found in _FOUND.values() for _, comment in found
                for line in comment.splitlines()) for test in tests.split(", ")})  # fmt: skip


@cache
def _functions(file: str) -> set[str]:
    return {node.name for node in ast.parse((ROOT / file).read_text()).body if isinstance(node, ast.FunctionDef)}


def test_each_comment_follows_a_table():
    for page, found in _FOUND.items():
        assert page.read_text().count("<!-- proved by\n") == len(found), page.name


@pytest.mark.parametrize(("rows", "proofs"), TABLES)
def test_each_row_names_its_tests(rows: list[str], proofs: list[str]):
    assert [line.rpartition(" | ")[0] for line in proofs] == [row.removeprefix("| ").split(" | ")[0] for row in rows]


@pytest.mark.parametrize("test", TESTS)
def test_a_named_test_exists(test: str):
    file, *cls, name = test.split("::")
    if cls:
        module = import_module(f"tests.{file.removesuffix('.py').replace('/', '.')}")
        assert callable(getattr(getattr(module, cls[0]), name, None))
    else:
        assert name in _functions(f"tests/{file}")
