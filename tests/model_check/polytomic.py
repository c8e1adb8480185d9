"""Polytomic for issuers whose stores are explored: keys that work or not, and outcomes that are replayed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import PolytomicUnauthorizedError
from airflow_provider_polytomic.models import Identity
from tests.model_check.scheduler import reach

from .replay import FIRST_RUN

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_polytomic._issuance.targets import Target

__all__ = ["Polytomic"]


class Polytomic:
    """Polytomic with one user's keys, without HTTP: each call is one request.

    :param target: the user.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._live: dict[str, ApiKey] = {}
        self._outcomes: dict[str, ApiKey] = {}
        self._made = 0

    @property
    def minted(self) -> int:
        """How many keys were issued by request."""
        return len(self._outcomes)

    def give(self) -> ApiKey:
        """Make a key that nobody asked for here."""
        self._made += 1
        key = ApiKey(f"pk-live-number-{self._made}")
        self._live[key.fingerprint] = key
        return key

    def is_live(self, key: ApiKey | None) -> bool:
        """Whether it answers."""
        return key is not None and key.fingerprint in self._live

    def create_api_key(self, org_id: str, user_id: str, *, force: bool, idempotency_key: str) -> ApiKey:
        reach("POST keys")
        assert (org_id, user_id) == (self._target.org_id, self._target.user_id)
        if idempotency_key not in self._outcomes:
            if force:
                self._live.clear()
            self._outcomes[idempotency_key] = self.give()
        return self._outcomes[idempotency_key]

    def get_identity(self, api_key: ApiKey | None = None, *, retry_for: float | None = None) -> Identity:
        reach("GET me")
        if not self.is_live(api_key):
            raise PolytomicUnauthorizedError("revoked", status=401, is_from_polytomic=True)
        return Identity(id=self._target.user_id, organization_id=self._target.org_id, is_user=True)

    def get_user(self, org_id: str, user_id: str) -> object:
        raise AssertionError("only a check asks for the user")

    def is_own_key(self, api_key: ApiKey) -> bool:
        return False

    def server_time(self) -> datetime:
        return FIRST_RUN + timedelta(days=2)
