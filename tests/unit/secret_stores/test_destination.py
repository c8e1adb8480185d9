from __future__ import annotations

import pytest

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.secret_stores.destination import Destination

GOOD = {
    "airflow://connection/acme_polytomic": ("connection", "acme_polytomic"),
    "airflow://connection/Acme.Prod-1": ("connection", "Acme.Prod-1"),
    "airflow://connection/team/acme": ("connection", "team/acme"),
    "airflow://connection/a:8443": ("connection", "a:8443"),
    "airflow://connection/a%23b": ("connection", "a#b"),
    "airflow://connection/%C3%A4cme": ("connection", "äcme"),
    "airflow://connection/äcme": ("connection", "äcme"),
    "airflow://variable/with blank": ("variable", "with blank"),
    "airflow://variable/who%3F%25%40": ("variable", "who?%@"),
    "airflow://variable/" + "x" * 250: ("variable", "x" * 250),
}

BAD = [
    "",
    " airflow://connection/acme",
    "acme",
    "airflow://",
    "airflow://connection",
    "airflow://connection/",
    "airflow://connection/acme/",
    "airflow://connection//acme",
    "airflow://connection/../acme",
    "airflow://connection/./acme",
    "airflow://connection/with blank",
    "airflow://connection/a\nb",
    "airflow://connection/a\x00b",
    "airflow://connection/a%",
    "airflow://connection/a%zz",
    "airflow://connection/%ff",
    "airflow://connection/a%2F..%2Fb",
    "airflow://connection/acme?field=api_key",
    "airflow://connection/acme#part",
    "airflow://connection:8080/acme",
    "airflow://Connection/acme",
    "AIRFLOW://connection/acme",
    "airflow://@connection/acme",
    "airflow://connection/acme.polytomic-issuance",
    "airflow://variable/acme.polytomic-issuance",
    "vault://conn@secret/apps/acme.polytomic-issuance?field=api_key",
    "aws-ssm://conn@/acme.polytomic%2Dissuance",
    "vault://AKIA:s3cr3t.token@secret/acme",
    "airflow://user name:s3cr3t-password@connection/acme",
    "airflow://pool/acme",
    "airflow://writer@connection/acme?field=api_key",
    "vault://secret/acme",
    "vault://conn@secret",
    "vault://conn@secret/",
    "vault://conn@/acme",
    "vault://conn@secret/a//b",
    "vault://conn@secret/../acme",
    "vault://conn@..%2Fsys/acme",
    "vault://conn@secret/acme?field=",
    "vault://conn@secret/acme?fields=api_key",
    "vault://conn@secret/acme?field=a&field=b",
    "vault://conn@other@secret/acme",
    "vault://user:s3cr3t@host/secret/acme?token=s3cr3t",
    "Vault://conn@secret/acme",
    "aws-secretsmanager://conn@/",
    "aws-secretsmanager://conn@region/acme",
    "aws-secretsmanager://acme",
    "aws-ssm://conn@/acme?field=api_key",
    "aws-ssm:///acme",
    "aws-ssm://conn@/" + "x" * 1025,
    "https://app.polytomic.com/acme",
    "airflow://variable/ x",
    "airflow://variable/%20x",
    "airflow://variable/" + "x" * 251,
    None,
    7,
    b"airflow://connection/acme",
]


@pytest.mark.parametrize(("uri", "meant"), GOOD.items())
def test_a_destination_is_what_it_names(uri, meant):
    destination = Destination.parse(uri)
    assert (destination.scheme, destination.conn_id, destination.field) == ("airflow", None, None)
    assert (destination.kind, destination.name) == meant


OUTSIDE = {
    "airflow://writer@connection/acme": ("airflow", "writer", "", "connection", "acme", None),
    "airflow://team%2Fw@variable/a/b": ("airflow", "team/w", "", "variable", "a/b", None),
    "vault://v@secret/apps/acme": ("vault", "v", "secret", "secret", "apps/acme", "api_key"),
    "vault://v@team%2Fkv/acme?field=polytomic": ("vault", "v", "team/kv", "secret", "acme", "polytomic"),
    "vault://team%3Av@secret/a": ("vault", "team:v", "secret", "secret", "a", "api_key"),
    "vault://v@secret/a?field=with%20blank": ("vault", "v", "secret", "secret", "a", "with blank"),
    "aws-secretsmanager://aws_default@/apps/acme": (
        "aws-secretsmanager",
        "aws_default",
        "",
        "secret",
        "apps/acme",
        None,
    ),
    "aws-secretsmanager://a@/acme?field=k": ("aws-secretsmanager", "a", "", "secret", "acme", "k"),
    "aws-ssm://a@/apps/acme": ("aws-ssm", "a", "", "secret", "apps/acme", None),
}


@pytest.mark.parametrize(("uri", "meant"), OUTSIDE.items())
def test_a_destination_names_the_connection_that_writes_and_the_field(uri, meant):
    found = Destination.parse(uri)
    assert (found.scheme, found.conn_id, found.authority, found.kind, found.name, found.field) == meant


@pytest.mark.parametrize("uri", [*GOOD, *OUTSIDE])
def test_a_destination_gives_its_uri_back(uri):
    destination = Destination.parse(uri)
    assert Destination.parse(str(destination)) == destination


@pytest.mark.parametrize("uri", BAD, ids=repr)
def test_what_is_no_destination_is_refused_with_the_allowed_forms(uri):
    with pytest.raises(ValueError, match="airflow://connection/<conn_id>, airflow://variable/<key>") as caught:
        Destination.parse(uri)
    assert isinstance(caught.value, PolytomicConfigurationError)
    assert "s3cr3t" not in str(caught.value)
