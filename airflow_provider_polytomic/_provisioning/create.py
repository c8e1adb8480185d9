"""Creation of an organization or a user exactly once, by look-up and by Idempotency-Key.

What exists is looked up. What does not exist is created with a new Idempotency-Key in each try, which the repeats of
that request share. A key derived from the name would not do: Polytomic replays a rejection under it for 24 hours after
its cause was fixed. Across tries the look-up decides. It also decides when Polytomic says that something is taken: the
request of an earlier try may have taken effect late. That such a request cannot create a second object rests on
Polytomic's uniqueness, which is documented for the names of organizations and inferred for e-mail addresses.

This folder imports neither Airflow nor HTTP.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, get_args

from airflow_provider_polytomic._provisioning.checks import (
    check_email,
    email_matches,
    is_callers_organization,
    require_text,
)
from airflow_provider_polytomic._support.clock import Clock
from airflow_provider_polytomic._support.retry import RetryPolicy
from airflow_provider_polytomic.exceptions import (
    PolytomicAlreadyExistsError,
    PolytomicConfigurationError,
    PolytomicConflictError,
    PolytomicRejectedError,
    PolytomicTaskStoppedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_polytomic._provisioning.protocols import PolytomicApi
    from airflow_provider_polytomic.models import Organization, User

__all__ = [
    "Ensured",
    "IfExists",
    "RetryBudget",
    "change_roles",
    "ensure_organization",
    "ensure_user",
]

log = logging.getLogger(__name__)

T = TypeVar("T")
M = TypeVar("M", bound="Organization | User")
IfExists = Literal["ignore", "fail"]


@dataclass(frozen=True)
class RetryBudget:
    """Limit for repeating a request that is in flight.

    :param retry_for: seconds.
    :param stopping: whether the task was asked to stop; once true, no request is repeated.
    """

    retry_for: float = 60.0
    stopping: Callable[[], bool] = lambda: False
    clock: Clock = field(default_factory=Clock)


@dataclass(frozen=True)
class Ensured(Generic[T]):
    """An object that exists now.

    :param created: whether a request of this try created it.
    """

    value: T
    created: bool


def ensure_organization(
    polytomic: PolytomicApi,
    name: str,
    settings: Mapping[str, str] = MappingProxyType({}),
    *,
    if_exists: IfExists | str = "ignore",
    budget: RetryBudget | None = None,
) -> Ensured[Organization]:
    """Return the organization with exactly this name; create it if it does not exist.

    :param settings: settings of a new organization, as ``PolytomicHook.create_organization`` accepts them. An existing
        organization is not changed.
    :param if_exists: ``ignore`` returns an existing organization, ``fail`` refuses it.
    :raises PolytomicAlreadyExistsError: if it exists and must not, or if an existing name differs in case only.
    :raises PolytomicConfigurationError: if it is the partner's own organization, which is not a customer's.
    """
    require_text("name", name)
    _check_if_exists(if_exists)

    def find(*, taken: bool) -> Organization | None:
        organizations = polytomic.list_organizations()
        similar = [listed for listed in organizations if (listed.name or "").casefold() == name.casefold()]
        exact = next((listed for listed in similar if listed.name == name), None)
        # The partner's own organization is the first in the list (2025-09-18, organization): only that one is checked.
        if exact and exact.id == organizations[0].id and is_callers_organization(polytomic, exact):
            raise PolytomicConfigurationError(
                f"{name!r:.200} is the partner's own organization, not a customer's.",
                "Use the customer's name.",
                state="Nothing was changed.",
                reason="own_organization",
                fields=("name",),
            )
        if exact is None and taken and similar:
            raise PolytomicAlreadyExistsError(
                f"The organization {name!r:.200} cannot be created: {similar[0].name!r:.200} ({similar[0].id}) exists, "
                "and names are unique in any case. Nothing was changed. Use that exact name, or another name.",
                status=409,
                reason="name_differs_in_case",
                fields=("name",),
            )
        return exact

    def create(idempotency_key: str) -> Organization:
        return polytomic.create_organization(name, idempotency_key=idempotency_key, **settings)

    return _ensure(f"The organization {name!r:.200}", find, create, if_exists, budget or RetryBudget())


def ensure_user(
    polytomic: PolytomicApi,
    org_id: str,
    email: str,
    roles: Sequence[str] = (),
    *,
    if_exists: IfExists | str = "ignore",
    budget: RetryBudget | None = None,
) -> Ensured[User]:
    """Return the user with this e-mail address, in any case, and with exactly these roles; create it if needed.

    :param roles: names or ids. If empty, a new user gets the server's default, and an existing user keeps its roles.
    :param if_exists: as in :func:`ensure_organization`.
    :raises PolytomicAlreadyExistsError: if the user exists and must not.
    :raises PolytomicConfigurationError: if a role is unknown; nothing was created.
    """
    require_text("user_email", email)
    _check_if_exists(if_exists)
    role_ids = polytomic.resolve_roles(org_id, roles)

    def find(*, taken: bool) -> User | None:  # noqa: ARG001 (addresses match in any case)
        return next((user for user in polytomic.list_users(org_id) if email_matches(user, email)), None)

    def create(idempotency_key: str) -> User:
        return polytomic.create_user(org_id, email, role_ids, idempotency_key=idempotency_key)

    ensured = _ensure(f"The user {email!r:.200}", find, create, if_exists, budget or RetryBudget())
    user = ensured.value
    if ensured.created or not role_ids or set(user.role_ids) == set(role_ids):
        return ensured
    log.info("The user %r has other roles than requested. Its roles are changed.", user.email)
    return Ensured(_give_roles(polytomic, org_id, user, role_ids), created=False)


def change_roles(
    polytomic: PolytomicApi, org_id: str, user_id: str, roles: Sequence[str], *, expected_email: str | None
) -> tuple[User, bool]:
    """Give a user exactly these roles; return the user, and whether its roles were changed.

    :param roles: names or ids, at least one.
    :param expected_email: the address that the user must have, in any case; None accepts every address.
    :raises PolytomicConfigurationError: if the address differs, or a role is unknown; nothing was changed.
    """
    if expected_email is not None:
        require_text("expected_email", expected_email)
    if not roles:
        raise PolytomicConfigurationError(
            "roles must name at least one role.", reason="roles_missing", fields=("roles",)
        )
    user = polytomic.get_user(org_id, user_id)
    check_email(user, expected_email)
    role_ids = polytomic.resolve_roles(org_id, roles)
    if set(user.role_ids) == set(role_ids):
        return user, False
    return _give_roles(polytomic, org_id, user, role_ids), True


def _give_roles(polytomic: PolytomicApi, org_id: str, user: User, role_ids: Sequence[str]) -> User:
    if polytomic.get_identity().id == user.id:
        raise PolytomicConfigurationError(
            f"{user.email!r:.200} is the user whose key the connection uses; other roles could lock this DAG out.",
            "Use another connection, or another user.",
            state="Nothing was changed.",
            reason="own_user",
            fields=("user_id",),
        )
    return polytomic.update_user(org_id, user.id, email=user.email, role_ids=role_ids)


def _ensure(
    what: str, find: Callable[..., M | None], create: Callable[[str], M], if_exists: IfExists | str, budget: RetryBudget
) -> Ensured[M]:
    existing = find(taken=False)
    result = _create(what, find, create, budget) if existing is None else Ensured(existing, created=False)
    if result.created:
        return result
    if if_exists == "fail":
        raise PolytomicAlreadyExistsError(
            f"{what} exists already ({result.value.id}), and if_exists is 'fail'. Nothing was changed. Use another "
            "one, or if_exists='ignore'. (An earlier try of this task may have created it and then died.)",
            status=409,
            reason="exists_already",
            fields=("if_exists",),
        )
    log.info("%s exists already (%s).", what, result.value.id)
    return result


def _create(what: str, find: Callable[..., M | None], create: Callable[[str], M], budget: RetryBudget) -> Ensured[M]:
    """Request it, and look it up if Polytomic rejects the request.

    A 409 for something that does not exist means that a request is in flight.
    """
    idempotency_key = str(uuid.uuid4())
    outcome_unknown = False

    def attempt(_left: float) -> Ensured[M]:
        nonlocal outcome_unknown
        if budget.stopping():
            raise PolytomicTaskStoppedError(
                f"The task was asked to stop. {what} does not exist yet. A retry looks it up again."
            )
        try:
            return Ensured(create(idempotency_key), created=True)
        except (PolytomicConflictError, PolytomicRejectedError) as error:
            outcome_unknown = outcome_unknown or error.earlier_outcome_unknown
            # A 409 under a new Idempotency-Key means a request in flight only if an earlier request of this call is.
            taken = isinstance(error, PolytomicConflictError) and not outcome_unknown
            if (existing := find(taken=taken)) is None:
                raise
            return Ensured(existing, created=False)

    def log_retry(error: BaseException, seconds: float) -> None:
        log.info("Retrying in %.1f s (%s).\n%s", seconds, type(error).__name__, error)

    policy = RetryPolicy(budget.retry_for, on_retry=log_retry, stopping=budget.stopping, clock=budget.clock)
    try:
        return policy.call(attempt, lambda error: isinstance(error, PolytomicConflictError) and error.retryable)
    except PolytomicConflictError as error:
        if error.retryable:
            error.add_note(f"{what} was looked up each time and does not exist, at least not under exactly this name.")
        raise


def _check_if_exists(value: object) -> None:
    if value not in get_args(IfExists):
        raise PolytomicConfigurationError(
            f"if_exists must be 'ignore' or 'fail', not {value!r:.80}.", reason="not_a_choice", fields=("if_exists",)
        )
