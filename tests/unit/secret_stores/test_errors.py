from __future__ import annotations

import traceback

import pytest

from airflow_provider_polytomic.exceptions import (
    SecretStoreConflictError,
    SecretStoreDeniedError,
    SecretStoreUnavailableError,
)
from airflow_provider_polytomic.secret_stores.errors import translate_errors

KEY = "pk-live-0123456789"


class Store:
    place = "variable acme"

    @translate_errors
    def fail_with(self, kind):
        text = KEY  # a local, as in a failed write
        try:
            int(text)
        except ValueError as error:
            raise kind(f"no {len(text)}") from error


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        (SecretStoreConflictError, SecretStoreConflictError),
        (KeyError, SecretStoreUnavailableError),
        (KeyboardInterrupt, KeyboardInterrupt),
    ],
)
def test_an_error_carries_no_frame_with_the_key(kind, seen):
    with pytest.raises(seen) as caught:
        Store().fail_with(kind)
    text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert KEY not in text
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_an_unexpected_error_is_reported_by_type_and_line_only():
    with pytest.raises(SecretStoreUnavailableError, match=r"variable acme: unexpected KeyError at test_errors\.py:\d+"):
        Store().fail_with(KeyError)


class ExplainingStore(Store):
    def explain_error(self, error):
        return SecretStoreDeniedError("read-only", reason="file_rights") if isinstance(error, OSError) else None


@pytest.mark.parametrize(
    ("error_type", "message"),
    [
        (PermissionError, r"^variable acme: read-only$"),
        (KeyError, r"^variable acme: unexpected KeyError"),
        (SecretStoreConflictError, r"^variable acme: no 18$"),
    ],
)
def test_a_store_explains_its_own_errors(error_type, message):
    with pytest.raises((SecretStoreDeniedError, SecretStoreConflictError, SecretStoreUnavailableError), match=message):
        ExplainingStore().fail_with(error_type)
