"""Do the tables of the pages repeat the code rightly? Parameters, fields, methods, errors, stores, versions."""

from __future__ import annotations

import inspect
import re
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic import exceptions
from airflow_provider_polytomic.exceptions import (
    MisconfiguredError,
    PolytomicApiError,
    PolytomicForbiddenError,
    PolytomicNoAnswerError,
    PolytomicUnauthorizedError,
)
from airflow_provider_polytomic.get_provider_info import get_provider_info
from airflow_provider_polytomic.hooks._connection import DEFAULT_API_VERSION
from airflow_provider_polytomic.hooks._organizations import OrganizationEndpoints
from airflow_provider_polytomic.hooks._retry import repeat_post, repeat_safely
from airflow_provider_polytomic.hooks._roles import RoleEndpoints
from airflow_provider_polytomic.hooks._users import UserEndpoints
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from airflow_provider_polytomic.secret_stores.aws_secrets_manager import SecretsManagerStore
from airflow_provider_polytomic.secret_stores.aws_ssm import ParameterStore
from airflow_provider_polytomic.secret_stores.destination import Destination
from airflow_provider_polytomic.secret_stores.opening import open_store, store_on
from airflow_provider_polytomic.secret_stores.registry import BACKENDS, SCHEMES
from airflow_provider_polytomic.secret_stores.vault_engines import _Version1, _Version2
from tests.docs.pages import ROOT, codes, facts, page_text, rows
from tests.scene import CONNECTION, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    Context = Callable[..., dict[str, Any]]

CONNECTION_PAGE, DESTINATIONS_PAGE = "docs/connection.md", "docs/destinations.md"
FORM = get_provider_info()["connection-types"][0]
HOOK_PARTS = (OrganizationEndpoints, UserEndpoints, RoleEndpoints, PolytomicHook)


def test_the_fields_of_the_connection_are_those_of_the_form():
    told = [(label, codes(name)[0]) for label, name, _ in rows(CONNECTION_PAGE, "Fields of the form")]
    standard = [(label, name) for name, label in FORM["ui-field-behaviour"]["relabeling"].items()]
    extra = [(entry["label"], f"extra.{name}") for name, entry in FORM["conn-fields"].items()]
    assert told == standard + extra


def test_what_the_form_says_of_an_empty_field_the_page_says_too():
    rows_of_form = rows(CONNECTION_PAGE, "Fields of the form")
    told = {codes(name)[0].removeprefix("extra."): meaning for _, name, meaning in rows_of_form}
    texts = {name: entry["description"] for name, entry in FORM["conn-fields"].items()}
    for name, text in (texts | {"host": FORM["ui-field-behaviour"]["placeholders"]["host"]}).items():
        (stated,) = re.findall(r"Empty: (.+?)\.?$", text)
        assert f"Empty: {stated}." in told[name].replace("`", "")


def test_the_methods_of_the_hook_send_the_requests_that_the_page_says(scene: Scene):
    hook = PolytomicHook(retry_for=1.0)
    org_id, user_id = scene.user.organization_id, scene.user.id
    role_id = hook.create_role(org_id, "Auditor").id
    ids = {"org_id": org_id, "user_id": user_id, "role_id": role_id}
    arguments: dict[str, tuple[Any, ...]] = {
        "get_identity": (),
        "list_organizations": (),
        "create_organization": ("Globex",),
        "get_organization": (org_id,),
        "update_organization": (org_id,),
        "delete_organization": (scene.emulator.add_organization("Initech").id,),
        "list_users": (org_id,),
        "create_user": (org_id, "bob@acme.example"),
        "get_user": (org_id, user_id),
        "update_user": (org_id, user_id),
        "delete_user": (org_id, scene.emulator.add_user(org_id, "eve@acme.example").id),
        "create_api_key": (org_id, user_id),
        "list_roles": (org_id,),
        "resolve_roles": (org_id, ["Auditor"]),
        "create_role": (org_id, "Steward"),
        "get_role": (org_id, role_id),
        "update_role": (org_id, role_id, "Inspector"),
        "delete_role": (org_id, role_id),
    }
    named: dict[str, dict[str, Any]] = {
        "update_organization": {"name": "Acme Ltd"},
        "update_user": {"role_ids": [role_id]},
        "create_api_key": {"idempotency_key": "issuance-0001"},
    }
    told = [
        (method, request, key)
        for name, request, key in rows(CONNECTION_PAGE, "In your own tasks")
        for method in codes(name)
    ]
    assert [method for method, _, _ in told] == list(arguments)
    assert set(arguments) == {
        name for part in HOOK_PARTS for name, each in vars(part).items() if _is_endpoint(name, each)
    }
    user = scene.emulator.give_key(user_id)
    scene.put("a_user", conn_type="polytomic", host=scene.emulator.base_url, password=user)
    for method, request, key in told:
        given, ours = arguments[method], {**ids, **dict(zip(("org_id", "user_id"), arguments[method], strict=False))}
        getattr(hook, method)(*given, **named.get(method, {}))
        sent = scene.emulator.requests[-1]
        assert f"{sent.method} {sent.path}" == codes(request)[0].format(**ours)
        as_user = getattr(PolytomicHook("a_user"), method)
        if key == "partner":
            with pytest.raises((PolytomicForbiddenError, PolytomicUnauthorizedError)):
                as_user(*given, **named.get(method, {}))
        else:
            as_user(*given, **named.get(method, {}))


