"""Operators that create, change, remove and list an organization's users.

In each of them ``org_id`` is the UUID of one of the partner's organizations, or the word ``current``: the organization
that the connection's own key belongs to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.operators._base import PolytomicOperator
from airflow_provider_polytomic.operators._fields import to_boolean, to_expected, to_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_polytomic._provisioning.create import IfExists
    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
    from airflow_provider_polytomic.models import User

__all__ = [
    "PolytomicCreateUserOperator",
    "PolytomicDeleteUserOperator",
    "PolytomicListUsersOperator",
    "PolytomicUpdateUserOperator",
]


class PolytomicCreateUserOperator(PolytomicOperator):
    """Create a user, who gets one invitation, or return the one who has this e-mail address already.

    Returns ``{"id": ..., "email": ..., "org_id": ..., "role_ids": [...], "created": true}``; ``created`` says whether
    this very try made the user. A user who exists is brought to the roles that are asked for.

    .. seealso::
        ``docs/onboard-a-customer.md``, and on the endpoint
        https://apidocs.polytomic.com/2025-09-18/api-reference/users/create

    :param org_id: UUID of the organization, or ``current``. (templated)
    :param user_email: the user's address, compared without regard to case. (templated)
    :param roles: names in any case, such as ``["Sync Editor"]``, or ids; none: the server's default. (templated)
    :param if_exists: ``ignore``, the default, returns a user who exists, brought to the roles; ``fail`` makes the task
        fail. With ``fail``, a try that dies after it made the user makes the next one fail too. (templated)
    :param polytomic_conn_id: the connection whose key asks; by default ``polytomic_default``. (templated)
    :param retry_for: seconds for which one request is repeated while Polytomic is out of reach or answers 429 or 5xx.
    """

    template_fields: Sequence[str] = ("org_id", "user_email", "roles", "if_exists", *PolytomicOperator.template_fields)
    _map_index_field = "user_email"

    def __init__(
        self,
        *,
        org_id: str,
        user_email: str,
        roles: Sequence[str] | None = None,
        if_exists: IfExists | str | None = None,
        polytomic_conn_id: str | None = None,
        retry_for: float | str = 60.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"multiple_outputs": True, **kwargs})
        self.org_id = org_id
        self.user_email = user_email
        self.roles = roles
        self._roles_are_given = bool(roles)
        self.if_exists = if_exists
        # A template that renders to nothing is not the default.
        self._if_exists_is_given = if_exists is not None
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        self._remember_given()

    def _perform(self, hook: PolytomicHook, _context: Any, /) -> dict[str, Any]:
        """Look the user up, create it if it is not there, and see to its roles."""
        from airflow_provider_polytomic._provisioning.create import ensure_user

        roles = to_texts("roles", self.roles)
        if self._roles_are_given and not roles:
            raise PolytomicConfigurationError(
                "roles was given and renders to nothing, and the server's default may be more than was meant.",
                "Correct the template.",
                reason="rendered_to_nothing",
                fields=["roles"],
            )
        if_exists = str(self.if_exists) if self._if_exists_is_given else "ignore"
        found = ensure_user(hook, self.org_id, self.user_email, roles, if_exists=if_exists, budget=self._retry_budget())
        if found.created:
            self.log.info("Created the user %r (%s); Polytomic sends an invitation.", found.value.email, found.value.id)
        return {**_shown(found.value, self.org_id), "created": found.created}

    def _describe(self) -> str:
        """Name the user."""
        return f"Organization {self.org_id}, user {self.user_email!r:.200}"


class PolytomicUpdateUserOperator(PolytomicOperator):
    """Give a user exactly these roles; nothing else of a user can be changed.

    Returns ``{"id": ..., "email": ..., "org_id": ..., "role_ids": [...], "updated": true}``.

    .. seealso::
        https://apidocs.polytomic.com/2025-09-18/api-reference/users/update

    :param org_id: UUID of the organization, or ``current``. (templated)
    :param user_id: UUID of the user. (templated)
    :param roles: names in any case, or ids; at least one. (templated)
    :param expected_email: the address that the user must have, in any case; otherwise nothing is changed. A template
        that renders to nothing is refused. (templated)
    :param polytomic_conn_id: the connection whose key asks; by default ``polytomic_default``. (templated)
    :param retry_for: seconds for which one request is repeated while Polytomic is out of reach or answers 429 or 5xx.
    """

    template_fields: Sequence[str] = (
        "org_id", "user_id", "roles", "expected_email", *PolytomicOperator.template_fields,
    )  # fmt: skip
    _map_index_field = "user_id"

    def __init__(
        self,
        *,
        org_id: str,
        user_id: str,
        roles: Sequence[str],
        expected_email: str | None = None,
        polytomic_conn_id: str | None = None,
        retry_for: float | str = 60.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"multiple_outputs": True, **kwargs})
        self.org_id = org_id
        self.user_id = user_id
        self.roles = roles
        self.expected_email = expected_email
        self._email_is_expected = expected_email is not None
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        self._remember_given()

    def _perform(self, hook: PolytomicHook, _context: Any, /) -> dict[str, Any]:
        """Look at the user, and give it the roles if it has others."""
        from airflow_provider_polytomic._provisioning.create import change_roles

        roles = to_texts("roles", self.roles)
        expected = to_expected("expected_email", self.expected_email, given=self._email_is_expected)
        user, updated = change_roles(hook, self.org_id, self.user_id, roles, expected_email=expected)
        self.log.info("The user %r (%s) %s.", user.email, user.id, "has new roles" if updated else "had these roles")
        return {**_shown(user, self.org_id), "updated": updated}

    def _describe(self) -> str:
        """Name the user."""
        return f"Organization {self.org_id}, user {self.user_id}"


class PolytomicDeleteUserOperator(PolytomicOperator):
    """Remove a user for good, whose API keys stop working with it.

    Returns ``{"id": ..., "email": ..., "org_id": ..., "deleted": true}``. The user whose own key asks is refused.

    .. seealso::
        ``docs/offboard-a-customer.md``, and on the endpoint
        https://apidocs.polytomic.com/2025-09-18/api-reference/users/remove

    :param org_id: UUID of the organization, or ``current``. (templated)
    :param user_id: UUID of the user. (templated)
    :param expected_email: the address that the user must have, in any case; otherwise nothing is removed. A template
        that renders to nothing is refused. (templated)
    :param ignore_if_missing: succeed where there is neither such an id nor, if one is expected, such an address. With
        ``expected_email`` a second try always does so, since the first may have removed the user before it died. By
        default ``False``. (templated)
    :param polytomic_conn_id: the connection whose key asks; by default ``polytomic_default``. (templated)
    :param retry_for: seconds for which one request is repeated while Polytomic is out of reach or answers 429 or 5xx.
    """

    template_fields: Sequence[str] = (
        "org_id", "user_id", "expected_email", "ignore_if_missing", *PolytomicOperator.template_fields,
    )  # fmt: skip
    _map_index_field = "user_id"

    def __init__(
        self,
        *,
        org_id: str,
        user_id: str,
        expected_email: str | None = None,
        ignore_if_missing: bool | str | None = None,
        polytomic_conn_id: str | None = None,
        retry_for: float | str = 60.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"multiple_outputs": True, **kwargs})
        self.org_id = org_id
        self.user_id = user_id
        self.expected_email = expected_email
        self._email_is_expected = expected_email is not None
        self.ignore_if_missing = ignore_if_missing
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        self._remember_given()

    def _perform(self, hook: PolytomicHook, context: Any, /) -> dict[str, Any]:
        """Look at the user, say who it is, and remove it."""
        from airflow_provider_polytomic._provisioning.delete import delete_user
        from airflow_provider_polytomic._support.ids import parse_organization, parse_uuid

        expected = to_expected("expected_email", self.expected_email, given=self._email_is_expected)
        ignore = to_boolean("ignore_if_missing", self.ignore_if_missing)
        removed = delete_user(
            hook, self.org_id, self.user_id,
            expected_email=expected,
            # Without an address to look for, a mistyped id would look like a user that an earlier try removed.
            ignore_if_missing=ignore or (expected is not None and self._is_retried(context)),
            stopping=self._is_killed,
        )  # fmt: skip
        if removed is None:
            self.log.warning(
                "There is no user %s in the organization %s; nothing was removed by this try.",
                self.user_id,
                self.org_id,
            )
        email = removed.email if removed else expected
        return {
            "id": parse_uuid("user_id", self.user_id),
            **({"email": email} if email is not None else {}),
            "org_id": (removed and removed.organization_id) or parse_organization(self.org_id),
            "deleted": removed is not None,
        }

    def _describe(self) -> str:
        """Name the user."""
        return f"Organization {self.org_id}, user {self.user_id}"


class PolytomicListUsersOperator(PolytomicOperator):
    """List the users of an organization.

    Returns a list of ``{"id": ..., "email": ..., "org_id": ..., "role_ids": [...]}``, made to be mapped over::

        users = PolytomicListUsersOperator(task_id="users", org_id=ORG_ID)
        PolytomicDeleteUserOperator.partial(task_id="remove", org_id=ORG_ID).expand(
            user_id=users.output.map(lambda user: user["id"])
        )

    .. seealso::
        https://apidocs.polytomic.com/2025-09-18/api-reference/users/list

    :param org_id: UUID of the organization, or ``current``. (templated)
    :param polytomic_conn_id: the connection whose key asks; by default ``polytomic_default``. (templated)
    :param retry_for: seconds for which one request is repeated while Polytomic is out of reach or answers 429 or 5xx.
    """

    template_fields: Sequence[str] = ("org_id", *PolytomicOperator.template_fields)
    _map_index_field = "org_id"

    def __init__(
        self, *, org_id: str, polytomic_conn_id: str | None = None, retry_for: float | str = 60.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.org_id = org_id
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        self._remember_given()

    def _perform(self, hook: PolytomicHook, _context: Any, /) -> list[dict[str, Any]]:
        """Ask for the users."""
        users = hook.list_users(self.org_id)
        self.log.info("Users of the organization %s: %d.", self.org_id, len(users))
        return [_shown(user, self.org_id) for user in users]

    def _describe(self) -> str:
        """Name the organization."""
        return f"Organization {self.org_id}"


def _shown(user: User, org_id: str) -> dict[str, Any]:
    from airflow_provider_polytomic._support.ids import parse_organization

    return {
        "id": user.id,
        "email": user.email,
        "org_id": user.organization_id or parse_organization(org_id),
        "role_ids": list(user.role_ids),
    }
