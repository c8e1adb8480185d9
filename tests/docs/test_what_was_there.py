"""Does what was at a destination before become what the pages of the stores say? One act a row, tried."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.version_compat import AirflowFailException
from tests.docs.pages import rows
from tests.docs.store_pages import ParameterStorePage, SecretsManagerPage, VaultPage

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.docs.issuers import PageIssuer

CONNECTION = "airflow://connection/acme_polytomic"
VAULT, SECRET = "secret/connections/acme_polytomic", "airflow/connections/acme_polytomic"
PARAMETER = f"/{SECRET}"


def content(on: PageIssuer, where: str) -> Any:
    found = on.site.content(where)
    return json.loads(found) if isinstance(found, str) else found


def refused_unless_told(on: PageIssuer, where: str) -> None:
    before = on.site.content(where)
    with pytest.raises(AirflowFailException, match="take_over"):
        on.issue(CONNECTION)
    assert on.site.content(where) == before
    assert on.issue(CONNECTION, take_over=True)["issued"] is True
    assert content(on, where)["password"] == on.key


def nothing(on: PageIssuer) -> None:
    on.issue(CONNECTION)
    if isinstance(on.site, SecretsManagerPage):
        assert "KmsKeyId" not in on.site.person.describe_secret(SecretId=SECRET)
    if isinstance(on.site, ParameterStorePage):
        (made,) = on.site.person.get_parameter_history(Name=PARAMETER)["Parameters"]
        assert (made["Type"], made["KeyId"]) == ("SecureString", "alias/aws/ssm")


def other_fields(on: PageIssuer) -> None:
    for destination, where in (
        ("airflow://variable/acme_api_key", "secret/variables/acme_api_key"),
        ("vault://vault_writer@secret/apps/acme", "secret/apps/acme"),
    ):
        on.site.put(where, {"owner": "the data team"})
        on.issue(destination)
        assert content(on, where)["owner"] == "the data team"


def description_and_extra(on: PageIssuer) -> None:
    where = VAULT if isinstance(on.site, VaultPage) else PARAMETER
    kept = {"description": "of Acme", "extra": {"timeout": 20}}
    ours = {"conn_type": "polytomic", "host": on.scene.emulator.base_url}
    on.site.put(where, {**ours, **kept, "login": "ada"})
    on.issue(CONNECTION)
    assert content(on, where) == {**ours, **kept, "password": on.key}


def conn_uri(on: PageIssuer) -> None:
    on.site.put(VAULT, {"conn_uri": "polytomic://"})
    refused_unless_told(on, VAULT)
    assert "conn_uri" not in content(on, VAULT)


def a_uri(on: PageIssuer) -> None:
    where = SECRET if isinstance(on.site, SecretsManagerPage) else PARAMETER
    on.site.put(where, "polytomic://")
    on.issue(CONNECTION)
    assert content(on, where)["password"] == on.key


def another_type(on: PageIssuer) -> None:
    where = next(path for cls, path in PLACES.items() if isinstance(on.site, cls))
    on.site.put(where, {"conn_type": "postgres", "host": "db.example.com", "password": "a-password"})
    refused_unless_told(on, where)


def earlier_versions_of_vault(on: PageIssuer) -> None:
    assert isinstance(on.site, VaultPage)
    on.issue(CONNECTION)
    first = on.key
    on.issue(CONNECTION, force=True)
    path = f"/v1/{on.site.path(VAULT)}"
    assert on.site.person.adapter.get(path, params={"version": 1})["data"]["data"]["password"] == first


def deleted_in_vault(on: PageIssuer) -> None:
    assert isinstance(on.site, VaultPage)
    on.issue(CONNECTION)
    on.site.person.delete(on.site.path(VAULT))
    assert on.issue(CONNECTION, force=True)["version"] == "v2"
    assert content(on, VAULT)["password"] == on.key


def names_for_one_field(on: PageIssuer) -> None:
    url = on.scene.emulator.base_url
    on.site.put(SECRET, {"engine": "polytomic", "server": url, "key": "", "owner": "the data team"})
    on.issue(CONNECTION)
    assert content(on, SECRET) == {
        "conn_type": "polytomic",
        "host": url,
        "password": on.key,
        "owner": "the data team",
    }


def settings_of_a_secret(on: PageIssuer) -> None:
    assert isinstance(on.site, SecretsManagerPage)
    on.site.key = on.site.server.key()
    kept = {"KmsKeyId": on.site.key, "Description": "of Acme"}
    on.site.person.create_secret(Name=SECRET, **kept, Tags=[{"Key": "owner", "Value": "data"}])
    for force in (False, True):
        on.issue(CONNECTION, force=force)
        found = on.site.person.describe_secret(SecretId=SECRET)
        assert kept == {name: found[name] for name in kept}
        assert {"Key": "owner", "Value": "data"} in found["Tags"]


def the_version_before(on: PageIssuer) -> None:
    on.issue(CONNECTION)
    first = on.key
    on.issue(CONNECTION, force=True)
    if isinstance(on.site, SecretsManagerPage):
        previous = on.site.person.get_secret_value(SecretId=SECRET, VersionStage="AWSPREVIOUS")["SecretString"]
    else:
        assert isinstance(on.site, ParameterStorePage)
        history = on.site.person.get_parameter_history(Name=PARAMETER, WithDecryption=True)["Parameters"]
        previous = history[0]["Value"]
    assert json.loads(previous)["password"] == first


def scheduled_for_deletion(on: PageIssuer) -> None:
    assert isinstance(on.site, SecretsManagerPage)
    on.site.put(SECRET, {"conn_type": "polytomic"})
    on.site.person.delete_secret(SecretId=SECRET)
    with pytest.raises(AirflowFailException, match="scheduled for deletion"):
        on.issue(CONNECTION)
    assert not on.scene.posts
    on.site.person.restore_secret(SecretId=SECRET)
    on.issue(CONNECTION)


def settings_of_a_parameter(on: PageIssuer) -> None:
    assert isinstance(on.site, ParameterStorePage)
    on.site.key = on.site.server.key()
    kept = {"KeyId": on.site.key, "Tier": "Advanced", "Description": "of Acme", "AllowedPattern": "(?s).*"}
    text = json.dumps({"conn_type": "polytomic"})
    on.site.person.put_parameter(Name=PARAMETER, Value=text, Type="SecureString", **kept)
    on.issue(CONNECTION)
    found = on.site.person.get_parameter_history(Name=PARAMETER)["Parameters"][-1]
    assert (found["Version"], kept) == (2, {name: found[name] for name in kept})


def of_type_string(on: PageIssuer) -> None:
    assert isinstance(on.site, ParameterStorePage)
    on.site.person.put_parameter(Name=PARAMETER, Value=json.dumps({"conn_type": "polytomic"}), Type="String")
    with pytest.raises(AirflowFailException, match="stored in clear"):
        on.issue(CONNECTION)
    assert not on.scene.posts


PLACES: dict[type, str] = {VaultPage: VAULT, SecretsManagerPage: SECRET, ParameterStorePage: PARAMETER}
# In the order of each page's rows.
ACTS: dict[str, tuple[str, list[Callable[[PageIssuer], None]]]] = {
    "vault kv2": (
        VaultPage.page,
        [
            nothing,
            other_fields,
            description_and_extra,
            conn_uri,
            another_type,
            earlier_versions_of_vault,
            deleted_in_vault,
        ],
    ),
    "secretsmanager": (
        SecretsManagerPage.page,
        [
            nothing,
            names_for_one_field,
            a_uri,
            another_type,
            settings_of_a_secret,
            the_version_before,
            scheduled_for_deletion,
        ],
    ),
    "ssm": (
        ParameterStorePage.page,
        [
            nothing,
            description_and_extra,
            a_uri,
            another_type,
            settings_of_a_parameter,
            the_version_before,
            of_type_string,
        ],
    ),
}


@pytest.mark.parametrize(
    ("name", "act"),
    [
        pytest.param(name, act, id=f"{name}: {row[0]}")
        for name, (page, acts) in ACTS.items()
        for row, act in zip(rows(page, "What is written"), acts, strict=True)
    ],
)
def test_what_was_there_becomes_what_the_row_says(
    issuer: Callable[[str], PageIssuer], name: str, act: Callable[[PageIssuer], None]
):
    act(issuer(name))
