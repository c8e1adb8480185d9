"""Issuances that are searched for leaks: some that succeed, and one for each kind of failure.

A failure before a key exists, and without a quoted secret, can leak nothing: the unit tests have those.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_polytomic.testing import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CASES", "INCOMPLETE", "METASTORE", "OTHER_USER", "PARTNER_KEY", "REFUSED", "Case", "failed", "succeeded"]

# Placeholders in the body of a fault, which the deployment replaces.
PARTNER_KEY = "<partner key>"
OTHER_USER = "<other user>"
ALWAYS = None


@dataclass(frozen=True)
class Case:
    """One task that issues a key for a user of its own into a destination of its own.

    :param name: name of the task and, unless ``given`` has a destination, of its connection.
    :param state: final state of the task.
    :param error: class name of the error that its callback gets; None if it succeeds.
    :param minted: number of keys that Polytomic created for the user; 0 also means that no request for one was sent,
        unless ``posts``.
    :param stored: whether the destination has the user's only live key at the end.
    :param posts: whether requests for a key were sent.
    :param faults: faults of Polytomic, for this user only.
    :param given: more arguments of the operator, in JSON types.
    :param trap: another secrets backend for this task: ``none``, or a moment that
        :class:`~tests.dag_runs.interfering_backend.InterferingBackend` knows.
    :param store: store of this task's secrets backend: one of :data:`~tests.dag_runs.servers.SITES`.
    :param stocked: whether the destination already has a key that was created manually.
    :param meanwhile: what happens to the store when the request for a key arrives: ``denied`` or ``foreign``.
    :param outside: whether the destination is outside Airflow.
    """

    name: str
    state: str
    error: str | None
    minted: int
    stored: bool = False
    posts: bool = False
    faults: tuple[Fault, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    trap: str | None = None
    store: str | None = None
    stocked: bool = False
    meanwhile: Literal["denied", "foreign"] | None = None
    outside: bool = False


def _post(kind: Any, **more: Any) -> Fault:
    return Fault(kind, endpoint="create_api_key", **{"times": ALWAYS, **more})


def _verify(kind: Any, **more: Any) -> Fault:
    return Fault(kind, endpoint="get_identity", **{"times": ALWAYS, **more})


def failed(name: str, error: str, minted: int = 0, **more: Any) -> Case:
    """Return a case whose task fails."""
    return Case(name, "failed", error, minted, **more)


def succeeded(name: str, **more: Any) -> Case:
    """Return a case whose task succeeds."""
    return Case(name, "success", None, 1, stored=True, **more)


REFUSED, INCOMPLETE = "IssuanceRefusedError", "IssuanceIncompleteError"
_ECHO = f'{{"key": "Forbidden", "message": "{PARTNER_KEY} may not", "status": 403, "metadata": {{}}}}'
_OTHER_IDENTITY = f'{{"data": {{"id": "{OTHER_USER}", "organization_id": "{OTHER_USER}", "is_user": true}}}}'

CASES = (
    # Successes.
    succeeded("issued"),
    succeeded("issued_as_variable", given={"destination": "airflow://variable/leaks_api_key"}),
    succeeded("lost_response", faults=(_post("drop", when="after", times=1),)),
    succeeded(
        "timed_out_after_promote",
        trap="times out after promote",
        given={"execution_timeout": 600, "retries": 1},
    ),
    # 1, inspect.
    failed("foreign", REFUSED, given={"destination": "airflow://connection/warehouse"}),
    # 3, mint.
    failed("forbidden", REFUSED, posts=True, faults=(_post("status", status=403, body=_ECHO),)),
    failed("truncated", INCOMPLETE, 1, faults=(_post("truncated"),), given={"retry_for": 30.0}),
    failed("not_json", INCOMPLETE, 1, faults=(_post("not_json", when="after"),)),
    # 5, verify.
    failed("verify_401", INCOMPLETE, 1, faults=(_verify("status", status=401),), given={"tell_all": True}),
    failed("verify_not_json", INCOMPLETE, 1, stored=True, faults=(_verify("not_json", when="after"),)),
    failed("other_user", REFUSED, 1, faults=(_verify("status", status=200, body=_OTHER_IDENTITY),)),
    # 6, promote.
    failed("promote_conflict", REFUSED, 1, trap="foreign entry meanwhile", given={"tell_all": True}),
    # The key is stored, and Airflow cannot read the file until it is repaired.
    failed("promote_beside_illegal", INCOMPLETE, 1, stored=True, trap="illegal entry meanwhile"),
    # 7 and 8, confirm and close.
    failed("read_back_fails", INCOMPLETE, 1, stored=True, trap="fails after promote", given={"tell_all": True}),
    failed("close_fails", INCOMPLETE, 1, stored=True, trap="record unwritable after promote"),
)

_AS_VARIABLE = {"destination": "airflow://variable/metastore_api_key"}
# Airflow's log level decides whether a key may be stored in its metastore.
METASTORE = {
    "INFO": succeeded("metastore", given=_AS_VARIABLE, trap="none"),
    "DEBUG": failed("metastore", "SecretStoreConfigurationError", given=_AS_VARIABLE, trap="none"),
}
