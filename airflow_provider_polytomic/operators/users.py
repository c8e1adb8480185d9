"""Operators that create, change, delete and list an organization's users.

In each operator, ``org_id`` is the UUID of one of the partner's organizations, or ``current``: the organization of the
connection's own key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.operators._base import PolytomicOperator
from airflow_provider_polytomic.operators._fields import rendered_to_nothing, to_boolean, to_expected, to_strings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

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
    """Create a user, who gets one invitation, or return the existing user with this e-mail address.

    Returns ``{"id": ..., "email": ..., "org_id": ..., "role_ids": [...], "created": true}``; ``created`` states whether
    this try created the user. An existing user gets the given roles.

    .. seealso::
        ``docs/onboard-a-customer.md``, and the endpoint:
        https://apidocs.polytomic.com/2025-09-18/api-reference/users/create

    :param org_id: UUID of the organization, or ``current``. (templated)
    :param user_email: the user's e-mail address; case-insensitive. (templated)
    :param roles: ids or names of roles, such as ``["Sync Editor"]``; names are case-insensitive. Defaults to the
        server's default role. (templated)
    :param if_exists: ``ignore`` returns an existing user and sets the roles; ``fail`` fails the task. With ``fail``, a
        retry also fails if an earlier try was killed after it created the user. Defaults to ``ignore``. (templated)
    :param polytomic_conn_id: the connection with the key. Defaults to ``polytomic_default``. (templated)
    :param retry_for: seconds for which a request is repeated while Polytomic is unreachable or returns 429 or 5xx.
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
        self.if_exists = if_exists
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        self._remember_given(may_be_empty=["roles"])

    def _perform(self, hook: PolytomicHook, _context: Context, /) -> dict[str, Any]:
        """Create the user unless it exists, and set its roles."""
        from airflow_provider_polytomic._provisioning.create import ensure_user

        roles = to_strings("roles", self.roles)
        if "roles" in self._given and not roles:
            raise rendered_to_nothing(["roles"], "The server's default role may have more rights.")
        # A template that renders to nothing is not the default.
        if_exists = str(self.if_exists) if "if_exists" in self._given else "ignore"
        ensured = ensure_user(
            hook, self.org_id, self.user_email, roles, if_exists=if_exists, budget=self._retry_budget()
        )
        user = ensured.value
        if ensured.created:
            self.log.info("Created the user %r (%s).\nPolytomic sends an invitation.", user.email, user.id)
        return {**_to_json(user, self.org_id), "created": ensured.created}

    def _describe(self) -> dict[str, str]:
        """Return the user."""
        return {"organization": self.org_id, "user": f"{self.user_email!r:.200}"}


class PolytomicUpdateUserOperator(PolytomicOperator):
    """Set the roles of a user; no other property of a user can be changed.

    Returns ``{"id": ..., "email": ..., "org_id": ..., "role_ids": [...], "updated": true}``.

    .. seealso::
        https://apidocs.polytomic.com/2025-09-18/api-reference/users/update

    :param org_id: UUID of the organization, or ``current``. (templated)
    :param user_id: UUID of the user. (templated)
    :param roles: ids or names of all roles of the user, at least one; names are case-insensitive. (templated)
    :param expected_email: the user's e-mail address; case-insensitive. If the address differs, nothing is changed. A
        template that renders to nothing is rejected. (templated)
    :param polytomic_conn_id: the connection with the key. Defaults to ``polytomic_default``. (templated)
    :param retry_for: seconds for which a request is repeated while Polytomic is unreachable or returns 429 or 5xx.
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
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        self._remember_given()

    def _perform(self, hook: PolytomicHook, _context: Context, /) -> dict[str, Any]:
        """Set the user's roles unless it has exactly these."""
        from airflow_provider_polytomic._provisioning.create import change_roles

        roles = to_strings("roles", self.roles)
        expected = to_expected("expected_email", self.expected_email, given="expected_email" in self._given)
        user, updated = change_roles(hook, self.org_id, self.user_id, roles, expected_email=expected)
        change = "has new roles" if updated else "already had these roles"
        self.log.info("The user %r (%s) %s.", user.email, user.id, change)
        return {**_to_json(user, self.org_id), "updated": updated}

    def _describe(self) -> dict[str, str]:
        """Return the user."""
        return {"organization": self.org_id, "user": self.user_id}


