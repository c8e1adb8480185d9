"""How the store reads and replaces existing parameters in Parameter Store."""

from __future__ import annotations

import json

import pytest
from airflow.providers.amazon.aws.secrets.systems_manager import SystemsManagerParameterStoreBackend

from airflow_provider_polytomic.credentials import ApiKey
from tests.unit.secret_stores import aws_fixtures
from tests.unit.secret_stores.aws_fixtures import ISSUER, KEY, actions, issue, open_on
from tests.unit.secret_stores.reasons import because

NAME = "/airflow/connections/acme"
VARIABLE = "/airflow/variables/acme_api_key"
URI = "airflow://variable/acme_api_key"
OLD = "pk-live-the-old-one-that-is-there"


@pytest.fixture
def own(aws_server):
    return aws_server.client("ssm")


@pytest.fixture
def store(aws_server):
    return open_on(make_backend(aws_server), URI)


def make_backend(server, cls=SystemsManagerParameterStoreBackend, **given):
    return aws_fixtures.make_backend(server, cls, **given)


def put(own, text=OLD, name=VARIABLE, **given):
    return own.put_parameter(**{"Name": name, "Value": text, "Type": "SecureString", "Overwrite": True} | given)


def current(own, name=VARIABLE):
    return own.get_parameter(Name=name, WithDecryption=True)["Parameter"]


def described(own, name=VARIABLE):
    return own.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])["Parameters"][0]


def test_a_check_writes_nothing(aws_server, store, own):
    put(own)
    store.check_write(store.read())
    assert actions(aws_server) == ["GetParameter", "GetParameterHistory"]


def test_the_settings_of_the_parameter_stay(aws_server, store, own):
    key = aws_server.key("alias/team")
    put(own, KeyId="alias/team", Tier="Advanced", Description="of the data team", AllowedPattern="^[a-z0-9-]{20,}$")
    before = described(own)
    issue(store)
    after = described(own)
    same = ("KeyId", "Tier", "Description", "AllowedPattern", "DataType", "Type")
    assert [after[name] for name in same] == [before[name] for name in same]
    assert after["KeyId"] == "alias/team"
    assert key
    assert [request.body.get("KeyId") for request in aws_server.requests if request.body.get("Value") == KEY] == [
        "alias/team"
    ]


@pytest.mark.parametrize("kind", ["String", "StringList"])
def test_a_key_is_never_stored_in_clear(aws_server, store, own, kind):
    put(own, Type=kind)
    stored = store.read()
    assert ApiKey(OLD).matches(stored.value)
    for act in (lambda: store.check_write(stored), lambda: store.write(ApiKey(KEY), stored)):
        with because("stored_in_clear"):
            act()
    assert current(own)["Value"] == OLD
    assert "PutParameter" not in actions(aws_server)


def test_a_parameter_that_would_become_too_long_for_its_tier_is_refused_beforehand(aws_server, own):
    connection = {"conn_type": "polytomic", "host": ISSUER, "password": OLD, "extra": {"note": "n" * 3900}}
    put(own, json.dumps(connection), NAME)
    store = open_on(make_backend(aws_server))
    with because("too_long"):
        store.check_write(store.read())
    put(own, json.dumps(connection), NAME, Tier="Advanced")
    issue(store)


MATCHING = {
    "the whole value": r".{8,200}",
    "with anchors": r"^\S+$",
    "with a class that only Java has": r"\p{Graph}+",
    "with an intersection that Python reads differently": r"[a-z0-9-&&[^x]]+",
}


@pytest.mark.parametrize("pattern", MATCHING.values(), ids=MATCHING)
def test_a_pattern_that_matches_every_key_or_cannot_be_checked_is_accepted(store, own, pattern):
    put(own, AllowedPattern=pattern)
    store.check_write(store.read())


@pytest.mark.parametrize("pattern", ["^pk-live-the-old.*$", "pk-.*|kkk", ".{8,40}"])
def test_a_pattern_that_a_new_key_might_not_match_is_refused_beforehand(aws_server, store, own, pattern):
    put(own, AllowedPattern=pattern)
    with because("pattern_does_not_match"):
        store.check_write(store.read())
    assert "PutParameter" not in actions(aws_server)


def test_a_pattern_must_match_the_whole_content(aws_server, own):
    stored = json.dumps({"conn_type": "polytomic", "host": ISSUER, "password": OLD})
    put(own, stored, NAME, AllowedPattern=r'\{.*"password": "[a-z-]+"\}')
    issue(open_on(make_backend(aws_server)), "pk-live-another")
    put(own, "polytomic://:old@app.polytomic.com", "/airflow/connections/uri", AllowedPattern="^polytomic://.*$")
    store = open_on(make_backend(aws_server), "airflow://connection/uri")
    with because("pattern_does_not_match"):
        store.check_write(store.read())


def test_the_record_is_a_parameter_beside_it(store, own):
    store.write_record({"state": "open"})
    record = own.get_parameter(Name=f"{VARIABLE}.polytomic-issuance")["Parameter"]
    assert (record["Type"], json.loads(record["Value"])) == ("String", {"state": "open"})


@pytest.mark.parametrize(("text", "kind"), [("no JSON", "String"), ('{"a": 1}', "String"), ("{}", "SecureString")])
def test_a_parameter_that_is_not_a_record_is_refused(store, own, text, kind):
    put(own, text, f"{VARIABLE}.polytomic-issuance", Type=kind)
    with because("no_record"):
        store.read_record()