def test_with_current_the_key_of_a_user_does_where_the_page_says(scene: Scene):
    user = scene.emulator.give_key(scene.user.id)
    scene.put("a_user", conn_type="polytomic", host=scene.emulator.base_url, password=user)
    hook = PolytomicHook("a_user")
    assert hook.get_organization("current").id == scene.user.organization_id
    assert [each.id for each in hook.list_users("current")] == [scene.user.id]
    assert "Editor" in {role.name for role in hook.list_roles("current")}


def _is_endpoint(name: str, member: object) -> bool:
    return inspect.isfunction(member) and re.match("(get|list|create|update|delete|resolve)_", name) is not None


def test_the_errors_are_all_there_and_retryable_where_the_page_says_so():
    bases = {"PolytomicError", "PolytomicApiError", "SecretStoreError", "IssuanceError"}  # never raised themselves
    raised = {name: getattr(exceptions, name).retryable for name in set(exceptions.__all__) - bases}
    told = {codes(name)[0]: word == "yes" for name, word, _ in rows(CONNECTION_PAGE, "Errors")}
    assert told == raised


def test_what_is_repeated_is_what_the_page_says():
    (sentence,) = re.findall(r"GETs are repeated.*?\.", page_text(CONNECTION_PAGE))
    gets, posts = sentence.split(", POSTs after")
    assert "lost connections" in gets
    assert "lost connections" in posts
    assert repeat_safely(PolytomicNoAnswerError())
    assert repeat_post(PolytomicNoAnswerError())
    for status in range(400, 600):
        error = PolytomicApiError("", status=status)
        assert repeat_safely(error) is (str(status) in gets or (status >= 500 and "5xx" in gets))
        assert repeat_post(error) is (str(status) in posts)


def test_the_destinations_are_all_there_with_what_their_stores_are():
    told = rows("README.md", "Destinations")
    kept = [(codes(row[0]), codes(row[1].partition(",")[0].partition(":")[0])) for row in told]
    airflow = ["airflow://connection/<conn_id>", "airflow://variable/<key>"]
    assert {name for _, keepers in kept for name in keepers} == {path.rpartition(".")[2] for path in BACKENDS}
    assert [uris[0] for uris, _ in kept if uris[0] not in airflow] == [scheme.form for scheme in SCHEMES.values()]
    for path in BACKENDS:
        assert {uri for uris, keepers in kept if path.rpartition(".")[2] in keepers for uri in uris} == set(airflow)
    writer = "airflow://<writer_conn_id>@connection/<conn_id>"
    on_page = [codes(row[0])[0] for row in rows(DESTINATIONS_PAGE, "Destinations")]
    assert on_page == [*airflow, writer, *(scheme.form for scheme in SCHEMES.values())]
    for uri in on_page:
        filled = re.sub(r"<conn_id>@|<writer_conn_id>@", "somebody@", uri.replace("[", "").replace("]", ""))
        Destination.parse(re.sub("<.*?>", "acme", filled))
    assert {name for row in rows(DESTINATIONS_PAGE, "Destinations", 1) for name in codes(row[0])} == {
        path.rpartition(".")[2] for path in BACKENDS
    }


