"""Which of Polytomic's endpoints are about organizations? Those that a partner has for its customers' ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.hooks._endpoints import Endpoints, id_of
from airflow_provider_polytomic.hooks._exchange import LONGEST_LIST
from airflow_provider_polytomic.hooks._payload import read_many, read_one
from airflow_provider_polytomic.models import Organization
from airflow_provider_polytomic.secret import Secret
from airflow_provider_polytomic.targets import parse_uuid

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["OrganizationEndpoints"]

_SETTINGS = ("sso_domain", "sso_org_id", "issuer", "client_id", "client_secret")
# Never in an answer (2025-09-18, organization): an update that leaves them out clears them, unseen.
_UNREADABLE = ("client_id", "client_secret")


class OrganizationEndpoints(Endpoints):
    """Organizations; all but the current one take a partner key."""

    def list_organizations(self) -> list[Organization]:
        """List the partner's organizations, its own first: ``GET /api/organizations`` (2025-09-18, organization)."""
        path = "/api/organizations"
        return read_many(Organization, self._client.get(path, longest=LONGEST_LIST), f"GET {path}")

    def get_organization(self, org_id: str) -> Organization:
        """Return an organization (2025-09-18, organization/get).

        :param org_id: its id, ``GET /api/organizations/{org_id}``; or ``current``, ``GET /api/organization``: the one
            that the caller's credential acts in, which a bare partner key does not say.
        """
        path = self._organization_path(org_id)
        return read_one(Organization, self._client.get(path), f"GET {path}", id=id_of(org_id))

    def create_organization(
        self,
        name: str,
        *,
        sso_domain: str | None = None,
        sso_org_id: str | None = None,
        issuer: str | None = None,
        client_id: str | None = None,
        client_secret: Secret | None = None,
        idempotency_key: str | None = None,
    ) -> Organization:
        """Create an organization: ``POST /api/organizations`` (2025-09-18, organization/create).

        :param name: unique among the partner's organizations.
        :param sso_domain: of the e-mail addresses that sign in by SSO.
        :param sso_org_id: WorkOS organization of the SSO.
        :param issuer: URL of the OIDC provider.
        :param client_id: of Polytomic at that provider.
        :param client_secret: its secret, which no answer ever holds.
        :param idempotency_key: give one to get the same organization from a later call; else each has its own.
        :raises PolytomicConflictError: on 409, at once: in flight, or the name is taken.
        """
        path = "/api/organizations"
        settings = _given(
            sso_domain=sso_domain, sso_org_id=sso_org_id,
            issuer=issuer, client_id=client_id, client_secret=client_secret,
        )  # fmt: skip
        answer = self._create(path, {"name": name, **settings}, idempotency_key)
        return read_one(Organization, answer, f"POST {path}", name=name)

    def update_organization(
        self,
        org_id: str,
        *,
        name: str | None = None,
        sso_domain: str | None = None,
        sso_org_id: str | None = None,
        issuer: str | None = None,
        client_id: str | None = None,
        client_secret: Secret | None = None,
        clear: Collection[str] = (),
    ) -> Organization:
        """Change what is given and nothing else: ``PUT /api/organizations/{org_id}`` (2025-09-18, organization/update).

        Polytomic replaces all settings at once, so they are read first; what somebody else changes in between is lost.

        :param clear: names of settings to take away, such as ``["sso_domain"]``; None leaves one as it is.
        :raises PolytomicConfigurationError: if it cannot be meant, or the organization signs in by OIDC and
            ``client_id`` and ``client_secret`` are neither given nor cleared: they cannot be read, and would be lost.
        :raises PolytomicTakenError: if another organization has the name.
        """
        given = _given(
            name=name, sso_domain=sso_domain, sso_org_id=sso_org_id,
            issuer=issuer, client_id=client_id, client_secret=client_secret,
        )  # fmt: skip
        _check(given, clear)
        path = f"/api/organizations/{parse_uuid('org_id', org_id)}"
        body = _merged(self.get_organization(org_id), given, clear)
        answer = self._client.update(path, json=body)
        request = f"{self._client.update_verb} {path}"
        return read_one(Organization, answer, request, id=id_of(org_id), name=body.get("name"))

    def delete_organization(self, org_id: str) -> None:
        """Delete an organization with everything in it: ``DELETE /api/organizations/{org_id}`` (2025-09-18).

        Polytomic refuses it for the partner's own organization.

        :raises PolytomicNotFoundError: if there is no such organization.
        """
        self._client.delete(f"/api/organizations/{parse_uuid('org_id', org_id)}")


def _given(**settings: str | Secret | None) -> dict[str, Any]:
    if not isinstance(settings["client_secret"], Secret | None):
        # As a plain text it would be in tracebacks, and stay in the server's words.
        raise PolytomicConfigurationError("client_secret must be an airflow_provider_polytomic.secret.Secret.")
    return {name: value for name, value in settings.items() if value is not None}


def _check(given: Mapping[str, Any], clear: Collection[str]) -> None:
    if isinstance(clear, str) or not set(clear) <= set(_SETTINGS):
        raise PolytomicConfigurationError(f"clear must be a list of settings, each one of {', '.join(_SETTINGS)}.")
    if both := sorted(set(clear) & set(given)):
        raise PolytomicConfigurationError(f"{', '.join(both)}: to be set and to be cleared at once cannot be meant.")


def _merged(current: Organization, given: Mapping[str, Any], clear: Collection[str]) -> dict[str, Any]:
    readable = [name for name in ("name", *_SETTINGS) if name not in (*_UNREADABLE, *clear)]
    if missing := [name for name in readable if name not in (*current.model_fields_set, *given)]:
        raise PolytomicConfigurationError(
            (
                f"Polytomic's answer about the organization {current.id} leaves out {', '.join(missing)}. An update "
                "replaces all settings, and would clear what was not read."
            ),
            "Give or clear these too.",
            state="Nothing was changed.",
        )
    body = {**{name: getattr(current, name) for name in readable}, **given}
    lost = [name for name in _UNREADABLE if name not in (*given, *clear)]
    if current.issuer and lost:
        raise PolytomicConfigurationError(
            (
                f"The organization {current.name!r:.100} ({current.id}) signs in by OIDC. An update replaces all "
                f"of its settings, and {' and '.join(lost)}, which nobody can read, would be cleared."
            ),
            "Give them again, or clear them in so many words, with or without the issuer.",
            state="Nothing was changed.",
        )
    return {name: value for name, value in body.items() if value is not None}
