"""Operators that create, change and delete the partner's organizations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.operators._base import PolytomicOperator
from airflow_provider_polytomic.operators._fields import to_boolean, to_optional, to_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_polytomic._provisioning.create import IfExists
    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

__all__ = [
    "PolytomicCreateOrganizationOperator",
    "PolytomicDeleteOrganizationOperator",
    "PolytomicUpdateOrganizationOperator",
]

_SIGN_IN = ("sso_domain", "sso_org_id")


class PolytomicCreateOrganizationOperator(PolytomicOperator):
    """Create an organization, or return the one that has this name already.

    Returns ``{"id": ..., "name": ..., "created": true}``; ``created`` says whether this very try made it.

    .. seealso::
        ``docs/onboard-a-customer.md``, and on the endpoint
        https://apidocs.polytomic.com/2025-09-18/api-reference/organization/create

    :param name: unique among the partner's organizations, and compared exactly. (templated)
    :param sso_domain: of the e-mail addresses that sign in by SSO. (templated)
    :param sso_org_id: WorkOS organization of the SSO. (templated)
    :param if_exists: ``ignore``, the default, returns an organization that exists, without changing it; ``fail`` makes
        the task fail. With ``fail``, a try that dies after it made the organization makes the next one fail too.
        (templated)
    :param polytomic_conn_id: the connection whose partner key asks; by default ``polytomic_default``. (templated)
    :param retry_for: seconds for which one request is repeated while Polytomic is out of reach or answers 429 or 5xx.
    """

    template_fields: Sequence[str] = ("name", *_SIGN_IN, "if_exists", *PolytomicOperator.template_fields)
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
        # A template that renders to nothing is not the default.
        self._if_exists_is_given = if_exists is not None
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        self._remember_given()

    def _perform(self, hook: PolytomicHook, _context: Any, /) -> dict[str, Any]:
        """Look the organization up, and create it if it is not there."""
        from airflow_provider_polytomic._provisioning.create import ensure_organization

        if_exists = str(self.if_exists) if self._if_exists_is_given else "ignore"
        found = ensure_organization(hook, self.name, _sign_in(self), if_exists=if_exists, budget=self._retry_budget())
        organization = found.value
        if found.created:
            self.log.info("Created the organization %r (%s).", organization.name, organization.id)
        return {"id": organization.id, "name": organization.name, "created": found.created}

    def _describe(self) -> str:
        """Name the organization."""
        return f"Organization {self.name!r:.200}"


class PolytomicUpdateOrganizationOperator(PolytomicOperator):
    """Rename an organization, or change how its users sign in; what is not given stays as it is.

    An organization that signs in by OIDC is refused: an update replaces all settings, and nobody can read its client
    secret, so the update would clear it. Change such an organization in Polytomic itself.

    Returns ``{"id": ..., "name": ...}``.

    .. seealso::
        https://apidocs.polytomic.com/2025-09-18/api-reference/organization/update

    :param org_id: UUID of the organization. (templated)
    :param name: its new name. (templated)
    :param sso_domain: of the e-mail addresses that sign in by SSO. (templated)
    :param sso_org_id: WorkOS organization of the SSO. (templated)
    :param clear_settings: settings to take away, each one of ``sso_domain``, ``sso_org_id``. (templated)
    :param polytomic_conn_id: the connection whose partner key asks; by default ``polytomic_default``. (templated)
    :param retry_for: seconds for which one request is repeated while Polytomic is out of reach or answers 429 or 5xx.
    """

    template_fields: Sequence[str] = ("org_id", "name", *_SIGN_IN, "clear_settings", *PolytomicOperator.template_fields)
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
        # Not as self.clear, which is a method of Airflow 2.11's operators.
        self.clear_settings = clear_settings
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        self._remember_given()

    def _perform(self, hook: PolytomicHook, _context: Any, /) -> dict[str, Any]:
        """Read the organization, and put it back with what was given."""
        from airflow_provider_polytomic._provisioning.checks import require_text

        name, clear = to_optional("name", self.name), to_texts("clear_settings", self.clear_settings)
        if name is not None:
            require_text("name", name)
        settings = _sign_in(self)
        if name is None and not clear and not settings:
            raise PolytomicConfigurationError(
                "There is nothing to change.", "Give a name, settings or clear_settings.", reason="nothing_to_change"
            )
        organization = hook.update_organization(self.org_id, name=name, clear_settings=clear, **settings)
        self.log.info("Updated the organization %r (%s).", organization.name, organization.id)
        return {"id": organization.id, "name": organization.name}

    def _describe(self) -> str:
        """Name the organization."""
        return f"Organization {self.org_id}"


class PolytomicDeleteOrganizationOperator(PolytomicOperator):
    """Delete an organization with its users, their keys, its connections and its syncs.

    Returns ``{"id": ..., "name": ..., "deleted": true}``. The partner's own organization is refused, here and by
    Polytomic.

    .. seealso::
        ``docs/offboard-a-customer.md``, and on the endpoint
        https://apidocs.polytomic.com/2025-09-18/api-reference/organization/delete

    :param org_id: UUID of the organization. (templated)
    :param expected_name: the name that it must have, exactly; otherwise nothing is deleted. (templated)
    :param ignore_if_missing: succeed where there is neither such an id nor such a name. A second try always does so,
        since the first may have deleted the organization before it died. By default ``False``. (templated)
    :param polytomic_conn_id: the connection whose partner key asks; by default ``polytomic_default``. (templated)
    :param retry_for: seconds for which one request is repeated while Polytomic is out of reach or answers 429 or 5xx.
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

    def _perform(self, hook: PolytomicHook, context: Any, /) -> dict[str, Any]:
        """Look at the organization, say what it is, and delete it."""
        from airflow_provider_polytomic._provisioning.delete import delete_organization
        from airflow_provider_polytomic._support.ids import parse_uuid

        ignore = to_boolean("ignore_if_missing", self.ignore_if_missing) or self._is_retried(context)
        removed = delete_organization(
            hook, self.org_id, expected_name=self.expected_name, ignore_if_missing=ignore, stopping=self._is_killed
        )
        if removed is None:
            self.log.warning("There is no organization %s; nothing was deleted by this try.", self.org_id)
        return {"id": parse_uuid("org_id", self.org_id), "name": self.expected_name, "deleted": removed is not None}

    def _describe(self) -> str:
        """Name the organization."""
        return f"Organization {self.org_id}, expected to be {self.expected_name!r:.200}"


def _sign_in(operator: PolytomicCreateOrganizationOperator | PolytomicUpdateOrganizationOperator) -> dict[str, str]:
    given = {name: to_optional(name, getattr(operator, name)) for name in _SIGN_IN}
    return {name: value for name, value in given.items() if value is not None}
