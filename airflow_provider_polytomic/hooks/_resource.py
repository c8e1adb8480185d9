"""Base of the groups of endpoints: the client, creation, and the organization's path."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._support.ids import CURRENT_ORGANIZATION, parse_organization
from airflow_provider_polytomic.hooks._retry import should_retry_creation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.hooks._client import Client
    from airflow_provider_polytomic.hooks._transport import Response

__all__ = ["Resource", "expected_id"]


class Resource:
    """Base of a group of endpoints."""

    @property
    def _client(self) -> Client:
        raise NotImplementedError

    def _create(
        self, path: str, body: Mapping[str, Any], idempotency_key: str | None, *, within: str | None = None
    ) -> Response:
        key = str(uuid.uuid4()) if idempotency_key is None else idempotency_key
        return self._client.post(
            path, json=body, idempotency_key=key, within=within, should_retry=should_retry_creation
        )

    def _organization_path(self, org_id: str) -> str:
        """Return the path of an organization of the partner, or of the caller's own for ``current``.

        :raises PolytomicConfigurationError: if ``org_id`` is neither a UUID nor ``current``.
        """
        org_id = parse_organization(org_id)
        return "/api/organization" if org_id == CURRENT_ORGANIZATION else f"/api/organizations/{org_id}"


def expected_id(org_id: str) -> str | None:
    """Return the canonical id that a response about this organization must have; None for ``current``."""
    org_id = parse_organization(org_id)
    return None if org_id == CURRENT_ORGANIZATION else org_id
