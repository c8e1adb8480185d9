"""Test harness for removals: that of issuances, with a store whose values can be removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_polytomic._removal.remove import Removed, remove_key
from airflow_provider_polytomic.exceptions import (
    IssuanceRefusedError,
    PolytomicConnectionError,
    PolytomicForbiddenError,
    PolytomicNotFoundError,
    PolytomicUnauthorizedError,
    PolytomicUnavailableError,
)
from airflow_provider_polytomic.models import Identity
from tests.reasons import raises
from tests.unit.issuance import harness
from tests.unit.issuance.harness import OTHER, OWN, TARGET, After, fingerprint

if TYPE_CHECKING:
    from airflow_provider_polytomic.credentials import ApiKey

__all__ = [
    "GONE",
    "NO_ANSWER",
    "OF_A_PROXY",
    "OTHER",
    "OWN",
    "REVOKED",
    "TARGET",
    "After",
    "Harness",
    "assert_refused",
    "fingerprint",
]  # fmt: skip

REVOKED = {
    "401 in its own words": PolytomicUnauthorizedError("unknown", status=401, is_from_polytomic=True),
    "403 in its own words": PolytomicForbiddenError("unknown", status=403, is_from_polytomic=True),
}
NO_ANSWER = {
    "lost": PolytomicConnectionError("lost"),
    "503": PolytomicUnavailableError("busy", status=503),
    "404 of a proxy": PolytomicNotFoundError("lost its way", status=404),
}
OF_A_PROXY = {
    "401 of a proxy": PolytomicUnauthorizedError("sign in", status=401),
    "403 of a proxy": PolytomicForbiddenError("blocked", status=403),
}
GONE = PolytomicNotFoundError("no such user", status=404, is_from_polytomic=True)


class FakePolytomic(harness.FakePolytomic):
    """Polytomic in memory, which reports revoked keys in its own format and knows organizations."""

    def get_identity(self, api_key: ApiKey | None = None, *, retry_for: float | None = None) -> Identity:
        if api_key is None:
            with self.taking("get_identity of the caller"):
                return super().get_identity()
        self.asked_about.append(api_key.reveal())
        with self.taking("get_identity"):
            pass
        if owner := self.live.get(api_key.reveal()):
            return Identity(id=owner.user_id, organization_id=owner.org_id, is_user=True)
        raise PolytomicUnauthorizedError("the key is unknown", status=401, is_from_polytomic=True)

    def get_organization(self, org_id: str) -> object:
        with self.taking("get_organization"):
            return org_id


class Harness(harness.Harness):
    """Polytomic, the store and the clock, with the order of all calls."""

    polytomic: FakePolytomic
    store: harness.Store

    def __post_init__(self) -> None:
        super().__post_init__()
        self.polytomic, self.store = FakePolytomic(self.calls, self.time), harness.Store(self.calls)

    def remove(self, *, take_over: bool = False, allow_active_key: bool = False) -> Removed:
        return remove_key(
            self.polytomic,
            self.store,
            take_over=take_over,
            allow_active_key=allow_active_key,
            clock=self.time.clock,
        )


def assert_refused(used: Harness, reason: str, **given: bool) -> str:
    """Check that the removal is refused for this reason and changes nothing; return the message."""
    before = used.store.snapshot()
    with raises(IssuanceRefusedError, reason) as caught:
        used.remove(**given)
    assert used.store.snapshot() == before
    return str(caught.value)
