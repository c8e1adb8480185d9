"""Griffe extension (see mkdocs.yml) that puts what Sphinx knows and Markdown does not into the reference.

Docstrings have the form of Airflow's own: roles, `.. seealso::`, and names of pages in double backticks.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from griffe import Extension

if TYPE_CHECKING:
    from griffe import Object

__all__ = ["SphinxMarkup", "to_markdown"]

DOCS = Path(__file__).resolve().parent.parent / "docs"

_ROLE = re.compile(r":(?:class|data|exc|func|meth|mod|attr):`(?P<short>~?)(?P<name>[\w.]+)`")
_SEE_ALSO = re.compile(r"^\.\. seealso::[ \t]*\n", re.MULTILINE)
# `text::` and `::` before a literal block: Markdown needs only the indentation.
_LITERAL = re.compile(r"(?:(?<=\w:):|^::)\n\n(?=    )", re.MULTILINE)
_PAGE = re.compile(r"``docs/(?P<name>[\w-]+)\.md``")
_ADDRESS = re.compile(r"(?<![(<`\"'])https?://[^\s`<>]+[^\s`<>.,;:)]", re.MULTILINE)


def to_markdown(text: str) -> str:
    """Return a docstring with the markup of Sphinx replaced by Markdown; its fields (`:param x:`) stay."""
    see_also = _SEE_ALSO.search(text)
    if see_also:
        # The paragraph below it is already indented like an admonition.
        head, tail = text[: see_also.start()], text[see_also.end() :]
        note, *rest = tail.split("\n\n", 1)
        text = "\n\n".join([head + '!!! info "See also"\n' + _ADDRESS.sub(r"<\g<0>>", note), *rest])
    text = _LITERAL.sub("\n\n", text)
    return _PAGE.sub(_page, _ROLE.sub(_role, text))


class SphinxMarkup(Extension):
    """Extension that rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite one docstring."""
        if obj.docstring:
            obj.docstring.value = to_markdown(obj.docstring.value)


def _role(match: re.Match[str]) -> str:
    """Return a link to an object of the reference, or its name if the reference does not have it."""
    name = match["name"].lstrip(".")
    title = name.rpartition(".")[2] if match["short"] else name
    return f'<autoref identifier="{name}" optional><code>{title}</code></autoref>'


def _page(match: re.Match[str]) -> str:
    """Return a link with the title of a page. All pages of the reference are one folder below it."""
    title = (DOCS / f"{match['name']}.md").read_text().partition("\n")[0].removeprefix("# ")
    return f"[{title}](../{match['name']}.md)"
