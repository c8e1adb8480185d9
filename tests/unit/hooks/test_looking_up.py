"""Does a time-out in the look-up of a connection carry along what the secrets backend had read?"""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.secret_stores.opening import Clients

SECRETS = "pk_live_of-each-and-every-customer"


class TimeoutOfAirflow(BaseException):
    """Airflow's timeouts are BaseExceptions, raised between any two lines."""


def looked_up() -> Any:
    """Be interrupted where a backend has all its secrets at hand."""
    everybodys = f"{SECRETS}"
    raise TimeoutOfAirflow(len(everybodys))


class Hook(PolytomicHook):
    @classmethod
    def get_connection(cls, conn_id: str) -> Any:
        return looked_up()


def told_with_locals(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def test_that_would_show_without_it() -> None:
    with pytest.raises(TimeoutOfAirflow) as caught:
        looked_up()
    assert SECRETS in told_with_locals(caught.value)


def test_a_hook_that_is_interrupted_while_it_reads_its_connection_shows_no_secret() -> None:
    with pytest.raises(TimeoutOfAirflow) as caught:
        _ = Hook("polytomic_default").base_url
    assert SECRETS not in told_with_locals(caught.value)


def test_a_client_that_is_interrupted_while_it_is_made_shows_no_secret() -> None:
    with pytest.raises(TimeoutOfAirflow) as caught:
        Clients().of("writer", "Vault", looked_up)
    assert SECRETS not in told_with_locals(caught.value)
