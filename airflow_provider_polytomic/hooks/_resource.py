"""What do the groups of endpoints share? A client, the way to create, and which organization is meant."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._support.ids import CURRENT_ORGANIZATION, parse_organization
from airflow_provider_polytomic.hooks._retry import repeat_creation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.hooks._client import Client
    from airflow_provider_polytomic.hooks._transport import Response

__all__ = ["Resource", "expected_id"]


class Resource:
    """A group of the hook's methods."""

    @property
    def _client(self) -> Client:
        raise NotImplementedError

    def _create(
        self, path: str, body: Mapping[str, Any], idempotency_key: str | None, *, within: str | None = None
    ) -> Response:
        key = str(uuid.uuid4()) if idempotency_key is None else idempotency_key
        return self._client.post(path, json=body, idempotency_key=key, within=within, repeat=repeat_creation)

    def _organization_path(self, org_id: str) -> str:
        """Return the path of an organization: the partner's one by its id, or the caller's own by the word for it.

        :raises PolytomicConfigurationError: if it is neither.
        """
        org_id = parse_organization(org_id)
        return "/api/organization" if org_id == CURRENT_ORGANIZATION else f"/api/organizations/{org_id}"


def expected_id(org_id: str) -> str | None:
    """Return the id, canonical, that an answer about this organization must have; None: the word says no id."""
    org_id = parse_organization(org_id)
    return None if org_id == CURRENT_ORGANIZATION else org_id
