"""Griffe extension (see mkdocs.yml) that puts what Sphinx knows and Markdown does not into the reference.

Docstrings keep the form that Airflow's own have: roles, `.. seealso::`, and names of pages in double backticks.
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
# `text::` and `::` before a literal block: Markdown goes by the indentation alone.
_LITERAL = re.compile(r"(?:(?<=\w:):|^::)\n\n(?=    )", re.MULTILINE)
_PAGE = re.compile(r"``docs/(?P<name>[\w-]+)\.md``")
_ADDRESS = re.compile(r"(?<![(<`\"'])https?://[^\s`<>]+[^\s`<>.,;:)]", re.MULTILINE)


def to_markdown(text: str) -> str:
    """Return a docstring with the marks of Sphinx as those of Markdown; its fields (`:param x:`) stay."""
    see_also = _SEE_ALSO.search(text)
    if see_also:
        # The paragraph below it is indented already, as an admonition's is.
        head, tail = text[: see_also.start()], text[see_also.end() :]
        note, *rest = tail.split("\n\n", 1)
        text = "\n\n".join([head + '!!! info "See also"\n' + _ADDRESS.sub(r"<\g<0>>", note), *rest])
    text = _LITERAL.sub("\n\n", text)
    return _PAGE.sub(_page, _ROLE.sub(_role, text))


class SphinxMarkup(Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite one."""
        if obj.docstring:
            obj.docstring.value = to_markdown(obj.docstring.value)


def _role(found: re.Match[str]) -> str:
    """Link what the reference has; what it has not, such as a private module, is only named."""
    name = found["name"].lstrip(".")
    title = name.rpartition(".")[2] if found["short"] else name
    return f'<autoref identifier="{name}" optional><code>{title}</code></autoref>'


def _page(found: re.Match[str]) -> str:
    """Link a page by its title. All pages of the reference are one folder below it."""
    title = (DOCS / f"{found['name']}.md").read_text().partition("\n")[0].removeprefix("# ")
    return f"[{title}](../{found['name']}.md)"
