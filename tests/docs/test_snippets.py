"""Does what the pages take from files exist, and is it what the site shows?"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import PAGES, ROOT, Block, blocks
from tests.docs.site import settings
from tests.docs.snippets import MARK, Snippet, resolved, snippets

if TYPE_CHECKING:
    from collections.abc import Callable

TAKEN = [block for block in blocks() if block.taken]
DAG_FILE = '''\
"""A file."""
with DAG("a"):
    # --8<-- [start:piece]
    first()
    if first:
        second()  # --8<-- [start:inner]

        # --8<-- [end:inner]
    # --8<-- [end:piece]
'''


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_are_taken_from_in_code_blocks_only_and_in_one_form(page: Path):
    lines = [line for line in page.read_text().splitlines() if line.lstrip(" ;").startswith("-") and MARK in line]
    taken = [snippet for block in blocks() if block.page == str(page.relative_to(ROOT)) for snippet in block.taken]
    assert [snippet for line in lines for snippet in snippets(line)] == taken
    assert len(lines) == len(taken), lines


@pytest.mark.parametrize("block", TAKEN, ids=str)
def test_what_a_block_takes_is_there_and_run_by_a_test(block: Block):
    for snippet in block.taken:
        assert snippet.content().strip()
        # tests/integration runs every one of them.
        assert Path(snippet.path).parent == Path("dags_examples"), snippet.path
    ast.parse(block.content)


def test_pages_do_take_from_files():
    assert TAKEN


@pytest.mark.parametrize(
    ("snippet", "error"),
    [
        (Snippet("dag.py", "piece"), None),
        (Snippet("dag.py", None), None),
        (Snippet("no.py", None), "no file no.py"),
        (Snippet("dag.py", "none"), "0 times .start:none. in dag.py"),
    ],
)
def test_a_missing_file_or_part_is_an_error(tmp_path: Path, snippet: Snippet, error: str | None):
    (tmp_path / "dag.py").write_text(DAG_FILE)
    if error is None:
        assert "first()" in snippet.content(tmp_path)
    else:
        with pytest.raises(LookupError, match=error):
            snippet.content(tmp_path)


@pytest.fixture
def as_on_the_site() -> Callable[[str, Path], str]:
    """Resolve a text with the site's own tool and settings."""
    markdown = pytest.importorskip("markdown", reason="only the current Airflow's environment has the site's tools")
    (options,) = [
        each["pymdownx.snippets"] for each in settings()["markdown_extensions"] if "pymdownx.snippets" in each
    ]

    def run(text: str, root: Path) -> str:
        given = {**options, "base_path": [str(root)]}
        parser = markdown.Markdown(extensions=["pymdownx.snippets"], extension_configs={"pymdownx.snippets": given})
        return "\n".join(parser.preprocessors["snippet"].run(text.split("\n")))

    return run


def test_a_part_is_what_the_site_shows(as_on_the_site: Callable[[str, Path], str], tmp_path: Path):
    (tmp_path / "dag.py").write_text(DAG_FILE)
    for text in ('--8<-- "dag.py:piece"', 'x = 1\n  --8<-- "dag.py:piece"\ny = 2', '--8<-- "dag.py"'):
        assert resolved(text, tmp_path).split() == as_on_the_site(text, tmp_path).split()
    piece = '--8<-- "dag.py:piece"'
    assert resolved(piece, tmp_path).rstrip() == as_on_the_site(piece, tmp_path).rstrip()
    assert resolved(piece, tmp_path).splitlines()[:3] == ["first()", "if first:"]


@pytest.mark.parametrize("block", TAKEN, ids=str)
def test_a_block_is_what_the_site_shows(as_on_the_site: Callable[[str, Path], str], block: Block):
    shown = as_on_the_site("\n".join(block.source.split("\n")), ROOT)
    assert block.content.rstrip() == shown.rstrip()
