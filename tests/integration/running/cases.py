"""Which issuances are run to see what they leave behind? One that goes well, and one that fails for each step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_polytomic.testing import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CASES", "METASTORE", "PARTNER_KEY", "SOMEBODY_ELSE", "Case", "failed", "went_well"]

# In the body of a fault, where the stage puts what it knows by then.
PARTNER_KEY = "<partner key>"
SOMEBODY_ELSE = "<somebody else>"
ALWAYS = None


@dataclass(frozen=True)
class Case:
    """One task that issues a key for a user of its own into a destination of its own.

    :param name: of the task and, unless ``given`` says otherwise, of its connection.
    :param state: how the task ends.
    :param told: what its log says, to show that it ended for this reason; the supervised one, as ``dags test`` has one
        console for all.
    :param minted: how many keys Polytomic has made for the user; 0 also means that no request for one was sent, unless
        ``posts``.
    :param stored: whether the destination holds the user's only live key in the end.
    :param posts: whether requests for a key were sent.
    :param faults: what goes wrong in Polytomic, for this user only.
    :param given: further arguments of the operator, in JSON types.
    :param trap: another secrets backend for this task: ``none``, or a moment that
        :class:`~tests.integration.running.meddling_backend.MeddlingBackend` knows.
    :param entries: connections that the backend of the trap holds beforehand.
    :param denied: the task runs as a user who may not read the backend's files.
    :param ends_the_process: what happens to the task would end 2.11's ``dags test`` altogether.
    :param store: this task's Airflow keeps its secrets there: one of :data:`~tests.integration.sites.SITES`.
    :param stocked: the destination holds a key already, which the user has had by hand.
    :param meanwhile: what somebody does to the store when the request for a key has arrived: ``denied`` or ``foreign``.
    :param outside: the destination is one of the store's that are outside Airflow.
    """

    name: str
    state: str
    told: str
    minted: int
    stored: bool = False
    posts: bool = False
    faults: tuple[Fault, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    trap: str | None = None
    entries: Mapping[str, Any] = field(default_factory=dict)
    denied: bool = False
    ends_the_process: bool = False
    store: str | None = None
    stocked: bool = False
    meanwhile: Literal["denied", "foreign"] | None = None
    outside: bool = False


def _post(kind: Any, **more: Any) -> Fault:
    return Fault(kind, endpoint="create_api_key", **{"times": ALWAYS, **more})


def _verify(kind: Any, **more: Any) -> Fault:
    return Fault(kind, endpoint="get_identity", **{"times": ALWAYS, **more})


def failed(name: str, told: str, minted: int = 0, **more: Any) -> Case:
    """Return a case whose task fails."""
    return Case(name, "failed", told, minted, **more)


def went_well(name: str, told: str = "Issued a new API key", minted: int = 1, **more: Any) -> Case:
    """Return a case whose task succeeds."""
    return Case(name, "success", told, minted, **{"stored": minted > 0, **more})


_ECHO = f'{{"key": "Forbidden", "message": "{PARTNER_KEY} may not", "status": 403, "metadata": {{}}}}'
_NOT_HIM = f'{{"data": {{"id": "{SOMEBODY_ELSE}", "organization_id": "{SOMEBODY_ELSE}", "is_user": true}}}}'

CASES = (
    # What goes well.
    went_well("issued"),
    went_well("issued_with_force", given={"force": True}),
    went_well("issued_as_variable", given={"destination": "airflow://variable/leaks_api_key"}),
    went_well("lost_response", faults=(_post("drop", when="after", times=1),)),
    went_well(
        "timed_out_before_promote",
        faults=(_verify("delay", seconds=60, times=1),),
        given={"execution_timeout": 15, "retries": 2, "retry_for": 120.0},
        ends_the_process=True,
    ),
    went_well("checked_only", "Checked only, nothing was issued", 0, given={"check_only": True}),
    # 1 and 2, look and intend.
    failed("store_denied", "Let this user write", trap="closed", denied=True),
    failed("store_misconfigured", "whose form it does not allow", trap="open", entries={"other": {"bogus": "x"}}),
    failed(
        "own_key",
        "the connection whose key issues keys",
        given={"destination": "airflow://connection/polytomic_default"},
    ),
    failed("foreign", "something other than a Polytomic key", given={"destination": "airflow://connection/warehouse"}),
    # 3, mint.
    failed("unknown_user", "not found", posts=True, given={"user_id": "00000000-0000-4000-8000-000000000000"}),
    failed("forbidden", "a partner key", posts=True, faults=(_post("status", status=403, body=_ECHO),)),
    failed("recorded_500", "repeats the same error", posts=True, faults=(_post("recorded_500", times=1),)),
    failed("lost_request", "is not there yet", posts=True, faults=(_post("drop"),)),
    failed("lost_responses", "is not there yet", 1, faults=(_post("drop", when="after"),)),
    failed("truncated", "is not there yet", 1, faults=(_post("truncated"),)),
    failed("not_json", "is not shown", 1, faults=(_post("not_json", when="after"),)),
    failed("huge", "is not shown", 1, faults=(_post("huge", megabytes=8),)),
    # 5, verify.
    failed("verify_401", "does not answer", 1, faults=(_verify("status", status=401),), given={"tell_all": True}),
    failed("verify_503", "did not say whether", 1, stored=True, faults=(_verify("status", status=503),)),
    failed("verify_not_json", "did not say whether", 1, stored=True, faults=(_verify("not_json", when="after"),)),
    failed("somebody_else", "answers as user", 1, faults=(_verify("status", status=200, body=_NOT_HIM),)),
    # 6, promote.
    failed("promote_conflict", "say take_over=True", 1, trap="foreign entry meanwhile", given={"tell_all": True}),
    failed("promote_illegal", "whose form it does not allow", 1, trap="illegal entry meanwhile"),
    failed("promote_fails", "cannot read", 1, trap="fails on the new file", given={"tell_all": True}),
    # 7 and 8, prove and close.
    failed("read_back_fails", "cannot read", 1, stored=True, trap="fails after promote", given={"tell_all": True}),
    failed("close_fails", "is not there yet", 1, stored=True, trap="record unwritable after promote"),
)

_AS_VARIABLE = {"destination": "airflow://variable/metastore_api_key"}
# What Airflow logs decides whether a key may go to its metastore.
METASTORE = {
    "INFO": went_well("metastore", given=_AS_VARIABLE, trap="none"),
    "DEBUG": failed("metastore", "while Airflow logs at DEBUG", given=_AS_VARIABLE, trap="none"),
}
