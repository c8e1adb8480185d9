"""No key in use is revoked where two users alternate: every interleaving, at every moment of it.

Once readers get a live key, they always get one, whatever is due. The exceptions, where nothing can guarantee that:

* an idempotency key that Polytomic has forgotten (after 24 hours at least) while an issuer that knows it slept over a
  whole rotation: its POST makes a new key, and revokes the one that has been promoted since. One alone may forget;
* a success without a value for one issuer while another one has received the value (if Polytomic does not replay
  values);
* a POST that is applied later than a refusal of the same request has stood for 15 minutes;
* issuers for a single user at the same destination: their own POST revokes the key in use, as it is meant to; and those
  that ensure, where no live key was stored: with these only the ends are checked.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.counters import count
from tests.model_check.initial_states import between, record_of
from tests.model_check.simulation import Key, Setup
from tests.model_check.standby_invariants import Pair

from .explorer import Explorer, Result
from .replay import USERS, Role, key_of

P = Role(users=(0, 1))
B = P._replace(dag_id="another")  # another DAG's run of the same time
Q = P._replace(run=1.5)  # the next run, 12 hours later
R = P._replace(run=2)  # and the one after that
L = P._replace(run=3)  # two days after the first: what that run left open is no longer replayed
K = L._replace(max_age=7)  # it keeps a key of less than a week
W = P._replace(users=(1, 0))  # it begins with the other one
S = Role()  # forced, for the first user alone
T = Role(users=(1,))  # forced, for the second one alone
E = Role(force=False)  # ensures a key of the first one
NAMES = {
    P: "first",
    B: "same-time",
    Q: "next",
    R: "third",
    L: "late",
    K: "aged",
    W: "swapped",
    S: "single",
    T: "single-standby",
    E: "ensured",
}


def opened(user: int, *, before: int = 1) -> Any:
    """Return the record that an issuer of the first run has left open."""
    fields = {
        "target": USERS[user],
        "previous_fingerprint": key_of(before).fingerprint,
        "idempotency_keys_used": 0,
        "opened_at": P.started,
    }
    return record_of("open", **fields)


STORED = between()
PROMOTED = STORED._replace(stored=2, keys=(STORED.keys[0], Key(1, 1)), record=opened(1))
STARTS = {
    "stored": STORED,
    "no-idle-key": between(idle=False),
    "standbys": between(2, record=record_of(target=USERS[1], fingerprint=key_of(2).fingerprint)),
    "removed": between(0),
    "absent": between(0, idle=False, record=None),
    "revoked": between(revoked=True),
    "promoted": PROMOTED,
    "opened": STORED._replace(record=opened(1)),
    "opened-for-single": STORED._replace(record=opened(0)),
    "opened-for-single-and-revoked": between(revoked=True, record=opened(0)),
}

Scenario = tuple[tuple[Role, ...], dict[str, int]]
ALONE: list[Scenario] = [
    ((P,), {"crash": 2, "lost": 1, "error": 1, "retry": 2}),
    ((P,), {"crash": 1, "forget": 1}),
    ((P,), {"crash": 1, "gateway": 1, "retry": 2}),
    ((P,), {"me_5xx": 2, "record": 1, "retry": 3}),
    ((P,), {"store": 2, "crash": 1, "retry": 1}),
    ((P,), {"proxy": 1, "crash": 1, "retry": 2}),
    ((P,), {"refusal": 1, "gateway": 1, "crash": 1, "retry": 2}),
    ((P,), {"no_value": 1, "crash": 1, "retry": 1}),
]
TWO: list[Scenario] = [
    ((P, P), {"crash": 2, "lost": 1, "retry": 1}),
    ((P, P), {"gateway": 1, "crash": 1, "retry": 2}),
    ((P, P), {"me_5xx": 2, "retry": 1}),
    ((P, P), {"record": 1, "crash": 1, "retry": 1}),
    ((P, P), {"store": 1, "crash": 1, "retry": 1}),
    ((P, P), {"error": 1, "crash": 1}),
    ((P, P), {"refusal": 1, "crash": 1, "retry": 1}),
    ((P, P), {"proxy": 1, "retry": 1}),
    ((P, Q), {"crash": 2, "lost": 1, "retry": 1}),
    ((P, Q), {"death": 1, "crash": 1, "retry": 1}),
    ((P, Q), {"error": 1, "crash": 1}),
    ((P, Q), {"me_5xx": 2, "retry": 1}),
    ((P, Q), {"refusal": 1, "crash": 1, "retry": 1}),
    ((P, Q), {"proxy": 1, "retry": 1}),
    ((P, Q), {"gateway": 1, "retry": 1}),
    ((P, Q), {"record": 1, "retry": 1}),
    ((P, Q), {"store": 1, "retry": 1}),
    ((P, B), {"crash": 1, "lost": 1, "retry": 1}),
]
SWAPPED: list[Scenario] = [((P, W), {"crash": 1, "lost": 1, "retry": 1}), ((P, W), {"gateway": 1, "retry": 1})]
THREE: list[Scenario] = [((P, P, P), {"crash": 1}), ((P, P, Q), {}), ((P, Q, R), {})]
LATER: list[Scenario] = [
    ((P,), {"crash": 1, "retry": 1}),
    ((L,), {"crash": 2, "record": 1, "me_5xx": 1, "retry": 2}),
    ((K,), {"crash": 1, "record": 1, "retry": 1}),
    ((L, L), {"crash": 1, "retry": 1}),
    ((K, K), {"crash": 1, "retry": 1}),
    ((L, L), {"gateway": 1, "retry": 1}),
    ((L, L, L), {}),
]
BESIDE: list[Scenario] = [
    ((S, P), {"crash": 1, "retry": 1}),
    ((S, P), {"lost": 1, "death": 1, "retry": 1}),
    ((S, P), {"error": 1, "crash": 1}),
    ((S, P), {"record": 1, "retry": 1}),
    ((S, Q), {"death": 1, "crash": 1, "retry": 1}),
    ((T, Q), {"death": 1, "retry": 1}),
]
ENSURED: list[Scenario] = [
    ((E, P), {"crash": 1}),
    ((E, P), {"death": 1, "retry": 1}),
    ((E, Q), {"me_5xx": 1, "retry": 1}),
]
# By a recorded error, a refusal or a forgotten outcome one more key is made in the same run.
BURNING = {"error", "refusal", "forget", "no_value"}


def cases(scenarios: list[Scenario], *starts: str, is_recognised: bool = True) -> Any:
    """Return every scenario from every start, with and without compare-and-set.

    :param is_recognised: the stored value identifies itself as a key of the issuing server, as a connection does.
    """
    found = []
    for start in starts:
        for roles, faults in scenarios:
            for compare_and_set in (True, False):
                parts = [start, *(NAMES[role] for role in roles), *(f"{name}{n}" for name, n in faults.items())]
                name = "-".join([*parts, "cas" if compare_and_set else "plain"])
                found.append(
                    pytest.param(start, roles, faults, Setup(compare_and_set, is_recognised=is_recognised), id=name)
                )
    return pytest.mark.parametrize(("start", "roles", "faults", "setup"), found)


def explored(
    start: str, roles: tuple[Role, ...], faults: dict[str, int], setup: Setup, *, strict: bool
) -> tuple[Explorer, Result]:
    explorer = Explorer(roles, setup, start=STARTS[start], faults=faults, end=Pair(setup, strict=strict))
    result = explorer.explore()
    count("states explored, with a standby user", "", result.systems)
    assert not result.cut_off
    assert result.ends > 0
    assert result.silent is None, explorer.story(result.silent)
    assert result.amiss is None, f"{result.amiss[0]}:\n{explorer.story(result.amiss[1])}"
    return explorer, result


def check_steady(explorer: Explorer, result: Result) -> None:
    assert result.revoked is None, f"a key in use was revoked:\n{explorer.story(result.revoked)}"
    assert result.loud == 0 or not explorer.before.works


def check_minted(roles: tuple[Role, ...], faults: dict[str, int], result: Result, *, due: bool = True) -> None:
    if len(set(roles)) > 1 or faults.keys() & BURNING:
        return
    assert result.most_minted <= due, "one run mints one key, however often its issuers die or race"
    assert result.failed or result.least_minted == due


@cases(ALONE, "stored", "no-idle-key", "standbys", "removed", "absent", "revoked")
def test_one_that_rotates_revokes_no_key_in_use(start, roles, faults, setup):
    explorer, result = explored(start, roles, faults, setup, strict=True)
    check_steady(explorer, result)
    check_minted(roles, faults, result)


@cases(TWO, "stored", "removed", "absent", "revoked")
def test_two_that_rotate_revoke_no_key_in_use(start, roles, faults, setup):
    explorer, result = explored(start, roles, faults, setup, strict=True)
    check_steady(explorer, result)
    check_minted(roles, faults, result)


@cases(TWO, "stored", is_recognised=False)
def test_nor_do_two_whose_destination_does_not_say_what_it_holds(start, roles, faults, setup):
    explorer, result = explored(start, roles, faults, setup, strict=True)
    check_steady(explorer, result)
    check_minted(roles, faults, result)


@cases(SWAPPED, "stored", "removed", "absent", "revoked")
def test_two_that_begin_with_different_users_revoke_no_key_in_use(start, roles, faults, setup):
    # Where nothing is stored each begins with another one, and without compare-and-set the last one to write is stored.
    explorer, result = explored(start, roles, faults, setup, strict=setup.compare_and_set or start != "absent")
    check_steady(explorer, result)


@cases(THREE, "stored", "removed")
def test_three_that_rotate_revoke_no_key_in_use(start, roles, faults, setup):
    explorer, result = explored(start, roles, faults, setup, strict=roles == (P, P, P))
    check_steady(explorer, result)
    check_minted(roles, faults, result)


@cases(LATER, "promoted", "opened", "opened-for-single", "opened-for-single-and-revoked")
def test_what_an_earlier_run_left_open_is_finished_or_due(start, roles, faults, setup):
    explorer, result = explored(start, roles, faults, setup, strict=True)
    check_steady(explorer, result)
    check_minted(roles, faults, result, due=start != "promoted" or L in roles)


@cases(BESIDE, "stored", "revoked")
def test_issuers_for_a_single_user_and_for_two_leave_a_live_key(start, roles, faults, setup):
    explored(start, roles, faults, setup, strict=False)


@cases(ENSURED, "absent", "revoked")
def test_an_issuer_that_ensures_and_one_that_rotates_leave_a_live_key(start, roles, faults, setup):
    explored(start, roles, faults, setup, strict=False)


@pytest.mark.parametrize("compare_and_set", [True, False])
@pytest.mark.parametrize("start", ["stored", "absent", "revoked", "opened"])
@pytest.mark.parametrize("deaths", [1, 2, 3])
def test_one_that_dies_at_any_step_mints_exactly_once(start: str, compare_and_set: bool, deaths: int) -> None:
    explorer, result = explored(start, (P,), {"crash": deaths}, Setup(compare_and_set, is_recognised=True), strict=True)
    check_steady(explorer, result)
    assert (result.failed, result.refused, result.minted) == (0, 0, {1})


@pytest.mark.parametrize("fault", ["crash", "lost", "error", "me_5xx", "record", "store", "no_value"])
def test_one_fault_is_put_right_by_two_retries(fault: str) -> None:
    _, result = explored("stored", (P,), {fault: 1, "retry": 2}, Setup(is_recognised=True), strict=True)
    assert (result.failed, result.refused) == (0, 0)


@pytest.mark.parametrize(
    ("roles", "faults"),
    [((P, P), {"forget": 1}), ((P, P), {"no_value": 1}), ((S, P), {})],
    ids=["forgotten", "without a value", "single"],
)
def test_the_known_limits_are_where_they_are_said_to_be(roles: tuple[Role, ...], faults: dict[str, int]) -> None:
    result = Explorer(roles, Setup(is_recognised=True), start=STORED, faults=faults).explore()
    assert result.revoked is not None, "the limit is gone: take it out of the docs"


def worse(polytomic: Any, store: Any, target: Any, mode: Any, *, standby: Any, **_: object) -> None:
    """Issue the other user's key without any record, as a simple script would."""
    stored = store.read()
    owner = polytomic.get_identity(stored.value)
    user = standby if owner.id == target.user_id else target
    name = f"{user.user_id}-{mode.run.time:%d-%H}"
    store.write(polytomic.create_api_key(user.org_id, user.user_id, force=True, idempotency_key=name), stored)


def test_the_search_finds_out_a_worse_issuer() -> None:
    assert Explorer((P, Q, R), Setup(compare_and_set=False), start=STORED, issuer=worse).explore().revoked is not None