def test_what_the_table_says_of_compare_and_set_the_stores_say_too(scene: Scene):
    said = {row[1].partition(":")[0]: row[2] for row in rows("README.md", "Destinations")}
    for destination in (CONNECTION, "airflow://variable/acme_api_key"):
        with open_store(destination, issuer="https://app.polytomic.com") as store:
            assert store.compare_and_set is (said["`LocalFilesystemBackend`"] == "yes")
    store = store_on(None, Destination.parse("airflow://variable/acme"), issuer="https://app.polytomic.com")
    assert store.compare_and_set is (said["the metadata database, where no backend is configured"] == "yes")
    with pytest.raises(MisconfiguredError):
        store_on(None, Destination.parse(CONNECTION), issuer="https://app.polytomic.com")
    versions = {number: _Version1 if number == 1 else _Version2 for number in (1, 2)}
    for number, engine in versions.items():
        assert engine.compare_and_set is (said[f"`VaultBackend`, KV version {number}"] == "yes")
    assert said["a secret of Vault's outside Airflow"] == "yes; version 1: no"
    for backend, outside, compares in (
        ("SecretsManager", "a secret of AWS's", SecretsManagerStore.compare_and_set),
        ("SystemsManagerParameterStore", "a parameter", ParameterStore.compare_and_set),
    ):
        assert said[f"`{backend}Backend`"] == said[f"{outside} outside Airflow"] == ("yes" if compares else "no")


def test_the_extras_are_those_of_the_project():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    told = [code for row in rows("README.md", "Requirements and installation", 1) for code in codes(row[0])]
    assert sorted(re.findall(r"\[(\w+)\]", " ".join(told))) == sorted(extras)
    named = {row.extra for row in BACKENDS.values()} | {row.extra for row in SCHEMES.values()}
    assert named - {None} <= set(extras)


def test_the_limits_of_a_variable_of_the_database_are_those_of_its_store():
    told = facts(DESTINATIONS_PAGE, "The metadata database")
    longest, illegal = int(re.findall(r"\d+", told["limits"])[0]), codes(told["limits"])
    for name in ("k" * longest, "acme_api_key"):
        store_on(None, Destination("airflow", "variable", name), issuer="https://app.polytomic.com")
    for name in ("k" * (longest + 1), *(f"acme{character}key" for character in illegal)):
        with pytest.raises(MisconfiguredError):
            store_on(None, Destination("airflow", "variable", name), issuer="https://app.polytomic.com")
    record = codes(told["record"])[0].removeprefix("<key>")
    with pytest.raises(MisconfiguredError, match=f"at most {250 - len(record)} "):
        store_on(None, Destination("airflow", "variable", "keys"), issuer="https://app.polytomic.com")


def test_an_issuance_costs_as_many_requests_as_the_page_says(scene: Scene, context: Context):
    def requests_for(**given: Any) -> int:
        before = len(scene.emulator.requests)
        arguments: dict[str, Any] = {"destination": CONNECTION, **scene.ids, **given}
        PolytomicCreateApiKeyOperator(task_id="issue", **arguments).execute(context())
        return len(scene.emulator.requests) - before

    costs = rows(DESTINATIONS_PAGE, "What an issuance costs")
    told = {what: int(how_many.partition(":")[0]) for what, how_many in costs}
    assert requests_for(check_only=True) == told["`check_only`, nothing stored"]
    assert requests_for() == told["a key is issued"]
    assert requests_for() == told["a stored key is kept"]


def test_the_versions_are_those_that_are_installed_and_tested():
    told = facts("README.md", "Requirements and installation")
    pinned = [
        re.findall(r"^apache-airflow==(.+)$", file.read_text(), re.MULTILINE)[0]
        for file in sorted((ROOT / "constraints").glob("airflow-*.txt"))
    ]
    assert told["Airflow"].endswith(f"tested with {' and '.join(pinned)}")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert told["Python"].startswith("3.11 to 3.13")
    assert "apache-airflow>=2.11" in project["dependencies"]
    assert told["Polytomic"].endswith(DEFAULT_API_VERSION)
