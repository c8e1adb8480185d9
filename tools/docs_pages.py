"""MkDocs hook (see mkdocs.yml) that turns pages written for the repository into pages of the site.

Links are written as they are right in the repository, where `../CHANGELOG.md` is a file above `docs/`. The site gets a
page for each file at the top that users read and for each example DAG, and links to those are turned to these pages.
Any other link out of `docs/` is left alone, and fails a strict build.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, InclusionLevel

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

__all__ = ["on_files", "on_page_markdown", "site_path"]

ROOT = Path(__file__).resolve().parent.parent
TOP = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
EXAMPLES = "dags_examples"

_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#|/)([^)#\s]+)")
# What follows the language tells the tests what to make of a block; to superfences it would mean something else, except
# for a title, which the site shows above the block.
_NOTE = re.compile(r"^(```[a-z]+) (?!title=).+$", re.MULTILINE)


def site_path(path: str) -> str | None:
    """Return where a file of the repository is in the site, below `docs/`; None for one that is not there.

    :param path: below the repository.
    """
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path == "README.md":
        return "index.md"
    folder, name = posixpath.split(path)
    if folder == EXAMPLES and name.endswith(".py"):
        return path.removesuffix(".py") + ".md"
    return path if path in TOP else None


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in `docs/`."""
    for path in (*TOP, *sorted(f"{EXAMPLES}/{file.name}" for file in (ROOT / EXAMPLES).glob("*.py"))):
        content = (ROOT / path).read_text()
        if path.endswith(".py"):
            content = f"# {Path(path).stem}\n\n```python\n{content}```\n"
        files.append(File.generated(config, str(site_path(path)), content=content, inclusion=InclusionLevel.NOT_IN_NAV))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Turn links to where the site has what they lead to, and drop the notes of code blocks."""
    here = page.file.src_uri
    folder = posixpath.dirname(here if page.file.generated_by else f"docs/{here}")

    def turned(link: re.Match[str]) -> str:
        there = site_path(posixpath.normpath(posixpath.join(folder, link[1])))
        return link[1] if there is None else posixpath.relpath(there, posixpath.dirname(here) or ".")

    return _LINK.sub(turned, _NOTE.sub(r"\1", markdown))