class PolytomicDeleteUserOperator(PolytomicOperator):
    """Delete a user, which revokes all API keys of the user.

    Returns ``{"id": ..., "email": ..., "org_id": ..., "deleted": true}``. The owner of the connection's own key is
    rejected.

    .. seealso::
        ``docs/offboard-a-customer.md``, and the endpoint:
        https://apidocs.polytomic.com/2025-09-18/api-reference/users/remove

    :param org_id: UUID of the organization, or ``current``. (templated)
    :param user_id: UUID of the user. (templated)
    :param expected_email: the user's e-mail address; case-insensitive. If the address differs, nothing is deleted. A
        template that renders to nothing is rejected. (templated)
    :param ignore_if_missing: succeed if neither the id nor the expected e-mail address exists. With ``expected_email``,
        a retry always does, since the first try may have deleted the user before it was killed. Defaults to ``False``.
        (templated)
    :param polytomic_conn_id: the connection with the key. Defaults to ``polytomic_default``. (templated)
    :param retry_for: seconds for which a request is repeated while Polytomic is unreachable or returns 429 or 5xx.
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
        self.ignore_if_missing = ignore_if_missing
        self.polytomic_conn_id = polytomic_conn_id
        self.retry_for = retry_for
        self._remember_given()

    def _perform(self, hook: PolytomicHook, context: Context, /) -> dict[str, Any]:
        """Check the user's e-mail address, and delete the user."""
        from airflow_provider_polytomic._provisioning.delete import delete_user
        from airflow_provider_polytomic._support.ids import parse_organization, parse_uuid

        expected = to_expected("expected_email", self.expected_email, given="expected_email" in self._given)
        ignore = to_boolean("ignore_if_missing", self.ignore_if_missing)
        removed = delete_user(
            hook, self.org_id, self.user_id,
            expected_email=expected,
            # Without an expected address, a mistyped id looks like a user that an earlier try deleted.
            ignore_if_missing=ignore or (expected is not None and self._is_retried(context)),
            stopping=self._is_killed,
        )  # fmt: skip
        if removed is None:
            self.log.warning(
                "There is no user %s in the organization %s.\nThis try deleted nothing.", self.user_id, self.org_id
            )
        email = removed.email if removed else expected
        return {
            "id": parse_uuid("user_id", self.user_id),
            **({"email": email} if email is not None else {}),
            "org_id": (removed and removed.organization_id) or parse_organization(self.org_id),
            "deleted": removed is not None,
        }

    def _describe(self) -> dict[str, str]:
        """Return the user."""
        return {"organization": self.org_id, "user": self.user_id}


class PolytomicListUsersOperator(PolytomicOperator):
    """List the users of an organization.

    Returns a list of ``{"id": ..., "email": ..., "org_id": ..., "role_ids": [...]}``, for mapped tasks::

        users = PolytomicListUsersOperator(task_id="users", org_id=ORG_ID)
        PolytomicDeleteUserOperator.partial(task_id="remove", org_id=ORG_ID).expand(
            user_id=users.output.map(lambda user: user["id"])
        )

    .. seealso::
        https://apidocs.polytomic.com/2025-09-18/api-reference/users/list

    :param org_id: UUID of the organization, or ``current``. (templated)
    :param polytomic_conn_id: the connection with the key. Defaults to ``polytomic_default``. (templated)
    :param retry_for: seconds for which a request is repeated while Polytomic is unreachable or returns 429 or 5xx.
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

    def _perform(self, hook: PolytomicHook, _context: Context, /) -> list[dict[str, Any]]:
        """Return the users."""
        users = hook.list_users(self.org_id)
        self.log.info("Users of the organization %s: %d.", self.org_id, len(users))
        return [_to_json(user, self.org_id) for user in users]

    def _describe(self) -> dict[str, str]:
        """Return the organization."""
        return {"organization": self.org_id}


def _to_json(user: User, org_id: str) -> dict[str, Any]:
    from airflow_provider_polytomic._support.ids import parse_organization

    return {
        "id": user.id,
        "email": user.email,
        "org_id": user.organization_id or parse_organization(org_id),
        "role_ids": list(user.role_ids),
    }
