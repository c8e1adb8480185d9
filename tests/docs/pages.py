"""The pages as a Markdown parser sees them: code blocks, tables and links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from tests.dag_files import ROOT, for_this_airflow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from markdown_it.token import Token

__all__ = ["PAGES", "ROOT", "Block", "anchors", "blocks", "codes", "facts", "head", "links", "page_text", "rows"]

PAGES = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
# The ids and the server on the pages, which tests replace by their own.
ORG_ID, USER_ID = "248df4b7-aa70-47b8-a036-33ac447e668d", "0ecd09c1-b901-4d27-9053-f0367c427254"


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    :param place: the page and line.
    :param language: the first word after the fence.
    :param note: the rest of that line, which GitHub does not show; it tells the tests how to use the block.
    :param content: the text of the block.
    """

    place: str
    language: str
    note: str
    content: str

    @property
    def runnable(self) -> str:
        """The content, as written for the installed Airflow."""
        return for_this_airflow(self.content)

    @property
    def file(self) -> str | None:
        """The path of the file that the block copies: ```python title="path"``."""
        found = re.fullmatch(r'title="(.+)"', self.note)
        return found[1] if found else None

    def __str__(self) -> str:
        """Return the name of the block in test ids."""
        return self.place

    @property
    def page(self) -> str:
        """The path of the page in the repository."""
        return self.place.rpartition(":")[0]

    def about(self, ids: Mapping[str, str]) -> str:
        """Return the content with the ids of a test."""
        return self.runnable.replace(ORG_ID, ids["org_id"]).replace(USER_ID, ids["user_id"])


def blocks(language: str | None = None, note: str | None = None) -> list[Block]:
    """Return the blocks of all pages, of one language or with one note."""
    found = [block for page in PAGES for block in _blocks(page)]
    return [block for block in found if language in {None, block.language} and note in {None, block.note}]


def rows(page: str, heading: str, number: int = 0) -> list[list[str]]:
    """Return the rows of a table under a heading, without the header.

    :param page: the path of the page in the repository.
    :param number: the position of the table under the heading, from 0.
    :raises LookupError: if the table does not exist.
    """
    return _tables(_below(page, heading), "tbody")[number]


def head(page: str, heading: str, number: int = 0) -> list[str]:
    """Return the header cells of a table under a heading; the parameters are those of :func:`rows`."""
    return _tables(_below(page, heading), "thead")[number][0]


def facts(page: str, heading: str) -> dict[str, str]:
    """Return the first table under a heading, which has two columns, as names and values."""
    return {row[0]: row[1] for row in rows(page, heading)}


def page_text(page: str) -> str:
    """Return the text of a page with its paragraphs on one line each."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", (ROOT / page).read_text())


def codes(cell: str) -> list[str]:
    """Return the strings between backticks."""
    return re.findall(r"`([^`]+)`", cell)


def links(page: Path) -> list[str]:
    """Return the addresses that a page links to."""
    children = [child for token in _tokens(page) for child in token.children or ()]
    return [str(child.attrs["href"]) for child in children if child.type == "link_open"]


def anchors(page: Path) -> set[str]:
    """Return the fragments that GitHub gives the headings of a page."""
    tokens = _tokens(page)
    titles = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@cache
def _tokens(page: Path) -> Sequence[Token]:
    return tuple(MarkdownIt().enable("table").parse(page.read_text()))


def _blocks(page: Path) -> Iterator[Block]:
    for token in _tokens(page):
        if token.type in {"fence", "code_block"}:
            language, _, note = token.info.strip().partition(" ")
            line = (token.map or [0])[0] + 1
            yield Block(f"{page.relative_to(ROOT)}:{line}", language, note.strip(), token.content)


def _below(page: str, heading: str) -> Iterator[Token]:
    """Return the part of a page after a heading."""
    tokens = iter(_tokens(ROOT / page))
    for token in tokens:
        if token.type == "heading_open" and next(tokens).content == heading:
            return tokens
    raise LookupError(f"{page} has no heading {heading!r}")


def _tables(tokens: Iterator[Token], part: str) -> list[list[list[str]]]:
    """Return one part of each table before the next heading, as rows."""
    found: list[list[list[str]]] = []
    inside = False
    for token in tokens:
        if token.type == "heading_open":
            break
        if token.type in {f"{part}_open", f"{part}_close"}:
            inside = token.type == f"{part}_open"
            found += [[]] if inside else []
        if inside and token.type == "tr_open":
            found[-1].append([])
        if inside and token.type == "inline":
            found[-1][-1].append(token.content)
    return found
