"""The site has every page and public name and no broken link, and a mistake fails its build."""

from __future__ import annotations

import re
import shutil
import zlib
from collections import defaultdict
from contextlib import suppress
from html.parser import HTMLParser
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from tests.docs.pages import ROOT
from tests.docs.site import build, in_nav
from tests.docs.test_operator_tables import OPERATORS

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

PACKAGE = "airflow_provider_polytomic"
needs_mkdocs = pytest.mark.skipif(
    find_spec("mkdocs") is None, reason="only the current Airflow's environment has the site's tools"
)


def test_every_page_is_in_the_navigation_once_and_the_reverse():
    pages = [str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")]
    assert sorted(in_nav()) == sorted(pages)


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []  # by the browser, without a click
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        found = [given[name] for name in ("href", "src") if name in given]
        (self.links if tag == "a" else self.fetched).extend(found)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = build(ROOT, folder)
    assert built.returncode == 0, built.stdout
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, _Page]:
    # The page for unknown addresses has no path of its own, so its links begin at the server's root.
    return {file: _Page(file.read_text()) for file in site.rglob("*.html") if file.name != "404.html"}


@needs_mkdocs
def test_no_link_of_the_built_site_leads_to_what_is_not_there(site: Path, pages: dict[Path, _Page]):
    assert len(pages) > len(in_nav())
    for file, page in pages.items():
        for link in page.links + page.fetched:
            address, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", address):
                continue
            target = (file.parent / unquote(address)).resolve() if address else file
            target = target / "index.html" if target.is_dir() else target
            assert target.is_relative_to(site), f"{file.name}: {link}"
            assert target.is_file(), f"{file.name}: {link}"
            assert not anchor or target not in pages or unquote(anchor) in pages[target].ids, f"{file.name}: {link}"


@needs_mkdocs
def test_a_browser_fetches_nothing_from_another_host(site: Path, pages: dict[Path, _Page]):
    assert [link for page in pages.values() for link in page.fetched if "//" in link] == []
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", sheet.read_text()), sheet.name


@needs_mkdocs
def test_no_mark_of_sphinx_or_markdown_is_left_in_the_text(pages: dict[Path, _Page]):
    marks = re.compile(r":param |:raises |:returns:|^\.\. \w|:(?:class|meth|func|mod|data):`|```|\]\(")
    for file, page in pages.items():
        assert [text for text in page.texts if marks.search(text)] == [], file.name


@needs_mkdocs
def test_the_copy_of_an_example_has_its_path_as_a_title(pages: dict[Path, _Page]):
    texts = {file.name: page.texts for file, page in pages.items()}
    assert "dags_examples/polytomic_onboarding.py" in texts["onboard-a-customer.html"]


def _public_names() -> set[str]:
    names = {f"{PACKAGE}.hooks.polytomic.PolytomicHook"}
    for module in (f"{PACKAGE}.exceptions", f"{PACKAGE}.testing"):
        names |= {f"{module}.{name}" for name in import_module(module).__all__}
    return names | {f"{operator.__module__}.{name}" for name, operator in OPERATORS.items()}


@needs_mkdocs
def test_every_public_name_is_in_the_reference(site: Path):
    packed = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    listed = {line.split(" ", 1)[0] for line in zlib.decompress(packed).decode().splitlines()}
    assert f"{PACKAGE}.operators.api_keys.PolytomicCreateApiKeyOperator" in _public_names()
    assert _public_names() - listed == set()


def _name_below_its_module(dotted: str) -> tuple[str, str]:
    """Return a module, and what is left of the name below it."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        with suppress(ModuleNotFoundError):
            if find_spec(".".join(parts[:end])) is not None:
                return ".".join(parts[:end]), ".".join(parts[end:])
    raise LookupError(dotted)


@needs_mkdocs
def test_the_reference_shows_exactly_the_public_names_of_each_module(site: Path):
    shown: dict[str, set[str]] = defaultdict(set)
    for page in (site / "reference").glob("*.html"):
        for heading in re.findall(r'<h\d id="([\w.]+)" class="doc doc-heading"', page.read_text()):
            module, name = _name_below_its_module(heading)
            if name and "." not in name:
                shown[module].add(name)
    for name in ("assets", "credentials", "exceptions", "models", "secret_stores", "secret_stores.extension"):
        assert f"{PACKAGE}.{name}" in shown
    assert {module: sorted(names) for module, names in shown.items()} == {
        module: sorted(import_module(module).__all__) for module in shown
    }


@needs_mkdocs
def test_the_parameters_of_an_operator_are_a_table_with_their_types(site: Path):
    text = (site / "reference" / "operators.html").read_text()
    section = text.partition(f'id="{PACKAGE}.operators.api_keys.PolytomicCreateApiKeyOperator"')[2]
    rows = re.findall(r'<tr class="doc-section-item">(.*?)</tr>', section.partition("<h4")[0], re.DOTALL)
    cells = [re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for row in rows]
    table = {re.sub(r"<.*?>|\s", "", cell[0]): re.sub(r"<.*?>|\s", "", cell[1]) for cell in cells}
    assert table["org_id"] == "str"
    assert table["force"] == "bool|str|None"
    assert table["retry_for"] == "float|str"


# Each with a string of its warning or error. One build finds all of the first group; each of the others ends it.
WARNED = {
    "a page that is not there": ("docs/index.md", "\n[no page](no-page.md)\n", "no-page.md"),
    "a heading that is not there": ("docs/index.md", "\n[no heading](testing.md#no-heading)\n", "#no-heading"),
    "a file that the site does not have": ("docs/index.md", "\n[a file](../pyproject.toml)\n", "pyproject.toml"),
    "a name that the reference does not have": ("docs/index.md", f"\n[no name][{PACKAGE}.no_name]\n", "no_name"),
    "a parameter that is not there": (
        f"{PACKAGE}/__init__.py",
        '\n\ndef shown(one: str) -> None:\n    """Show.\n\n    :param other: not there.\n    """\n',
        "other",
    ),
    "what shows that parameter": ("docs/reference/hook.md", f"\n::: {PACKAGE}.shown\n", "other"),
    "a page that is not in the navigation": ("docs/lost.md", "# Lost\n", "lost.md"),
}
ENDED = {
    "a module that is not there": ("docs/reference/hook.md", f"\n::: {PACKAGE}.no_module\n", "no_module"),
}


@needs_mkdocs
@pytest.mark.parametrize("mistakes", [WARNED.values(), *([each] for each in ENDED.values())], ids=["warnings", *ENDED])
def test_the_build_fails_and_names_each_mistake(mistakes: Collection[tuple[str, str, str]], tmp_path: Path):
    tree = tmp_path / "tree"
    for folder in ("docs", "dags_examples", "tools", PACKAGE):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (*ROOT.glob("*.md"), ROOT / "mkdocs.yml"):
        shutil.copy(file, tree)
    for path, added, _ in mistakes:
        with (tree / path).open("a") as changed:
            changed.write(added)
    built = build(tree, tmp_path / "site")
    assert built.returncode != 0
    assert [named for _, _, named in mistakes if named not in built.stdout] == []
