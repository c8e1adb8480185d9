"""What an issuance needs of Polytomic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_polytomic.credentials import ApiKey
    from airflow_provider_polytomic.models import Identity

__all__ = ["PolytomicApi"]


class PolytomicApi(Protocol):
    """What an issuance needs of Polytomic; :class:`~airflow_provider_polytomic.hooks.polytomic.PolytomicHook` has it.

    Each method repeats its request within bounds where that is safe, so an error that it raises is final for this try.
    """

    def create_api_key(self, org_id: str, user_id: str, *, force: bool, idempotency_key: str) -> ApiKey:
        """Create a key; the same idempotency key gives the same outcome."""

    def get_identity(self, api_key: ApiKey | None = None, *, retry_for: float | None = None) -> Identity:
        """Return the owner of a key; without one, the identity of the caller.

        :param retry_for: seconds that the call may take, if fewer than usual.
        """

    def get_user(self, org_id: str, user_id: str) -> object:
        """Return the user, or raise if Polytomic does not know it."""

    def is_own_key(self, api_key: ApiKey) -> bool:
        """Whether this is the caller's own credential."""

    def server_time(self) -> datetime:
        """Return the time by Polytomic's clock, aware: one clock for all workers, whose own clocks may be wrong."""
