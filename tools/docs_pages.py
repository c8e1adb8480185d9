"""MkDocs hook (see mkdocs.yml) that turns pages written for the repository into pages of the site.

Links are written for the repository, where `../CHANGELOG.md` is a file above `docs/`. The site gets a page for some
files at the top and for each example DAG, and links to those files lead to these pages. Any other link out of `docs/`
is not changed, and fails a strict build.
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
# A word after the language tells the tests how to use a block. superfences would misread it, except for a title, which
# the site shows above the block.
_NOTE = re.compile(r"^(```[a-z]+) (?!title=).+$", re.MULTILINE)


def site_path(path: str) -> str | None:
    """Return the path of a file in the site, relative to `docs/`; None if the site does not have it.

    :param path: the path in the repository.
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
    """Adapt the links to the site, and remove the words after the language of code blocks."""
    here = page.file.src_uri
    folder = posixpath.dirname(here if page.file.generated_by else f"docs/{here}")

    def adapt(link: re.Match[str]) -> str:
        target = site_path(posixpath.normpath(posixpath.join(folder, link[1])))
        return link[1] if target is None else posixpath.relpath(target, posixpath.dirname(here) or ".")

    return _LINK.sub(adapt, _NOTE.sub(r"\1", markdown))
