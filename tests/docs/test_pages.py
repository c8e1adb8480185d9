"""Every block on a page is of a kind that a test runs, and every link leads somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, Block, anchors, blocks, links

# The languages that tests of this folder run; "text" alone is not run.
KV1 = {"worker kv1", "worker remove kv1"}
POLICIES = {"worker", "worker kms", "consumer", "worker remove", *KV1}
RUN = {
    "python": {
        "",
        "title",
        "ids",
        "alert",
        "conftest",
        "with-key",
        "consumer",
        "sign-in",
        "invite",
        "demote",
        "colleagues",
        "store",
        "store-contract",
        "store-task",
    },
    "json": {
        "connection",
        "targets",
        "reference",
        "prospect",
        "record",
        "connections-file",
        "stored",
        *POLICIES - KV1,
    },
    "hcl": POLICIES - {"worker kms"},
    "csv": {"targets", "customers"},
    "toml": {"registration", "backend"},
    "bash": {""},
    "sh": {"convert"},
    "text": {""},
}


def kind(block: Block) -> str:
    name, given, _ = block.note.partition("=")
    return name if given else block.note


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_every_block_is_of_a_kind_that_is_run(block):
    assert kind(block) in RUN.get(block.language, set()), f"{block.language} {block.note}"


def test_there_are_blocks_of_every_kind():
    assert {(block.language, kind(block)) for block in blocks()} == {
        (language, note) for language, notes in RUN.items() for note in notes
    }


@pytest.mark.parametrize("block", [block for block in blocks() if block.file], ids=str)
def test_a_block_that_names_a_file_is_a_copy_of_an_example_that_tests_run(block: Block):
    assert (block.language, Path(str(block.file)).parent) == ("python", Path("dags_examples"))
    assert block.content == (ROOT / str(block.file)).read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_repository_resolves(page: Path):
    for link in links(page):
        address, _, anchor = link.partition("#")
        if "://" in address or address.startswith("mailto:"):
            continue
        target = (page.parent / address).resolve() if address else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_linked_from_the_readme_or_the_sites_first_page():
    first = (ROOT / "README.md", ROOT / "docs" / "index.md")
    linked = {
        (page.parent / link.partition("#")[0]).resolve() for page in first for link in links(page) if "://" not in link
    }
    assert set(PAGES) - set(first) <= linked
