"""Functions that strip tracebacks: no exception, also none of a signal, keeps one of their frames."""

from __future__ import annotations

import traceback

import pytest

from airflow_provider_polytomic._support.tracebacks import strip_traceback
from airflow_provider_polytomic.credentials import ApiKey

TEXT = "pk_live_the-text-of-a-key"


class TimeoutOfAirflow(BaseException):
    """A BaseException between any two lines, like Airflow's time-outs."""


@pytest.mark.parametrize("kind", [ValueError, TimeoutOfAirflow])
def test_an_exception_from_a_stripped_function_has_no_frame_with_plain_text(kind: type[BaseException]) -> None:
    @strip_traceback
    def use(key: ApiKey) -> None:
        text = key.reveal()
        try:
            assert text == ""
        except AssertionError as error:
            raise kind("stopped") from error

    with pytest.raises(kind, match="stopped") as caught:
        use(ApiKey(TEXT))
    printed = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert caught.value.__context__ is None
    assert "in use" not in printed
    assert printed.count(TEXT) == 0, printed


def test_a_stripped_function_returns_its_result() -> None:
    @strip_traceback
    def double(number: int) -> int:
        return 2 * number

    assert double(21) == 42
