"""What the pages take from files exists, and is what the site shows."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, Block, blocks
from tests.docs.site import settings
from tests.docs.snippets import MARK, Snippet, snippets

TAKEN = [block for block in blocks() if block.taken]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_are_taken_from_in_code_blocks_only_and_in_one_form(page: Path):
    lines = [line for line in page.read_text().splitlines() if line.lstrip(" ;").startswith("-") and MARK in line]
    taken = [snippet for block in TAKEN if block.page == str(page.relative_to(ROOT)) for snippet in block.taken]
    assert [snippet for line in lines for snippet in snippets(line)] == taken
    assert len(lines) == len(taken), lines


@pytest.mark.parametrize("block", TAKEN, ids=str)
def test_what_a_block_takes_is_part_of_an_example_that_tests_run(block: Block):
    for snippet in block.taken:
        assert snippet.content().strip()
        assert Path(snippet.path).parent == Path("dags_examples"), snippet.path
    ast.parse(block.content)


@pytest.mark.parametrize("section", [None, "none"])
def test_a_missing_file_or_part_is_an_error(tmp_path: Path, section: str | None):
    (tmp_path / "dag.py").write_text("first()\n")
    with pytest.raises(LookupError):
        Snippet("dag.py" if section else "no.py", section).content(tmp_path)


@pytest.mark.parametrize("block", TAKEN, ids=str)
def test_a_block_is_what_the_site_shows(block: Block):
    markdown = pytest.importorskip("markdown", reason="only the current Airflow's environment has the site's tools")
    name = "pymdownx.snippets"
    (options,) = [each[name] for each in settings()["markdown_extensions"] if name in each]
    parser = markdown.Markdown(extensions=[name], extension_configs={name: {**options, "base_path": [str(ROOT)]}})
    shown = parser.preprocessors["snippet"].run(block.source.split("\n"))
    assert block.content.rstrip() == "\n".join(shown).rstrip()
