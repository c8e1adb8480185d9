from __future__ import annotations

import pytest

from airflow_provider_polytomic.secret_stores.local.entries import encode_file_name

ALIKE = [
    "acme",
    "Acme",
    "ACME",
    "acme/b",
    "acme%2fb",
    "acme_b",
    "acme.b",
    "äcme",
    "a\u0308cme",
    "x" * 201,
    "x" * 202,
    "X" * 250,
    "ü" * 250,
]


def test_no_two_names_share_a_file_even_where_capitals_do_not_count():
    names = [encode_file_name(name).lower() for name in ALIKE]
    assert len(set(names)) == len(ALIKE)


@pytest.mark.parametrize("name", ALIKE)
def test_a_file_name_is_one_and_fits(name):
    assert "/" not in encode_file_name(name)
    assert len(f"connection.{encode_file_name(name)}.json".encode()) <= 255
