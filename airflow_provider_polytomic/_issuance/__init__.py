"""How does one key get from Polytomic to its destination, exactly once? The eight steps of an issuance.

1. *Look* at what the destination holds and at the record beside it; keep a key that is to be kept (:mod:`.looking`).
2. *Intend*: prove the right to write, and write the record as open (:mod:`.looking`).
3. *Mint*: ``POST .../keys`` under the issuance's Idempotency-Key (:mod:`.minting`).
4. *Hide* the key from the logs before anything else is done with it (:mod:`.minting`).
5. *Verify* with ``GET /api/me`` that it is the target's (:mod:`.placing`).
6. *Promote*: make it the one that readers get (:mod:`.placing`).
7. *Prove*: read back what readers get, and ask Polytomic about that (:mod:`.placing`).
8. *Close* the record (:mod:`.placing`).

There is no lock. Issuers that saw the same state of the destination send the same Idempotency-Key, so Polytomic makes
one key of their requests; and of two keys the one that answers ``GET /api/me`` wins. A process may die between any two
lines: the open record lets the next try go on under the same Idempotency-Key, for which Polytomic returns the same key
for at least 24 hours.

Nothing here knows Airflow, HTTP or any one store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance import inspect, mint, publish
from airflow_provider_polytomic._issuance.attempt import Attempt, RevokedKeyError, state_fingerprint
from airflow_provider_polytomic._issuance.protocols import Ensure, KeyOwners, PolytomicApi, Rotate
from airflow_provider_polytomic._issuance.reference import IssuancePreview, KeyReference
from airflow_provider_polytomic._support.clock import Clock
from airflow_provider_polytomic.exceptions import (
    IssuanceIncompleteError,
    IssuanceRefusedError,
    PolytomicError,
    SecretStoreError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic._issuance.attempt import OpenIssuance
    from airflow_provider_polytomic._issuance.targets import Target
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.base import SecretStore

__all__ = ["Ensure", "PolytomicApi", "Rotate", "check", "issue"]


def issue(
    vendor: PolytomicApi,
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

    :param standby: another user of the same organization: the destination then holds the keys of the two in turn, and
        the one in use is never revoked.
    :param hide: masks a key in the logs; called before anything else is done with a new key.
    :param take_over: replace a value that this package did not put there, or another target's key.
    :param stopping: looked at before each POST; once true, no further POST is sent.
    :raises IssuanceRefusedError: if somebody must decide or repair something first.
    :raises IssuanceIncompleteError: if another try can go on from here.
    :raises PolytomicTaskStoppedError: if ``stopping`` said so before this try's first POST.
    :raises SecretStoreError: if the store failed before anything was asked of Polytomic.
    """
    users = KeyOwners(target, standby)
    attempt = Attempt(vendor, store, users, mode, hide, take_over, stopping, clock or Clock())
    try:
        return _run(attempt)
    except PolytomicError as error:
        error.key_was_issued = attempt.minted
        raise


def _run(attempt: Attempt) -> KeyReference:
    try:
        while True:
            held, record = inspect.read_state(attempt)
            reference: KeyReference | None = None
            if kept := inspect.decide(attempt, held, record):
                reference = publish.keep_existing(attempt, kept, held)
            elif intent := inspect.open_or_join(attempt, held, record):
                reference = _mint_and_publish(attempt, intent)
            if reference is not None:
                return reference
    except SecretStoreError as error:
        if not (attempt.posted or inspect.is_under_way(attempt)):
            raise
        raise attempt.incomplete(str(error), reason="store_failed") from error


def _mint_and_publish(attempt: Attempt, intent: OpenIssuance) -> KeyReference | None:
    """Mint, verify, promote, prove and close; None if the destination must be looked at from the start."""
    key: ApiKey | None = None
    while True:
        try:
            if key is None:
                key = mint.mint(attempt, intent)
                verified = publish.verify(attempt, key)
                key = publish.promote(attempt, intent, key, verified=verified)
            return publish.close(attempt, intent, publish.confirm(attempt, intent, key))
        except RevokedKeyError:
            key = None
        # Dead: has somebody else finished, or is it this issuer who must go on?
        held, record = attempt.read()
        if (
            state_fingerprint(held) != intent.record.previous_fingerprint
            and held.value is not None
            and attempt.owner(held.value)
        ):
            key = held.value
        elif not attempt.forced:
            attempt.fail(intent, use_up=True)
            raise IssuanceIncompleteError(
                f"Polytomic gave a key for {attempt.target} that does not answer, perhaps one that was issued and "
                f"revoked earlier. {attempt.store.place} is unchanged. The next try asks for another one.",
                reason="key_does_not_answer",
            )
        elif record and record.state == "open" and intent.is_named_by(record):
            intent.held = held
            attempt.next_idempotency_key(intent)
        else:
            return None


def check(
    vendor: PolytomicApi,
    store: SecretStore,
    target: Target,
    mode: Ensure | Rotate,
    *,
    standby: Target | None = None,
    take_over: bool = False,
    clock: Clock | None = None,
) -> IssuancePreview:
    """Find out what :func:`issue` would do: look, prove the right to write, ask who the caller is. Changes nothing.

    :raises IssuanceRefusedError, IssuanceIncompleteError, SecretStoreError: as :func:`issue` would before its first
        POST.
    """
    caller = vendor.get_identity()
    users = KeyOwners(target, standby)
    attempt = Attempt(vendor, store, users, mode, lambda _: None, take_over, lambda: False, clock or Clock())
    held, record = inspect.read_state(attempt)
    if kept := inspect.decide(attempt, held, record):
        reason = f"{store.place} holds a working key of {kept.owner}, which would be kept."
        issued_at = kept.record.issued_at if kept.record else None
        return IssuancePreview(
            kept.owner,
            would_issue=False,
            reason=reason,
            caller=caller,
            fingerprint=kept.key.fingerprint,
            issued_at=issued_at,
        )
    intent = inspect.derive(attempt, held, record)
    store.check_write(held)
    if caller.is_user or caller.is_organization:
        raise IssuanceRefusedError(
            f"No key can be issued for {attempt.target}: the connection's key is not a partner key, and only such a "
            "key can issue. Nothing was issued or changed. Put a partner key into the connection.",
            reason="no_partner_key",
            fields=("polytomic_conn_id",),
        )
    for user in users:
        vendor.get_user(user.org_id, user.user_id)
    what = "The open issuance would be resumed" if intent.joined else "A key would be issued"
    revoking = "; all earlier keys of the user would be revoked first" if attempt.forced else ""
    reason = f"{what} for {attempt.target} and stored in {store.place}{revoking}."
    return IssuancePreview(attempt.target, would_issue=True, reason=reason, caller=caller)
