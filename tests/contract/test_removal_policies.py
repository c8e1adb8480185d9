"""Are the rights that the docs name for a removal the least? With them it works; without any of their lines not.

The rights to issue are in ``test_least_policies.py``, which has none of these.
"""

from __future__ import annotations

import re

import pytest

from airflow_provider_polytomic.exceptions import DeniedError
from tests.contract.least_policies import KINDS
from tests.contract.test_least_policies import Trial, emulator, trial
from tests.docs.policies import reduced

__all__ = ["emulator", "trial"]

# With a key of the customer's own in AWS, nothing of it differs.
REMOVED_FROM = {name: kind for name, kind in KINDS.items() if not kind.tried}
WHOLE = [
    pytest.param(name, server, destination, id=f"{name}-{server}-{destination}")
    for name, kind in REMOVED_FROM.items()
    for server in kind.servers
    for destination in kind.places
]
LESS = [
    pytest.param(name, server, less, id=f"{name}-{server}-{less}")
    for name, kind in REMOVED_FROM.items()
    for server in kind.servers
    for less in reduced(kind.remover)
]


def leave_key(on: Trial) -> tuple[bool, bool]:
    on.issuer.complete("a first key")
    return True, True


def leave_record(on: Trial) -> tuple[bool, bool]:
    on.issuer.leave_record()
    return False, True


@pytest.mark.parametrize("leave", [leave_record, leave_key], ids=["a record", "a key"])
@pytest.mark.parametrize(("name", "server", "destination"), WHOLE)
def test_with_the_rights_that_the_page_names_a_removal_works(trial, name, server, destination, leave):
    on = trial(name, server, destination)
    on.grant(worker=on.kind.worker + on.kind.remover)
    assert on.issuer.found() == (False, False)
    assert leave(on) == on.issuer.found()
    assert on.issuer.attempt_removal() is None
    assert on.issuer.found() == (False, False)


@pytest.mark.parametrize(("name", "server", "less"), LESS)
def test_without_a_line_the_error_names_it_and_what_is_left_is_removed_once_it_is_there(trial, name, server, less):
    on = trial(name, server, KINDS[name].destination("worker", less))
    refused = []
    for leave in (leave_record, leave_key):
        on.grant(worker=on.kind.worker + less.policy)
        left = leave(on)
        error = on.issuer.attempt_removal()
        if error is not None:
            refused.append(error)
            assert on.issuer.found() in {left, (False, True)}, "at most the key is gone, before its record"
            on.grant(worker=on.kind.worker + on.kind.remover)
            assert on.issuer.attempt_removal() is None
        assert on.issuer.found() == (False, False)
    assert refused, "the line is not needed"
    for error in refused:
        assert isinstance(error, DeniedError)
        assert re.search(re.escape(less.lacks or on.issuer.name), str(error))
