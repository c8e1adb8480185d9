"""A key is written where the configured AWS backend reads, and nowhere else."""

from __future__ import annotations

import json

import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
from airflow.providers.amazon.aws.secrets.systems_manager import SystemsManagerParameterStoreBackend

from tests.unit.secret_stores.aws_fixtures import (
    ISSUER,
    KEY,
    actions,
    connect,
    issue,
    make_backend,
    open_on,
    open_outside,
)
from tests.unit.secret_stores.reasons import because

SECRETS, PARAMETERS = SecretsManagerBackend, SystemsManagerParameterStoreBackend


class LowerSecrets(SecretsManagerBackend):
    """A subclass with other paths."""

    @staticmethod
    def build_path(path_prefix, secret_id, sep="/"):
        return f"company{sep}{secret_id.lower()}"


class LowerParameters(SystemsManagerParameterStoreBackend):
    """A subclass with other paths."""

    build_path = staticmethod(LowerSecrets.build_path)


class WithFallback(SecretsManagerBackend):
    """A subclass that reads two paths."""

    def get_conn_value(self, conn_id, team_name=None):
        return super().get_conn_value(conn_id) or self._get_secret("common", conn_id, None)


PATHS = [
    (SECRETS, {}, "airflow/connections/acme"),
    (SECRETS, {"connections_prefix": "team/conns/"}, "team/conns/acme"),
    (SECRETS, {"connections_prefix": ""}, "acme"),
    (SECRETS, {"connections_prefix": "af", "sep": "-"}, "af-acme"),
    (SECRETS, {"connections_lookup_pattern": "^AC"}, "airflow/connections/acme"),
    (LowerSecrets, {}, "company/acme"),
    (WithFallback, {}, "airflow/connections/acme"),
    (PARAMETERS, {}, "/airflow/connections/acme"),
    (PARAMETERS, {"connections_prefix": "team/c/"}, "/team/c/acme"),
    (PARAMETERS, {"connections_prefix": ""}, "/acme"),
    (PARAMETERS, {"connections_lookup_pattern": "^AC"}, "/airflow/connections/acme"),
    (LowerParameters, {}, "/company/acme"),
]


def current(server, path):
    if path.startswith("/"):
        found = server.client("ssm").get_parameter(Name=path, WithDecryption=True)["Parameter"]
        assert found["Type"] == "SecureString"
        return found["Value"]
    return server.client("secretsmanager").get_secret_value(SecretId=path)["SecretString"]


@pytest.mark.parametrize(("cls", "given", "path"), PATHS)
def test_the_key_is_written_where_the_backend_reads(aws_server, cls, given, path):
    backend = make_backend(aws_server, cls, **given)
    store = open_on(backend)
    issue(store)
    assert json.loads(current(aws_server, path)) == {"conn_type": "polytomic", "host": ISSUER, "password": KEY}
    assert backend.get_connection("acme").password == KEY
    assert f" {path} in AWS " in store.place
    assert store.place.endswith(f", eu-west-1 ({aws_server.endpoint_url})")


def test_of_two_paths_the_one_with_a_value_is_written(aws_server):
    old = "polytomic://:old@app.polytomic.com?x=1"
    aws_server.client("secretsmanager").create_secret(Name="common/acme", SecretString=old)
    issue(open_on(make_backend(aws_server, WithFallback)))
    assert json.loads(current(aws_server, "common/acme"))["password"] == KEY


@pytest.mark.parametrize("cls", [SECRETS, PARAMETERS])
@pytest.mark.parametrize(
    ("given", "uri"),
    [
        ({"connections_prefix": None}, "airflow://connection/acme"),
        ({"variables_prefix": None}, "airflow://variable/acme"),
        ({"connections_lookup_pattern": "^other"}, "airflow://connection/acme"),
        ({}, "airflow://connection/team--acme"),
    ],
    ids=["no connections", "no variables", "another pattern", "a team's name"],
)
def test_a_path_that_the_backend_never_reads_is_refused_before_any_request(aws_server, monkeypatch, cls, given, uri):
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    with because("backend_never_looks"):
        open_on(make_backend(aws_server, cls, **given), uri)
    assert actions(aws_server) == []


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        *((SECRETS, name) for name in ("acme:prod", "acme%231", "acme!")),
        *((PARAMETERS, name) for name in ("acme:3", "acme(1)", "/".join("abcdefghijklmn"))),
    ],
)
def test_a_name_that_aws_does_not_allow_is_refused_before_any_request(aws_server, cls, name):
    with because("name_not_allowed"):
        open_on(make_backend(aws_server, cls), f"airflow://connection/{name}")
    assert actions(aws_server) == []


def test_outside_airflow_a_path_is_as_aws_has_it(aws_server, monkeypatch):
    connect(monkeypatch, aws_server)
    issue(open_outside("aws-ssm://aws_writer@/apps/sync"))
    issue(open_outside("aws-ssm://aws_writer@/sync"))
    issue(open_outside("aws-secretsmanager://aws_writer@/apps/sync?field=api_key"))
    found = aws_server.client("ssm").get_parameter(Name="sync", WithDecryption=True)["Parameter"]["Value"]
    assert (current(aws_server, "/apps/sync"), found) == (KEY, KEY)
    assert json.loads(current(aws_server, "apps/sync")) == {"api_key": KEY}
    for uri in ("aws-ssm://aws_writer@/apps:sync", "aws-secretsmanager://aws_writer@/apps:sync"):
        with because("name_not_allowed"):
            open_outside(uri)
