"""What do the groups of endpoints share? A client, the way to create, and which organization is meant."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.hooks._retry import repeat_creation
from airflow_provider_polytomic.targets import CURRENT_ORGANIZATION, parse_organization

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.hooks._client import Client
    from airflow_provider_polytomic.hooks._connection import ConnectionSettings
    from airflow_provider_polytomic.hooks._exchange import Answer

__all__ = ["Endpoints", "id_of"]

# Migration guide of 2025-09-18: GET /api/organization and /api/organization/users are new there.
_CURRENT_SINCE = "2025-09-18"


class Endpoints:
    """A group of the hook's methods."""

    @property
    def settings(self) -> ConnectionSettings:
        """What the connection says."""
        raise NotImplementedError

    @property
    def _client(self) -> Client:
        raise NotImplementedError

    def _create(
        self, path: str, body: Mapping[str, Any], idempotency_key: str | None, *, within: str | None = None
    ) -> Answer:
        key = str(uuid.uuid4()) if idempotency_key is None else idempotency_key
        return self._client.post(path, json=body, idempotency_key=key, within=within, repeat=repeat_creation)

    def _organization_path(self, org_id: str) -> str:
        """Return the path of an organization: the partner's one by its id, or the caller's own by the word for it.

        :raises PolytomicConfigurationError: if it is neither, or the API version has no own one.
        """
        org_id = parse_organization(org_id)
        if org_id != CURRENT_ORGANIZATION:
            return f"/api/organizations/{org_id}"
        if self.settings.api_version < _CURRENT_SINCE:
            raise PolytomicConfigurationError(
                (
                    f"org_id={CURRENT_ORGANIZATION!r} needs API version {_CURRENT_SINCE} or later, and the connection "
                    f"asks for {self.settings.api_version}."
                ),
                "Give the organization's id, or a later 'api_version'.",
            )
        return "/api/organization"


def id_of(org_id: str) -> str | None:
    """Return the id, canonical, that an answer about this organization must have; None: the word says no id."""
    org_id = parse_organization(org_id)
    return None if org_id == CURRENT_ORGANIZATION else org_id
