"""The policies of the docs are minimal: everything works with them, and not without any one of their lines.

Without a line no key is issued. For a right that a page says cannot be checked beforehand, the issued key is stored
once the right is granted. A removal that fails is completed once the right is granted.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    SecretStoreConfigurationError,
    SecretStoreDeniedError,
)
from airflow_provider_polytomic.testing import PolytomicEmulator
from tests.contract.least_policies import KINDS, Kind
from tests.contract.narrow_rights import PHASES, Issuer
from tests.dag_runs.secrets_settings import secrets_settings
from tests.docs.policies import Policy, reduced, unproved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.docs.store_pages import StorePage

# A removal does not depend on a customer managed key in AWS.
REMOVED_FROM = {name: kind for name, kind in KINDS.items() if not kind.tried}


def _whole(kinds: Mapping[str, Kind]) -> list[Any]:
    return [
        pytest.param(name, server, destination, id=f"{name}-{server}-{destination}")
        for name, kind in kinds.items()
        for server in kind.servers
        for destination in kind.places
    ]


def _less(kinds: Mapping[str, Kind], *roles: str) -> list[Any]:
    return [
        pytest.param(name, server, role, less, id=f"{name}-{server}-{role}-{less}")
        for name, kind in kinds.items()
        for server in kind.servers
        for role in roles
        for less in reduced(getattr(kind, role))
        if not kind.tried or less.lacks in kind.tried
    ]


# AWS does not report which right to a KMS key is missing.
_MESSAGES = {"kms:Decrypt": "KMS is not allowed|ciphertext refers to a customer master key"}


@dataclass(frozen=True)
class Trial:
    """The store of a page, and an issuer to one of its destinations."""

    kind: Kind
    site: StorePage
    issuer: Issuer

    def grant(self, **least: Policy) -> None:
        """Give worker and consumer their policies, or these instead.

        If no other connection writes, the backend has the policy of the worker.
        """
        worker, consumer = (least.get(role, getattr(self.kind, role)) for role in ("worker", "consumer"))
        if "@" in self.issuer.destination:
            self.site.use(consumer, writer=worker)
        else:
            self.site.use(worker)


@pytest.fixture(scope="module")
def emulator() -> Iterator[PolytomicEmulator]:
    with PolytomicEmulator() as running:
        yield running


@pytest.fixture
def trial(
    emulator: PolytomicEmulator, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[str, str, str], Trial]]:
    user = emulator.add_user(emulator.owner.id, f"{tmp_path.name}@acme.example")
    partner = {"conn_type": "polytomic", "host": emulator.base_url, "password": emulator.partner_key}
    monkeypatch.setenv("AIRFLOW_CONN_POLYTOMIC_DEFAULT", json.dumps(partner))

    def make(name: str, server: str, destination: str) -> Trial:
        site = KINDS[name].make(request, server, monkeypatch, tmp_path)
        return Trial(KINDS[name], site, Issuer(emulator, user, site.here(destination)))

    with secrets_settings({}):
        yield make


@pytest.mark.parametrize(("name", "server", "destination"), _whole(KINDS))
def test_with_the_whole_policies_everything_works(trial, name, server, destination):
    on = trial(name, server, destination)
    on.grant()
    for phase in PHASES:
        assert on.issuer.attempt(phase).error is None, phase
        on.issuer.check_minted(phase)
    on.issuer.complete("a rotation")


@pytest.mark.parametrize(("name", "server", "role", "less"), _less(KINDS, "worker", "consumer"))
def test_without_a_line_no_key_is_issued_or_the_issued_key_is_stored_later(trial, name, server, role, less):
    on = trial(name, server, KINDS[name].destination(role, less))
    right = less.lacks or (less.rule.rights[0] if len(less.rule.rights) == 1 else None)
    not_proved = right in unproved(on.kind.page, backend=role == "consumer")
    refused = []
    for phase in PHASES if less.lacks else ["a first key"]:
        on.grant(**{role: less.policy})
        outcome = on.issuer.attempt(phase)
        if outcome.error is not None:
            refused.append(outcome)
            on.grant()
            on.issuer.complete(phase)
        on.issuer.check_minted(phase)

    assert refused, "the line is not needed"
    assert any(outcome.posts for outcome in refused) is not_proved, "the page says otherwise"
    for outcome in refused:
        message = str(outcome.error)
        if isinstance(outcome.error, (SecretStoreDeniedError, SecretStoreConfigurationError)):
            assert not outcome.posts
            assert re.search(_MESSAGES.get(right or "") or re.escape(less.lacks or on.issuer.name), message)
        else:
            assert not_proved
            assert isinstance(outcome.error, IssuanceIncompleteError), message


@pytest.mark.parametrize(("name", "server", "destination"), _whole(REMOVED_FROM))
def test_with_the_rights_to_remove_a_removal_works(trial, name, server, destination):
    on = trial(name, server, destination)
    on.grant(worker=on.kind.worker + on.kind.remover)
    for leave in (on.issuer.leave_record, on.issuer.leave_key):
        assert on.issuer.find() == (False, False)
        assert leave() == on.issuer.find()
        assert on.issuer.attempt_removal() is None
    assert on.issuer.find() == (False, False)


@pytest.mark.parametrize(("name", "server", "role", "less"), _less(REMOVED_FROM, "remover"))
def test_without_a_line_the_error_names_it_and_the_removal_is_completed_later(trial, name, server, role, less):
    on = trial(name, server, KINDS[name].destination("worker", less))
    refused = []
    for leave in (on.issuer.leave_record, on.issuer.leave_key):
        on.grant(worker=on.kind.worker + less.policy)
        left = leave()
        error = on.issuer.attempt_removal()
        if error is not None:
            refused.append(error)
            assert on.issuer.find() in {left, (False, True)}, "at most the key is gone, before its record"
            on.grant(worker=on.kind.worker + on.kind.remover)
            assert on.issuer.attempt_removal() is None
        assert on.issuer.find() == (False, False)
    assert refused, "the line is not needed"
    for error in refused:
        assert isinstance(error, SecretStoreDeniedError)
        assert (less.lacks or on.issuer.name) in str(error)
