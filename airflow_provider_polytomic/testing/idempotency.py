"""Outcomes of Idempotency-Keys.

Polytomic's guide on idempotent requests says: the first request with a key fixes the outcome, including errors such as
500; while that request is in flight, a second one returns 409; an outcome is kept for at least 24 hours, and a key that
was removed counts as new. It does not say whether a key is scoped to the credential; here it is, because responses
contain secrets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_polytomic.testing.errors import RefusalError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Claim", "IdempotencyKeys"]

_LEGAL = re.compile(r"[A-Za-z0-9_-]{8,255}")


@dataclass(slots=True)
class Claim:
    """One Idempotency-Key of one credential."""

    outcome: object = None
    finished_at: float | None = None


class IdempotencyKeys:
    """The remembered outcomes of all Idempotency-Keys.

    :param ttl: seconds for which an outcome is remembered.
    :param clock: seconds, monotonic.
    """

    def __init__(self, ttl: float, clock: Callable[[], float]) -> None:
        self._ttl = ttl
        self._clock = clock
        self._claims: dict[tuple[str, str], Claim] = {}

    def find(self, credential: str, key: str) -> Claim | None:
        """Return the claim of a key that has an outcome, or None if the key counts as new.

        :raises RefusalError: 422 for a key that is not 8 to 255 letters, digits, ``-`` and ``_``; 409 while its first
            request is in flight.
        """
        if not _LEGAL.fullmatch(key):
            raise RefusalError.of_field(422, "Idempotency-Key", "must be 8 to 255 letters, digits, - and _")
        claim = self._claims.get((credential, key))
        if claim is None:
            return None
        if claim.finished_at is None:
            raise RefusalError(409, "a request with this Idempotency-Key is in flight")
        return claim if self._clock() < claim.finished_at + self._ttl else None

    def claim(self, credential: str, key: str) -> Claim:
        """Record that the first request with a key is in flight."""
        claim = self._claims[credential, key] = Claim()
        return claim

    def finish(self, claim: Claim, outcome: object) -> None:
        """Record the outcome of a key."""
        claim.outcome = outcome
        claim.finished_at = self._clock()

    def forget(self) -> None:
        """Forget every outcome; requests in flight are not affected."""
        self._claims = {key: claim for key, claim in self._claims.items() if claim.finished_at is None}
