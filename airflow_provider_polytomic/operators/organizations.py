"""Operators that create, change and delete the partner's organizations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.operators._base import PolytomicOperator
from airflow_provider_polytomic.operators._fields import to_boolean, to_optional, to_strings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_polytomic._provisioning.create import IfExists
    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

__all__ = [
    "PolytomicCreateOrganizationOperator",
    "PolytomicDeleteOrganizationOperator",
    "PolytomicUpdateOrganizationOperator",
]

_SSO_FIELDS = ("sso_domain", "sso_org_id")


class PolytomicCreateOrganizationOperator(PolytomicOperator):
    """Create an organization, or return the existing one of this name.

    Returns ``{"id": ..., "name": ..., "created": true}``; ``created`` states whether this try created it.

    .. seealso::
        ``docs/onboard-a-customer.md``, and the endpoint:
        https://apidocs.polytomic.com/2025-09-18/api-reference/organization/create

    :param name: name of the organization, unique among the partner's organizations; case-sensitive. (templated)
    :param sso_domain: domain of the e-mail addresses that sign in by SSO. (templated)
    :param sso_org_id: WorkOS organization for SSO. (templated)
    :param if_exists: ``ignore`` returns an existing organization without changing it; ``fail`` fails the task. With
        ``fail``, a retry also fails if an earlier try was killed after it created the organization. Defaults to
        ``ignore``. (templated)
    :param polytomic_conn_id: the connection with the partner key. Defaults to ``polytomic_default``. (templated)
    :param retry_for: seconds for which a request is repeated while Polytomic is unreachable or returns 429 or 5xx.
    """

    template_fields: Sequence[str] = ("name", *_SSO_FIELDS, "if_exists", *PolytomicOperator.template_fields)
    _map_index_field = "name"

    def __init__(
        self,
        *,
        name: str,
        sso_domain: str | None = None,
        sso_org_id: str | None = None,
        if_exists: IfExists | str | None = None,
        polytomic_conn_id: str | None = None,
        retry_for: float | str = 60.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"multiple_outputs": True, **kwargs})
        self.name = name
        self.sso_domain = sso_domain
        self.sso_org_id = sso_org_id
        self.if_exists = if_exists
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        self._remember_given()

    def _perform(self, hook: PolytomicHook, _context: Context, /) -> dict[str, Any]:
        """Create the organization unless it exists."""
        from airflow_provider_polytomic._provisioning.create import ensure_organization

        # A template that renders to nothing is not the default.
        if_exists = str(self.if_exists) if "if_exists" in self._given else "ignore"
        ensured = ensure_organization(
            hook, self.name, _sso_settings(self), if_exists=if_exists, budget=self._retry_budget()
        )
        organization = ensured.value
        if ensured.created:
            self.log.info("Created the organization %r (%s).", organization.name, organization.id)
        return {"id": organization.id, "name": organization.name, "created": ensured.created}

    def _describe(self) -> dict[str, str]:
        """Return the organization."""
        return {"organization": f"{self.name!r:.200}"}


class PolytomicUpdateOrganizationOperator(PolytomicOperator):
    """Rename an organization, or change how its users sign in; omitted settings stay unchanged.

    An organization that uses OIDC is rejected: an update replaces all settings, and the OIDC client secret cannot be
    read, so the update would clear it. Change such an organization in Polytomic.

    Returns ``{"id": ..., "name": ...}``.

    .. seealso::
        https://apidocs.polytomic.com/2025-09-18/api-reference/organization/update

    :param org_id: UUID of the organization. (templated)
    :param name: the new name. (templated)
    :param sso_domain: domain of the e-mail addresses that sign in by SSO. (templated)
    :param sso_org_id: WorkOS organization for SSO. (templated)
    :param clear_settings: settings to clear: ``sso_domain``, ``sso_org_id`` or both. (templated)
    :param polytomic_conn_id: the connection with the partner key. Defaults to ``polytomic_default``. (templated)
    :param retry_for: seconds for which a request is repeated while Polytomic is unreachable or returns 429 or 5xx.
    """

    template_fields: Sequence[str] = (
        "org_id",
        "name",
        *_SSO_FIELDS,
        "clear_settings",
        *PolytomicOperator.template_fields,
    )
    _map_index_field = "org_id"

    def __init__(
        self,
        *,
        org_id: str,
        name: str | None = None,
        sso_domain: str | None = None,
        sso_org_id: str | None = None,
        clear_settings: Sequence[str] | None = None,
        polytomic_conn_id: str | None = None,
        retry_for: float | str = 60.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"multiple_outputs": True, **kwargs})
        self.org_id = org_id
        self.name = name
        self.sso_domain = sso_domain
        self.sso_org_id = sso_org_id
        # Not named clear, which is a method of Airflow 2.11's operators.
        self.clear_settings = clear_settings
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        self._remember_given()

    def _perform(self, hook: PolytomicHook, _context: Context, /) -> dict[str, Any]:
        """Read the organization, and update the given settings."""
        from airflow_provider_polytomic._provisioning.checks import require_text

        name, clear = to_optional("name", self.name), to_strings("clear_settings", self.clear_settings)
        if name is not None:
            require_text("name", name)
        settings = _sso_settings(self)
        if name is None and not clear and not settings:
            raise PolytomicConfigurationError(
                "There is nothing to change.", "Set name, a setting or clear_settings.", reason="nothing_to_change"
            )
        organization = hook.update_organization(self.org_id, name=name, clear_settings=clear, **settings)
        self.log.info("Updated the organization %r (%s).", organization.name, organization.id)
        return {"id": organization.id, "name": organization.name}

    def _describe(self) -> dict[str, str]:
        """Return the organization."""
        return {"organization": self.org_id}


class PolytomicDeleteOrganizationOperator(PolytomicOperator):
    """Delete an organization with its users, their keys, its connections and its syncs.

    Returns ``{"id": ..., "name": ..., "deleted": true}``. The operator and Polytomic reject the partner's own
    organization.

    .. seealso::
        ``docs/offboard-a-customer.md``, and the endpoint:
        https://apidocs.polytomic.com/2025-09-18/api-reference/organization/delete

    :param org_id: UUID of the organization. (templated)
    :param expected_name: the organization's exact name. If the name differs, nothing is deleted. (templated)
    :param ignore_if_missing: succeed if neither the id nor the name exists. A retry always does, since the first try
        may have deleted the organization before it was killed. Defaults to ``False``. (templated)
    :param polytomic_conn_id: the connection with the partner key. Defaults to ``polytomic_default``. (templated)
    :param retry_for: seconds for which a request is repeated while Polytomic is unreachable or returns 429 or 5xx.
    """

    template_fields: Sequence[str] = (
        "org_id", "expected_name", "ignore_if_missing", *PolytomicOperator.template_fields,
    )  # fmt: skip
    _map_index_field = "expected_name"

    def __init__(
        self,
        *,
        org_id: str,
        expected_name: str,
        ignore_if_missing: bool | str | None = None,
        polytomic_conn_id: str | None = None,
        retry_for: float | str = 60.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"multiple_outputs": True, **kwargs})
        self.org_id = org_id
        self.expected_name = expected_name
        self.ignore_if_missing = ignore_if_missing
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        self._remember_given()

    def _perform(self, hook: PolytomicHook, context: Context, /) -> dict[str, Any]:
        """Check the organization's name, and delete it."""
        from airflow_provider_polytomic._provisioning.delete import delete_organization
        from airflow_provider_polytomic._support.ids import parse_uuid

        ignore = to_boolean("ignore_if_missing", self.ignore_if_missing) or self._is_retried(context)
        removed = delete_organization(
            hook, self.org_id, expected_name=self.expected_name, ignore_if_missing=ignore, stopping=self._is_killed
        )
        if removed is None:
            self.log.warning("There is no organization %s. This try deleted nothing.", self.org_id)
        return {"id": parse_uuid("org_id", self.org_id), "name": self.expected_name, "deleted": removed is not None}

    def _describe(self) -> dict[str, str]:
        """Return the organization."""
        return {"organization": self.org_id, "expected name": f"{self.expected_name!r:.200}"}


def _sso_settings(
    operator: PolytomicCreateOrganizationOperator | PolytomicUpdateOrganizationOperator,
) -> dict[str, str]:
    settings = {name: to_optional(name, getattr(operator, name)) for name in _SSO_FIELDS}
    return {name: value for name, value in settings.items() if value is not None}
