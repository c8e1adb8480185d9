"""Issuance: one key gets from Polytomic to its destination exactly once, in eight steps.

1. *Inspect*: read what the destination holds and its record; keep a key that is to be kept (:mod:`.inspect`,
   :mod:`.decide`).
2. *Intend*: check the right to write, and write the record as open (:mod:`.journal`).
3. *Mint*: ``POST .../keys`` with the issuance's Idempotency-Key (:mod:`.mint`).
4. *Hide* the key from the logs before it is used for anything else (:mod:`.mint`).
5. *Verify* with ``GET /api/me`` that the key is the target's (:mod:`.publish`).
6. *Promote*: make it the key that readers get (:mod:`.publish`).
7. *Confirm*: read back what readers get, and ask Polytomic about that (:mod:`.confirm`).
8. *Close* the record (:mod:`.publish`).

There is no lock. Issuers that saw the same state of the destination send the same Idempotency-Key, so Polytomic creates
one key for all of them; and of two keys the one that works, as ``GET /api/me`` tells, wins. A process may die between
any two lines: the open record lets the next try continue with the same Idempotency-Key, for which Polytomic returns the
same key for at least 24 hours.

This folder imports neither Airflow nor HTTP, and no particular store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance import confirm, inspect, journal, mint, publish
from airflow_provider_polytomic._issuance.decide import KeepDecision, decide
from airflow_provider_polytomic._issuance.errors import RevokedKeyError, incomplete
from airflow_provider_polytomic._issuance.protocols import PolytomicApi
from airflow_provider_polytomic._issuance.reference import IssuancePreview, KeyReference
from airflow_provider_polytomic._issuance.request import Ensure, IssuanceRequest, KeyOwners, Progress, Rotate
from airflow_provider_polytomic._support.clock import Clock
from airflow_provider_polytomic.exceptions import IssuanceIncompleteError, IssuanceRefusedError, SecretStoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic._issuance.journal import OpenIssuance
    from airflow_provider_polytomic._issuance.targets import Target
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.base import SecretStore

__all__ = ["Ensure", "PolytomicApi", "Rotate", "check", "issue"]


def issue(
    polytomic: PolytomicApi,
    store: SecretStore,
    target: Target,
    mode: Ensure | Rotate,
    *,
    hide: Callable[[ApiKey], None],
    standby: Target | None = None,
    take_over: bool = False,
    stopping: Callable[[], bool] = lambda: False,
    clock: Clock | None = None,
) -> KeyReference:
    """Bring the target's key to the destination and return the reference to it.

    :param hide: masks a key in the logs; called before a new key is used for anything else.
    :param standby: another user of the same organization. The destination then holds the keys of the two users in turn,
        and the key in use is never revoked.
    :param take_over: replace a value that this package did not store, or another user's key.
    :param stopping: whether the task was asked to stop; once true, no further POST is sent.
    :raises IssuanceRefusedError: if the user must decide or repair something first.
    :raises IssuanceIncompleteError: if another try can continue from here.
    :raises PolytomicTaskStoppedError: if ``stopping`` was true before this try's first POST.
    :raises SecretStoreError: if the store failed before any request reached Polytomic.
    """
    owners = KeyOwners(target, standby)
    request = IssuanceRequest(polytomic, store, owners, mode, hide, take_over, stopping, clock or Clock())
    progress = Progress(target)
    try:
        while True:
            stored, record = inspect.read_state(request, progress)
            decision = decide(request, progress, stored, record)
            reference: KeyReference | None = None
            if isinstance(decision, KeepDecision):
                reference = publish.keep_existing(request, progress, decision, stored)
            else:
                progress.target = decision.target
                issuance = journal.open_or_join(request, progress, decision, stored, record)
                if journal.write_intent(request, progress, issuance, record):
                    reference = _mint_and_publish(request, progress, issuance)
            if reference is not None:
                return reference
    except SecretStoreError as error:
        if not (progress.posted or inspect.is_under_way(request)):
            raise
        raise incomplete(request, progress, str(error), reason="store_failed") from error


def _mint_and_publish(request: IssuanceRequest, progress: Progress, issuance: OpenIssuance) -> KeyReference | None:
    """Mint, verify, promote, confirm and close; None if the destination must be read again from the start."""
    key: ApiKey | None = None
    while True:
        try:
            if key is None:
                key = mint.mint(request, progress, issuance)
                verified = publish.verify(request, progress, issuance, key)
                key = publish.promote(request, progress, issuance, key, verified=verified)
            confirmed = confirm.confirm(request, progress, issuance, key)
            return publish.close(request, progress, issuance, confirmed)
        except RevokedKeyError:
            key = None
        # The key is revoked: either another issuer has finished, or this one must continue.
        stored, record = inspect.read(request, progress)
        if (
            inspect.state_fingerprint(stored) != issuance.record.previous_fingerprint
            and stored.value is not None
            and inspect.find_owner(request, progress, stored.value)
        ):
            key = stored.value
        elif not request.is_forced:
            journal.record_failure(request, issuance, use_up=True)
            raise IssuanceIncompleteError(
                f"Polytomic returned a key for {issuance.target} that does not work; perhaps it was issued and revoked "
                f"earlier. {request.store.place} is unchanged. A retry requests another key.",
                reason="key_does_not_answer",
                key_was_issued=progress.key_was_issued,
            )
        elif record and record.state == "open" and issuance.is_named_by(record):
            issuance.stored = stored
            journal.next_idempotency_key(request, progress, issuance)
        else:
            return None


def check(
    polytomic: PolytomicApi,
    store: SecretStore,
    target: Target,
    mode: Ensure | Rotate,
    *,
    standby: Target | None = None,
    take_over: bool = False,
    clock: Clock | None = None,
) -> IssuancePreview:
    """Find out what :func:`issue` would do: read, check the right to write, identify the caller. Changes nothing.

    :raises IssuanceRefusedError, IssuanceIncompleteError, SecretStoreError: as :func:`issue` would before its first
        POST.
    """
    caller = polytomic.get_identity()
    owners = KeyOwners(target, standby)
    request = IssuanceRequest(
        polytomic, store, owners, mode, lambda _: None, take_over, lambda: False, clock or Clock()
    )
    progress = Progress(target)
    stored, record = inspect.read_state(request, progress)
    decision = decide(request, progress, stored, record)
    if isinstance(decision, KeepDecision):
        return IssuancePreview(
            decision.owner,
            would_issue=False,
            reason=f"{store.place} holds a working key of {decision.owner}, which would be kept.",
            caller=caller,
            fingerprint=decision.key.fingerprint,
            issued_at=decision.record.issued_at if decision.record else None,
        )
    progress.target = decision.target
    issuance = journal.open_or_join(request, progress, decision, stored, record)
    store.check_write(stored)
    if caller.is_user or caller.is_organization:
        raise IssuanceRefusedError(
            f"No key can be issued for {issuance.target}. Only a partner key can issue keys; the connection's key is "
            "not one. Nothing was issued or changed. Put a partner key into the connection.",
            reason="no_partner_key",
            fields=("polytomic_conn_id",),
        )
    for user in owners:
        polytomic.get_user(user.org_id, user.user_id)
    what = "The open issuance would be resumed" if issuance.joined else "A key would be issued"
    revoking = "; all earlier keys of the user would be revoked first" if request.is_forced else ""
    reason = f"{what} for {issuance.target} and stored in {store.place}{revoking}."
    return IssuancePreview(issuance.target, would_issue=True, reason=reason, caller=caller)
