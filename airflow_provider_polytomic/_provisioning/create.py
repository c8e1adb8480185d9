"""How does an organization or a user come to exist exactly once? By look-up, and by key.

What exists is looked up; what does not is asked for under one fresh Idempotency-Key a try, which that request's own
repeats share. A key derived from the name would not do: Polytomic replays a refusal under it for 24 hours after its
cause was put right. Across tries the look-up decides, and so it does when Polytomic says that something is taken: an
earlier try's request may have been applied late. That such a request cannot make a second one rests on Polytomic's
uniqueness: documented for the names of organizations, inferred for e-mail addresses.

Nothing here knows Airflow.
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

    from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
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
    """How long a request that is in flight is waited for.

    :param retry_for: seconds.
    :param stopping: once true, nothing is sent again.
    """

    retry_for: float = 60.0
    stopping: Callable[[], bool] = lambda: False
    clock: Clock = field(default_factory=Clock)


@dataclass(frozen=True)
class Ensured(Generic[T]):
    """What exists now.

    :param created: whether a request of this very try made it.
    """

    value: T
    created: bool


def ensure_organization(
    hook: PolytomicHook,
    name: str,
    settings: Mapping[str, str] = MappingProxyType({}),
    *,
    if_exists: IfExists | str = "ignore",
    patience: RetryBudget | None = None,
) -> Ensured[Organization]:
    """Return the organization of exactly this name, made if there is none.

    :param settings: of a new one, as :meth:`PolytomicHook.create_organization` takes them; one that exists is left
        alone.
    :param if_exists: ``ignore`` returns what exists, ``fail`` refuses.
    :raises PolytomicAlreadyExistsError: if it exists and must not, or if one exists whose name differs in case only.
    :raises PolytomicConfigurationError: if it is the partner's own: its users would be no customer's.
    """
    require_text("name", name)
    _check_if_exists(if_exists)

    def look(*, taken: bool) -> Organization | None:
        there = hook.list_organizations()
        alike = [each for each in there if (each.name or "").casefold() == name.casefold()]
        exact = next((each for each in alike if each.name == name), None)
        # The partner's own is the first of the list (2025-09-18, organization): others are not worth a request.
        if exact and exact.id == there[0].id and is_callers_organization(hook, exact):
            raise PolytomicConfigurationError(
                f"{name!r:.200} is the partner's own organization, and no customer's.",
                "Use the customer's name.",
                state="Nothing was changed.",
                reason="own_organization",
                fields=("name",),
            )
        if exact is None and taken and alike:
            raise PolytomicAlreadyExistsError(
                f"The organization {name!r:.200} cannot be made: there is {alike[0].name!r:.200} ({alike[0].id}), and "
                "names are unique. Nothing was changed. Use its name as it is, or another one.",
                status=409,
                reason="name_differs_in_case",
                fields=("name",),
            )
        return exact

    def make(idempotency_key: str) -> Organization:
        return hook.create_organization(name, idempotency_key=idempotency_key, **settings)

    return _ensure(f"The organization {name!r:.200}", look, make, if_exists, patience or RetryBudget())


def ensure_user(
    hook: PolytomicHook,
    org_id: str,
    email: str,
    roles: Sequence[str] = (),
    *,
    if_exists: IfExists | str = "ignore",
    patience: RetryBudget | None = None,
) -> Ensured[User]:
    """Return the user with this e-mail address, in any case, made if there is none, with exactly the roles asked for.

    :param roles: names or ids; none: the server's default for a new user, and those of one who exists are left alone.
    :param if_exists: as in :func:`ensure_organization`.
    :raises PolytomicAlreadyExistsError: if the user exists and must not.
    :raises PolytomicConfigurationError: if a role is unknown; nothing was made.
    """
    require_text("user_email", email)
    _check_if_exists(if_exists)
    role_ids = hook.resolve_roles(org_id, roles)

    def look(*, taken: bool) -> User | None:  # noqa: ARG001 (the case of an address says nothing)
        # The server keeps addresses in lower case (polytomic's Terraform provider, resource_user.go).
        return next((user for user in hook.list_users(org_id) if email_matches(user, email)), None)

    def make(idempotency_key: str) -> User:
        return hook.create_user(org_id, email, role_ids, idempotency_key=idempotency_key)

    found = _ensure(f"The user {email!r:.200}", look, make, if_exists, patience or RetryBudget())
    user = found.value
    if found.created or not role_ids or set(user.role_ids) == set(role_ids):
        return found
    log.info("The user %r has other roles than asked for; they are changed.", user.email)
    return Ensured(_give_roles(hook, org_id, user, role_ids), created=False)


def change_roles(
    hook: PolytomicHook, org_id: str, user_id: str, roles: Sequence[str], *, expected_email: str | None
) -> tuple[User, bool]:
    """Give a user exactly these roles; return the user, and whether there was anything to change.

    :param roles: names or ids, at least one.
    :param expected_email: what the user's address must be, in any case; None for any.
    :raises PolytomicConfigurationError: if it is another user's id, or a role is unknown; nothing was changed.
    """
    if expected_email is not None:
        require_text("expected_email", expected_email)
    if not roles:
        raise PolytomicConfigurationError(
            "roles must name at least one role.", reason="roles_missing", fields=("roles",)
        )
    user = hook.get_user(org_id, user_id)
    check_email(user, expected_email)
    role_ids = hook.resolve_roles(org_id, roles)
    if set(user.role_ids) == set(role_ids):
        return user, False
    return _give_roles(hook, org_id, user, role_ids), True


def _give_roles(hook: PolytomicHook, org_id: str, user: User, role_ids: Sequence[str]) -> User:
    if hook.get_identity().id == user.id:
        raise PolytomicConfigurationError(
            f"{user.email!r:.200} is the user whose key the connection holds; with other roles, this DAG might be "
            "locked out.",
            "Use another connection, or another user.",
            state="Nothing was changed.",
            reason="own_user",
            fields=("user_id",),
        )
    return hook.update_user(org_id, user.id, email=user.email, role_ids=role_ids)


def _ensure(
    what: str, look: Callable[..., M | None], make: Callable[[str], M], if_exists: IfExists | str, patience: RetryBudget
) -> Ensured[M]:
    found = look(taken=False)
    result = _made(what, look, make, patience) if found is None else Ensured(found, created=False)
    if result.created:
        return result
    if if_exists == "fail":
        raise PolytomicAlreadyExistsError(
            f"{what} exists already ({result.value.id}), and if_exists is 'fail'. Nothing was changed. Use "
            "another one, or if_exists='ignore'. (An earlier try of this task, ended before it could say so, may have "
            "made it.)",
            status=409,
            reason="exists_already",
            fields=("if_exists",),
        )
    log.info("%s exists already (%s).", what, result.value.id)
    return result


def _made(what: str, look: Callable[..., M | None], make: Callable[[str], M], patience: RetryBudget) -> Ensured[M]:
    """Ask for it, and look again when Polytomic refuses; a 409 without anything there is a request in flight."""
    idempotency_key = str(uuid.uuid4())
    unsettled = False

    def attempt(_left: float) -> Ensured[M]:
        nonlocal unsettled
        if patience.stopping():
            raise PolytomicTaskStoppedError(
                f"{what} is not there yet, and the task was told to end. A retry looks again."
            )
        try:
            return Ensured(make(idempotency_key), created=True)
        except (PolytomicConflictError, PolytomicRejectedError) as error:
            unsettled = unsettled or error.earlier_outcome_unknown
            # A 409 to a fresh Idempotency-Key cannot be about a request in flight, unless one of ours is.
            taken = isinstance(error, PolytomicConflictError) and not unsettled
            if (found := look(taken=taken)) is None:
                raise
            return Ensured(found, created=False)

    def tell(error: BaseException, seconds: float) -> None:
        log.info("Trying again in %.1f s. %s", seconds, error)

    policy = RetryPolicy(patience.retry_for, on_retry=tell, stopping=patience.stopping, clock=patience.clock)
    try:
        return policy.call(attempt, lambda error: isinstance(error, PolytomicConflictError) and error.retryable)
    except PolytomicConflictError as error:
        if error.retryable:
            error.add_note(f"{what} was looked for each time and is not there, at least not under this very name.")
        raise


def _check_if_exists(value: object) -> None:
    if value not in get_args(IfExists):
        raise PolytomicConfigurationError(
            f"if_exists must be 'ignore' or 'fail', not {value!r:.80}.", reason="not_a_choice", fields=("if_exists",)
        )
