"""Errors survive pickle and copy, as process pools, error trackers and Airflow's listeners need."""

from __future__ import annotations

import copy
import pickle
from inspect import Parameter, signature
from typing import Any

import pytest

from airflow_provider_polytomic import exceptions
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError, PolytomicError
from airflow_provider_polytomic.operators._failures import as_failure

CLASSES: list[type[PolytomicError]] = [getattr(exceptions, name) for name in exceptions.__all__]
DUPLICATES = [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy]
VALUES = {"fields": ["destination"], "status": 409, "retry_after": 1.5}


def make_error(error_class: type[PolytomicError]) -> PolytomicError:
    """Return an error whose every argument differs from its default."""
    given: dict[str, Any] = {}
    positional: list[str] = []
    for name, parameter in list(signature(error_class.__init__).parameters.items())[1:]:
        if parameter.kind is Parameter.POSITIONAL_OR_KEYWORD:
            positional.append(f"The {name}.")
        else:
            given[name] = VALUES.get(name, True if parameter.default is False else f"the {name}")
    error = error_class(*positional, **given)
    error.add_note("A note.")
    return error


@pytest.mark.parametrize("duplicate", DUPLICATES, ids=["pickle", "copy", "deepcopy"])
@pytest.mark.parametrize("error_class", CLASSES)
def test_an_error_is_equal_after_pickle_and_copy(error_class: type[PolytomicError], duplicate: Any) -> None:
    error = make_error(error_class)
    for original in (error, as_failure(error)):
        twin = duplicate(original)
        assert type(twin) is type(original)
        assert (str(twin), twin.args, vars(twin)) == (str(original), original.args, vars(original))


def test_a_copied_configuration_error_states_once_that_no_request_was_sent() -> None:
    error = PolytomicConfigurationError("shards is 0.", "Set at least 1.")
    assert str(pickle.loads(pickle.dumps(error))) == "shards is 0. No request was sent. Set at least 1."
