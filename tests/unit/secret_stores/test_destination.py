"""URIs of destinations: the allowed ones with their parts, and the refused ones."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.secret_stores.destination import Destination

IN_AIRFLOW = {
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

INVALID = [
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
    "airflow://variable/acme__polytomic_issuance",
    "airflow://variable/acme__Polytomic_Issuance",
    "airflow://connection/acme__polytomic_issuance",
    "vault://conn@secret/apps/acme__polytomic_issuance",
    "airflow://connection/team\\..\\acme",
    "airflow://team%2F..%2Fwriter@connection/acme",
    "airflow://..@connection/acme",
    "airflow://%2Fwriter@connection/acme",
    "airflow://writer%2F@connection/acme",
    "airflow://team%2F%2Fwriter@connection/acme",
    "airflow://writ%20er@connection/acme",
    "vault://team%2F..%2Fv@secret/acme",
    "vault://v%2F@secret/acme",
    "aws-ssm://%2Faws@/acme",
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


@pytest.mark.parametrize(("uri", "expected"), IN_AIRFLOW.items())
def test_a_destination_in_airflow_is_parsed(uri, expected):
    destination = Destination.parse(uri)
    assert (destination.scheme, destination.conn_id, destination.field) == ("airflow", None, None)
    assert (destination.kind, destination.name) == expected


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


@pytest.mark.parametrize(("uri", "expected"), OUTSIDE.items())
def test_the_writing_connection_the_authority_and_the_field_are_parsed(uri, expected):
    parsed = Destination.parse(uri)
    assert (parsed.scheme, parsed.conn_id, parsed.authority, parsed.kind, parsed.name, parsed.field) == expected


@pytest.mark.parametrize("uri", [*IN_AIRFLOW, *OUTSIDE])
def test_a_destination_returns_its_uri(uri):
    destination = Destination.parse(uri)
    assert Destination.parse(str(destination)) == destination


@pytest.mark.parametrize("uri", INVALID, ids=repr)
def test_an_invalid_destination_is_refused_with_the_allowed_forms(uri):
    with pytest.raises(ValueError, match="airflow://connection/<conn_id>, airflow://variable/<key>") as caught:
        Destination.parse(uri)
    assert isinstance(caught.value, PolytomicConfigurationError)
    assert "s3cr3t" not in str(caught.value)
