"""Tables of the pages that repeat the code: fields, methods, errors, stores, extras, versions."""

from __future__ import annotations

import inspect
import re
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic import exceptions
from airflow_provider_polytomic.hooks._connection import DEFAULT_API_VERSION
from airflow_provider_polytomic.hooks._organizations import OrganizationEndpoints
from airflow_provider_polytomic.hooks._roles import RoleEndpoints
from airflow_provider_polytomic.hooks._users import UserEndpoints
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from airflow_provider_polytomic.secret_stores.aws.parameter_store.store import ParameterStore
from airflow_provider_polytomic.secret_stores.aws.secrets_manager.store import SecretsManagerStore
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.factory import open_store, store_on
from airflow_provider_polytomic.secret_stores.registry import BACKENDS, SCHEMES, StoreModule
from airflow_provider_polytomic.secret_stores.vault.kv import KvV1, KvV2
from tests.docs.pages import ROOT, codes, facts, rows
from tests.fixtures import CONNECTION, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    Context = Callable[..., Any]

CONNECTION_PAGE, DESTINATIONS_PAGE = "docs/connection.md", "docs/destinations.md"
HOOK_PARTS = (OrganizationEndpoints, UserEndpoints, RoleEndpoints, PolytomicHook)


def test_the_methods_of_the_hook_are_all_there():
    documented = [method for name, _, _ in rows(CONNECTION_PAGE, "In your own tasks") for method in codes(name)]
    members = {name for part in HOOK_PARTS for name, member in vars(part).items() if inspect.isfunction(member)}
    assert sorted(documented) == sorted(
        name for name in members if re.match("(get|list|create|update|delete|resolve)_", name)
    )


def test_the_errors_are_all_there_and_retryable_where_the_page_says_so():
    bases = {"PolytomicError", "PolytomicApiError", "SecretStoreError", "IssuanceError"}  # never raised directly
    raised = {name: getattr(exceptions, name).retryable for name in set(exceptions.__all__) - bases}
    documented = {codes(row[0])[0]: row[1] == "yes" for row in rows(CONNECTION_PAGE, "Errors")}
    assert documented == raised


AIRFLOW = ["airflow://connection/<conn_id>", "airflow://variable/<key>"]
OUTSIDE = [scheme.form for scheme in SCHEMES.values()]
BACKEND_NAMES = {path.rpartition(".")[2] for path in BACKENDS}


def test_the_destinations_and_backends_are_all_there():
    kept = [
        (codes(row[0]), codes(row[1].partition(",")[0].partition(":")[0])) for row in rows("README.md", "Destinations")
    ]
    assert [uris[0] for uris, _ in kept if uris[0] not in AIRFLOW] == OUTSIDE
    for backend in BACKEND_NAMES:
        assert {uri for uris, keepers in kept if backend in keepers for uri in uris} == set(AIRFLOW)
    assert {name for _, keepers in kept for name in keepers} == BACKEND_NAMES


def test_each_form_of_a_destination_can_be_parsed():
    documented = [codes(row[0])[0] for row in rows(DESTINATIONS_PAGE, "Choose a destination")]
    assert documented == [*AIRFLOW, "airflow://<writer_conn_id>@connection/<conn_id>", *OUTSIDE]
    for form in documented:
        filled = re.sub(r"<(writer_)?conn_id>@", "writer@", form.replace("[", "").replace("]", ""))
        Destination.parse(re.sub("<.*?>", "acme", filled))


@pytest.fixture
def stores(scene: Scene) -> dict[str, bool]:
    """Whether each store that a page can name has compare-and-set."""
    del scene  # only for its settings of Airflow, which open_store reads
    local = open_store(CONNECTION, issuer="https://app.polytomic.com")
    metastore = store_on(None, Destination.parse("airflow://variable/acme"), issuer="https://app.polytomic.com")
    found: dict[str, Any] = {
        "`LocalFilesystemBackend`": local,
        "none": metastore,
        "`VaultBackend`, KV version 2": KvV2,
        "`VaultBackend`, KV version 1": KvV1,
        "`SecretsManagerBackend`": SecretsManagerStore,
        "`SystemsManagerParameterStoreBackend`": ParameterStore,
    }
    return {name: store.compare_and_set for name, store in found.items()}


def test_the_backends_and_their_compare_and_set_are_all_there(stores: dict[str, bool]):
    documented = {row[0].partition(":")[0]: row[1] for row in rows(DESTINATIONS_PAGE, "Supported backends")}
    assert documented == {name: "yes" if compares else "no" for name, compares in stores.items()}
    assert {name for backend in documented for name in codes(backend)} == BACKEND_NAMES


def test_what_the_readme_says_of_compare_and_set_the_stores_say_too(stores: dict[str, bool]):
    documented = {row[1].partition(":")[0]: row[2] for row in rows("README.md", "Destinations")}
    names = {
        "the metadata database, if no backend is configured": "none",
        "an AWS secret outside Airflow": "`SecretsManagerBackend`",
        "an AWS parameter outside Airflow": "`SystemsManagerParameterStoreBackend`",
    }
    assert documented.pop("a Vault secret outside Airflow") == "yes; version 1: no"
    assert documented == {name: "yes" if stores[names.get(name, name)] else "no" for name in documented}
    assert {names.get(name, name) for name in documented} == set(stores)


def test_the_extras_are_those_of_the_project():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    documented = [code for row in rows("README.md", "Install", 1) for code in codes(row[0])]
    assert sorted(re.findall(r"\[(\w+)\]", " ".join(documented))) == sorted(extras)
    openers = [row.open for row in BACKENDS.values()] + [row.open for row in SCHEMES.values()]
    named = {opener.extra for opener in openers if isinstance(opener, StoreModule)}
    assert len(named) > 1
    assert named - {None} <= set(extras)


def test_an_issuance_costs_as_many_requests_as_the_page_says(scene: Scene, context: Context):
    def requests_for(**given: Any) -> int:
        before = len(scene.emulator.requests)
        PolytomicCreateApiKeyOperator(task_id="issue", destination=CONNECTION, **scene.ids, **given).execute(context())
        return len(scene.emulator.requests) - before

    documented = {row[0]: int(row[1]) for row in rows(DESTINATIONS_PAGE, "What an issuance costs")}
    assert requests_for(check_only=True) == documented["`check_only`, nothing stored"]
    assert requests_for() == documented["a key is issued"]
    assert requests_for() == documented["a stored key is kept"]


def test_the_versions_are_those_that_are_installed_and_tested():
    documented = facts("README.md", "Install")
    pinned = [
        re.findall(r"^apache-airflow==(.+)$", file.read_text(), re.MULTILINE)[0]
        for file in sorted((ROOT / "constraints").glob("airflow-*.txt"))
    ]
    assert documented["Airflow"].endswith(f"tested with {' and '.join(pinned)}")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert documented["Python"].startswith("3.11 to 3.13")
    assert "apache-airflow>=2.11" in project["dependencies"]
    assert documented["Polytomic"].endswith(DEFAULT_API_VERSION)
