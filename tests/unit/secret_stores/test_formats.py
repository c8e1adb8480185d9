"""Other content of a secret stays the same when a key is inserted or removed."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import PolytomicError
from airflow_provider_polytomic.secret_stores.formats import ConnectionFormat, FieldFormat, JsonFormat, TextFormat
from tests.unit.secret_stores.reasons import because

FORM = JsonFormat(FieldFormat("api_key"))
SAME = [
    '{"n": 1, "f": 0.5, "e": 1e3, "z": 1.50, "u": "\\u00e4", "nested": {"b": [true, null, {}]}}',
    '{"big": 123456789012345678901234567890}',
    "{}",
]
CHANGED = ['{"f": 0.12345678901234567890123}', '{"f": 1e400}', '{"a": 1, "a": 2}', '{"in": {"a": 1, "a": 1}}']


@pytest.mark.parametrize("content", SAME)
def test_other_content_of_json_stays_when_a_key_is_inserted(content):
    new = json.loads(FORM.insert(content, ApiKey("a-key")))
    assert new.pop("api_key") == "a-key"
    assert new == json.loads(content)


@pytest.mark.parametrize("content", CHANGED)
def test_json_that_an_insertion_would_change_is_refused_and_not_shown(content):
    with because("not_the_same_afterwards") as caught:
        FORM.insert(content, ApiKey("a-key"))
    assert "1234" not in str(caught.value)


_DIGITS = "9" * 5000
ODD = {
    "port Infinity": '{"conn_type": "polytomic", "password": "a", "port": Infinity}',
    "port NaN": '{"conn_type": "polytomic", "password": "a", "port": NaN}',
    "port -1": '{"conn_type": "polytomic", "password": "a", "port": -1}',
    "port 99999": '{"conn_type": "polytomic", "password": "a", "port": 99999}',
    "port of 5,000 digits": f'{{"conn_type": "polytomic", "password": "a", "port": "{_DIGITS}"}}',
    "port list": '{"conn_type": "polytomic", "password": "a", "port": [1]}',
    "host list": '{"conn_type": "polytomic", "password": "a", "host": [1]}',
    "host number": '{"conn_type": "polytomic", "password": "a", "host": 7}',
    "schema number": '{"conn_type": "polytomic", "password": "a", "host": "x", "schema": 7}',
    "type list": '{"conn_type": ["polytomic"], "password": "a"}',
    "password list": '{"conn_type": "polytomic", "password": ["a"]}',
    "half a surrogate pair": '{"conn_type": "polytomic", "password": "\\ud800"}',
    "extra too deep": json.dumps({"conn_type": "polytomic", "password": "a", "extra": "[" * 100_000}),
    "extra of 5,000 digits": json.dumps({"conn_type": "polytomic", "password": "a", "extra": f'{{"x": {_DIGITS}}}'}),
    "extra Infinity": '{"conn_type": "polytomic", "password": "a", "extra": {"timeout": Infinity}}',
    "an exponent of 20 digits": '{"conn_type": "polytomic", "password": "a", "x": 1e99999999999999999999}',
    "a negative exponent": '{"conn_type": "polytomic", "password": "a", "x": 1e-99999999999999999999}',
    "too deep to parse": '{"a":' * 100_000,
    "too deep to write": '{"a":' * 900 + "1" + "}" * 900,
    "a URI of 5,000 digits": f"polytomic://:a@h:{_DIGITS}",
    "a URI of port -1": "polytomic://:a@h:-1",
    "a URI that is none": "polytomic://:a@[h",
}


def _parsed(content):
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_odd_content_is_read_or_an_error_of_this_package(content):
    connection = ConnectionFormat("https://app.polytomic.com")
    for secret_format in (connection, JsonFormat(connection), FORM, TextFormat()):
        for stored in (content, _parsed(content)):
            for step in (
                secret_format.read,
                secret_format.remove,
                lambda it, f=secret_format: f.insert(it, ApiKey("k")),
            ):
                with suppress(PolytomicError):
                    step(stored)


def test_letters_are_not_escaped():
    content = json.dumps({"note": "ä" * 1000}, ensure_ascii=False)
    assert len(FORM.insert(content, ApiKey("k")).encode()) < len(content.encode()) + 30


def test_half_a_surrogate_pair_stays_escaped():
    text = FORM.insert('{"odd": "\\ud800"}', ApiKey("k"))
    assert json.loads(text.encode())["odd"] == "\ud800"


GOES_WHOLE = {
    "a string": (TextFormat(), "a-key"),
    "a connection": (ConnectionFormat("https://app.polytomic.com"), {"conn_type": "polytomic", "description": "mine"}),
    "the last field": (FieldFormat("api_key"), {"api_key": "a-key"}),
    "the last field of JSON": (FORM, '{"api_key": "a-key"}'),
    "no fields": (FORM, "two words"),
    "nothing": (FORM, None),
}


@pytest.mark.parametrize(("form", "content"), GOES_WHOLE.values(), ids=GOES_WHOLE)
def test_without_other_content_the_whole_secret_is_removed(form, content):
    assert form.remove(content) is None


@pytest.mark.parametrize("content", SAME)
def test_json_without_the_field_is_not_rewritten(content):
    assert FORM.remove(content) is content


@pytest.mark.parametrize("content", SAME[:2])
def test_other_content_of_json_stays_when_a_key_is_removed(content):
    assert json.loads(FORM.remove(FORM.insert(content, ApiKey("a-key")))) == json.loads(content)


@pytest.mark.parametrize("content", CHANGED)
def test_json_that_a_removal_would_change_is_refused(content):
    with because("not_the_same_afterwards"):
        FORM.remove(content[:-1] + ', "api_key": "a-key"}')
    assert FORM.remove(content) is content
