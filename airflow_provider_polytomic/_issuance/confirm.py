"""Step 7 of an issuance: read back what readers get, and ask Polytomic whether it works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_polytomic._issuance.errors import RevokedKeyError, incomplete, refusal
from airflow_provider_polytomic._issuance.inspect import find_owner, state_fingerprint
from airflow_provider_polytomic.exceptions import SecretStoreError
from airflow_provider_polytomic.secret_stores.base import ABSENT

if TYPE_CHECKING:
    from airflow_provider_polytomic._issuance.journal import OpenIssuance
    from airflow_provider_polytomic._issuance.request import IssuanceRequest, Progress
    from airflow_provider_polytomic._issuance.targets import Target
    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.secret_stores.base import StoredSecret

__all__ = ["STORE_TRIES", "ConfirmedKey", "confirm", "read_back"]

# How often a store call is tried while the key is in memory only, and how often a stale read-back is read again: within
# 8 s.
STORE_TRIES = 5


@dataclass(frozen=True)
class ConfirmedKey:
    """The key that readers get, confirmed by Polytomic.

    :param key: the new key, or one that another process stored meanwhile.
    :param owner: the user whose key it is.
    :param read_at: when it was read, on the monotonic clock.
    """

    key: ApiKey
    owner: Target
    read_at: float


def confirm(request: IssuanceRequest, progress: Progress, issuance: OpenIssuance, key: ApiKey) -> ConfirmedKey:
    """Read what readers get, and ask Polytomic about it.

    :raises RevokedKeyError: if the key that was read back is revoked, or nothing is stored any more.
    """
    with progress.timed("read back", request.clock):
        back = read_back(request, progress, key, before=issuance.record.previous_fingerprint, stored_now=True)
    read_at = request.clock.monotonic()
    with progress.timed("confirm", request.clock):
        owner = find_owner(request, progress, back) if back else None
    if back is None or owner is None:
        raise RevokedKeyError
    return ConfirmedKey(back, owner, read_at)


def read_back(
    request: IssuanceRequest, progress: Progress, key: ApiKey, *, before: str, stored_now: bool = False
) -> ApiKey | None:
    """Return what readers get: the key, a key that another process stored meanwhile, or None if it was removed.

    :param before: the fingerprint of what readers may still get for a moment, where they lag behind the store.
    :param stored_now: whether the key replaced that just now. A reader that still gets it then lags behind, even if it
        reads from the store itself: AWS Secrets Manager reads are eventually consistent.
    """
    for tries in range(STORE_TRIES):
        back = request.store.read_back()
        if back is not None and key.matches(back):
            return back
        fingerprint = back.fingerprint if back else ABSENT
        stored = request.store.read()
        if fingerprint == state_fingerprint(stored) and not (stored_now and fingerprint == before):
            return back
        request.clock.pause(tries)
    if fingerprint == before:
        what = "the key is stored, but readers still get the previous value"
        raise incomplete(request, progress, what, reason="readers_behind")
    raise refusal(
        progress,
        f"The key of {progress.target} is stored in {request.store.place}, but readers get another value: "
        f"{_describe_shadow(request, stored)}. Remove what shadows the key and run the task again; it finds the same "
        "key.",
        reason="shadowed",
    )


def _describe_shadow(request: IssuanceRequest, stored: StoredSecret) -> str:
    try:
        request.store.check_write(stored)
    except SecretStoreError as error:  # the store can name it
        return str(error).rstrip(". ")
    return "another secrets backend, an environment variable or another entry comes first"
