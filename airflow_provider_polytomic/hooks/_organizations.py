"""Endpoints for organizations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_polytomic._support.ids import parse_uuid
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.hooks._payload import read_many, read_one
from airflow_provider_polytomic.hooks._resource import Resource, expected_id
from airflow_provider_polytomic.hooks._transport import MAX_LIST
from airflow_provider_polytomic.models import Organization

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["OrganizationEndpoints"]

_SETTINGS = ("sso_domain", "sso_org_id")
# An update replaces these settings (2025-09-18, organization/update), and responses contain them. It also replaces
# client_id and client_secret, which no response contains: an update without them clears them unnoticed.
_READABLE = ("name", *_SETTINGS, "issuer")


class OrganizationEndpoints(Resource):
    """Endpoints for organizations; all except those for the current one need a partner key."""

    def list_organizations(self) -> list[Organization]:
        """List the partner's organizations, its own first: ``GET /api/organizations`` (2025-09-18, organization)."""
        path = "/api/organizations"
        return read_many(Organization, self._client.get(path, max_bytes=MAX_LIST), f"GET {path}")

    def get_organization(self, org_id: str) -> Organization:
        """Return an organization (2025-09-18, organization/get).

        :param org_id: its id (``GET /api/organizations/{org_id}``), or ``current`` (``GET /api/organization``) for the
            organization that the caller's credential acts in. A partner key alone acts in none.
        """
        path = self._organization_path(org_id)
        return read_one(Organization, self._client.get(path), f"GET {path}", id=expected_id(org_id))

    def create_organization(
        self,
        name: str,
        *,
        sso_domain: str | None = None,
        sso_org_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Organization:
        """Create an organization: ``POST /api/organizations`` (2025-09-18, organization/create).

        :param name: unique among the partner's organizations.
        :param sso_domain: domain of the e-mail addresses that sign in by SSO.
        :param sso_org_id: id of the WorkOS organization for SSO.
        :param idempotency_key: pass one to get the same organization from a later call; by default, each call has its
            own.
        :raises PolytomicConflictError: on 409, which is not repeated: the request is in flight, or the name is taken.
        """
        path = "/api/organizations"
        body = _without_none(name=name, sso_domain=sso_domain, sso_org_id=sso_org_id)
        response = self._create(path, body, idempotency_key)
        return read_one(Organization, response, f"POST {path}", name=name)

    def update_organization(
        self,
        org_id: str,
        *,
        name: str | None = None,
        sso_domain: str | None = None,
        sso_org_id: str | None = None,
        clear_settings: Collection[str] = (),
    ) -> Organization:
        """Change only the given settings: ``PUT /api/organizations/{org_id}`` (2025-09-18, organization/update).

        Polytomic replaces all settings at once, so they are read first. A concurrent change by another client is lost.

        :param clear_settings: names of settings to clear, such as ``["sso_domain"]``. A setting that is None is kept.
        :raises PolytomicConfigurationError: if a setting is invalid, or if the organization signs in by OIDC, or may do
            so: the update would clear its client secret, which cannot be read.
        :raises PolytomicAlreadyExistsError: if another organization has the name.
        """
        settings = _without_none(name=name, sso_domain=sso_domain, sso_org_id=sso_org_id)
        _check_settings(settings, clear_settings)
        path = f"/api/organizations/{parse_uuid('org_id', org_id)}"
        body = _merge(self.get_organization(org_id), settings, clear_settings)
        response = self._client.put(path, json=body)
        return read_one(Organization, response, f"PUT {path}", id=expected_id(org_id), name=body.get("name"))

    def delete_organization(self, org_id: str) -> None:
        """Delete an organization with everything in it: ``DELETE /api/organizations/{org_id}`` (2025-09-18).

        Polytomic rejects it for the partner's own organization.

        :raises PolytomicNotFoundError: if the organization does not exist.
        """
        self._client.delete(f"/api/organizations/{parse_uuid('org_id', org_id)}")


def _without_none(**settings: str | None) -> dict[str, str]:
    return {name: value for name, value in settings.items() if value is not None}


def _check_settings(settings: Collection[str], clear: Collection[str]) -> None:
    if isinstance(clear, str) or not set(clear) <= set(_SETTINGS):
        raise PolytomicConfigurationError(
            f"clear_settings must be a list whose items are among {', '.join(_SETTINGS)}.",
            reason="settings_invalid",
            fields=("clear_settings",),
        )
    if both := sorted(set(clear) & set(settings)):
        raise PolytomicConfigurationError(
            f"{', '.join(both)} cannot be both set and cleared.", reason="settings_contradict", fields=both
        )


def _merge(current: Organization, settings: Mapping[str, str], clear: Collection[str]) -> dict[str, str]:
    if current.issuer:
        raise PolytomicConfigurationError(
            f"The organization {current.name!r:.100} ({current.id}) signs in by OIDC. An update replaces all settings, "
            "and would clear its client secret, which cannot be read.",
            "Change this organization in Polytomic itself.",
            state="Nothing was changed.",
            reason="organization_signs_in_by_oidc",
            fields=("org_id",),
        )
    known = {*current.model_fields_set, *settings, *clear}
    if missing := [name for name in _READABLE if name not in known]:
        # No parameter sets or clears the issuer. If the response omits it, the organization may have one.
        may_sign_in_by_oidc = "issuer" in missing
        raise PolytomicConfigurationError(
            f"Polytomic's response about the organization {current.id} omits {', '.join(missing)}. An update replaces "
            "all settings, and would clear those that it omits.",
            "Change this organization in Polytomic itself."
            if may_sign_in_by_oidc
            else "Set or clear these, too, or change this organization in Polytomic itself.",
            state="Nothing was changed.",
            reason="settings_unknown",
            fields=("org_id",) if may_sign_in_by_oidc else missing,
        )
    kept = {name: getattr(current, name) for name in ("name", *_SETTINGS) if name not in clear}
    return {name: value for name, value in {**kept, **settings}.items() if value is not None}
