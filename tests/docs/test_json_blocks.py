"""The JSON on the pages: connections are used, results are compared with real ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from tests.docs.pages import Block, blocks, codes, facts, rows
from tests.fixtures import CONNECTION, Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Context = Callable[..., Any]

OPERATOR_PAGE, DESTINATIONS_PAGE = "docs/create-api-key.md", "docs/destinations.md"


def issue(scene: Scene, context: Context, **given: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {"destination": CONNECTION, "retries": 1, **scene.ids, **given}
    returned: dict[str, Any] = PolytomicCreateApiKeyOperator(task_id="issue", **arguments).execute(context())
    return returned


def shown(note: str) -> dict[str, Any]:
    (block,) = blocks("json", note)
    found: dict[str, Any] = json.loads(block.content)
    return found


def kinds(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return names and types, which must be the same on the page and in the result."""
    return {name: kinds(value) if isinstance(value, dict) else type(value) for name, value in values.items()}


@pytest.mark.parametrize("block", blocks("json", "connection"), ids=str)
def test_a_connection_becomes_what_it_says(block: Block, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW_CONN_POLYTOMIC_DEFAULT", block.content)
    documented, settings = json.loads(block.content), PolytomicHook().settings
    assert settings.key.reveal() == documented["password"]
    assert settings.base_url.removeprefix("https://") == documented.get("host", "app.polytomic.com").removeprefix(
        "https://"
    )
    assert settings.login == documented.get("login")
    for name, value in documented.get("extra", {}).items():
        assert getattr(settings, name, value) == value, name


def test_the_reference_is_what_the_operator_returns(scene: Scene, context: Context):
    returned = issue(scene, context)
    assert kinds(shown("reference")) == kinds(returned)
    documented = [name for row in rows(OPERATOR_PAGE, "What it returns") for name in codes(row[0])]
    assert documented == list(returned)


def test_the_prospect_is_what_check_only_returns(scene: Scene, context: Context):
    documented, returned = shown("prospect"), issue(scene, context, check_only=True)
    assert kinds(documented) == kinds(returned)
    assert (documented["would_issue"], returned["would_issue"]) == (True, True)
    words = documented["reason"].split("...")
    assert returned["reason"].startswith(words[0])
    assert returned["reason"].endswith("connections.json.")


def test_the_connections_file_and_the_record_are_what_the_backend_has_then(scene: Scene, context: Context):
    issue(scene, context)
    entry = scene.entries()["acme_polytomic"]
    assert kinds(shown("connections-file")["acme_polytomic"]) == kinds(entry)
    assert shown("connections-file")["acme_polytomic"]["conn_type"] == entry["conn_type"]

    told_of = facts(DESTINATIONS_PAGE, "LocalFilesystemBackend")
    record = scene.connections.parent / codes(told_of["Record"])[0]
    assert kinds(shown("record")) == kinds(json.loads(record.read_text()))
    assert (scene.connections.parent / codes(told_of["Compare-and-set"])[0]).exists()
    documented = [name for row in rows(DESTINATIONS_PAGE, "The record") for name in codes(row[0])]
    assert sorted(documented) == sorted(shown("record"))
