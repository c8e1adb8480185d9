"""What does a code block hold that takes its lines from a file? `--8<-- "path"` or `--8<-- "path:section"`, resolved.

As the site resolves them (pymdownx.snippets with `dedent_subsections`; test_snippets.py compares), but also where the
site's tools are not installed. Other forms, such as numbers of lines, are not used: they go wrong without a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

__all__ = ["MARK", "ROOT", "Snippet", "resolved", "snippets"]

ROOT = Path(__file__).resolve().parents[2]
MARK = "8<--"

_SNIPPET = re.compile(
    r'^(?P<space>[ \t]*)--8<-- "(?P<path>[\w./-]+?)(?::(?P<section>[a-z][\w-]*))?"[ \t]*$', re.MULTILINE
)
_MARKER = re.compile(r"--8<-- \[(start|end):([a-z][\w-]*)\]")


@dataclass(frozen=True)
class Snippet:
    """A file, or the part of it between `--8<-- [start:section]` and `--8<-- [end:section]`.

    :param path: below the repository.
    """

    path: str
    section: str | None

    def content(self, root: Path = ROOT) -> str:
        """Return the lines, without any marks, and without a common indentation if they are a part.

        :raises LookupError: if there is no such file or part of it, or the part does not end.
        """
        file = root / self.path
        if not file.is_file():
            raise LookupError(f"no file {self.path}")
        lines = file.read_text().split("\n")
        if self.section is not None:
            begin, end = self._line(lines, "start"), self._line(lines, "end")
            lines = lines[begin + 1 : end]
        kept = "\n".join(line for line in lines if not _MARKER.search(line))
        return kept if self.section is None else dedent(kept)

    def _line(self, lines: list[str], kind: str) -> int:
        found = [number for number, line in enumerate(lines) if (kind, self.section) in _MARKER.findall(line)]
        if len(found) != 1:
            raise LookupError(f"{len(found)} times [{kind}:{self.section}] in {self.path}")
        return found[0]


def snippets(text: str) -> list[Snippet]:
    """Return what a text takes from files."""
    return [Snippet(found["path"], found["section"]) for found in _SNIPPET.finditer(text)]


def resolved(text: str, root: Path = ROOT) -> str:
    """Return a text with what it takes from files.

    :raises LookupError: if a file or a part of it is not there.
    """

    def lines_of(found: re.Match[str]) -> str:
        return indent(Snippet(found["path"], found["section"]).content(root).rstrip("\n"), found["space"])

    return _SNIPPET.sub(lines_of, text)
