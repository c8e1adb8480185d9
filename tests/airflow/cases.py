"""The issuances that are run to see what they leave behind: some that go well, and one for each kind of failure.

Where no key exists yet and nothing secret is quoted, there is nothing to leave behind: the unit tests have those.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_polytomic.testing import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CASES", "INCOMPLETE", "METASTORE", "PARTNER_KEY", "REFUSED", "SOMEBODY_ELSE", "Case", "failed", "went_well"]

# In the body of a fault, where the stage puts what it knows by then.
PARTNER_KEY = "<partner key>"
SOMEBODY_ELSE = "<somebody else>"
ALWAYS = None


@dataclass(frozen=True)
class Case:
    """One task that issues a key for a user of its own into a destination of its own.

    :param name: of the task and, unless ``given`` says otherwise, of its connection.
    :param state: how the task ends.
    :param error: the class of the error that its callback is told, by name; None if it succeeds.
    :param minted: how many keys Polytomic has made for the user; 0 also means that no request for one was sent, unless
        ``posts``.
    :param stored: whether the destination holds the user's only live key in the end.
    :param posts: whether requests for a key were sent.
    :param faults: what goes wrong in Polytomic, for this user only.
    :param given: further arguments of the operator, in JSON types.
    :param trap: another secrets backend for this task: ``none``, or a moment that
        :class:`~tests.dag_runs.interfering_backend.InterferingBackend` knows.
    :param store: this task's Airflow keeps its secrets there: one of :data:`~tests.dag_runs.servers.SITES`.
    :param stocked: the destination holds a key already, which the user has had by hand.
    :param meanwhile: what somebody does to the store when the request for a key has arrived: ``denied`` or ``foreign``.
    :param outside: the destination is one of the store's that are outside Airflow.
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


def went_well(name: str, **more: Any) -> Case:
    """Return a case whose task succeeds."""
    return Case(name, "success", None, 1, stored=True, **more)


REFUSED, INCOMPLETE = "IssuanceRefusedError", "IssuanceIncompleteError"
_ECHO = f'{{"key": "Forbidden", "message": "{PARTNER_KEY} may not", "status": 403, "metadata": {{}}}}'
_NOT_HIM = f'{{"data": {{"id": "{SOMEBODY_ELSE}", "organization_id": "{SOMEBODY_ELSE}", "is_user": true}}}}'

CASES = (
    # What goes well.
    went_well("issued"),
    went_well("issued_as_variable", given={"destination": "airflow://variable/leaks_api_key"}),
    went_well("lost_response", faults=(_post("drop", when="after", times=1),)),
    went_well(
        "timed_out_before_promote",
        trap="times out on the new file",
        given={"execution_timeout": 600, "retries": 1},
    ),
    # 1, look.
    failed("foreign", REFUSED, given={"destination": "airflow://connection/warehouse"}),
    # 3, mint.
    failed("forbidden", REFUSED, posts=True, faults=(_post("status", status=403, body=_ECHO),)),
    failed("truncated", INCOMPLETE, 1, faults=(_post("truncated"),), given={"retry_for": 30.0}),
    failed("not_json", INCOMPLETE, 1, faults=(_post("not_json", when="after"),)),
    # 5, verify.
    failed("verify_401", INCOMPLETE, 1, faults=(_verify("status", status=401),), given={"tell_all": True}),
    failed("verify_not_json", INCOMPLETE, 1, stored=True, faults=(_verify("not_json", when="after"),)),
    failed("somebody_else", REFUSED, 1, faults=(_verify("status", status=200, body=_NOT_HIM),)),
    # 6, promote.
    failed("promote_conflict", REFUSED, 1, trap="foreign entry meanwhile", given={"tell_all": True}),
    failed("promote_illegal", INCOMPLETE, 1, trap="illegal entry meanwhile"),
    failed("promote_fails", INCOMPLETE, 1, trap="fails on the new file", given={"tell_all": True}),
    # 7 and 8, prove and close.
    failed("read_back_fails", INCOMPLETE, 1, stored=True, trap="fails after promote", given={"tell_all": True}),
    failed("close_fails", INCOMPLETE, 1, stored=True, trap="record unwritable after promote"),
)

_AS_VARIABLE = {"destination": "airflow://variable/metastore_api_key"}
# What Airflow logs decides whether a key may go to its metastore.
METASTORE = {
    "INFO": went_well("metastore", given=_AS_VARIABLE, trap="none"),
    "DEBUG": failed("metastore", "SecretStoreConfigurationError", given=_AS_VARIABLE, trap="none"),
}
