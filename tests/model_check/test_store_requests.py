"""Interleavings of the requests that issuers send to real stores, one request a turn.

In ``test_interleavings.py`` a call to a store is one step. Here each of its requests is a step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic._issuance.reference import KeyReference
from airflow_provider_polytomic.exceptions import IssuanceRefusedError
from tests.counters import count
from tests.fakes.aws_server import AwsServer
from tests.fakes.vault_fake import VaultFake
from tests.model_check.issuer_groups import FOREIGN, Encounter, Issuers, succeeded
from tests.model_check.scheduler import gated_requests
from tests.model_check.served_stores import ServedParameters, ServedSecrets, ServedVault

from .replay import Role
from .schedules import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.model_check.served_stores import Served

    from .schedules import Ended

F = Role()  # forced, run 1
G = Role(run=2)  # forced, run 2
E = Role(force=False)

HUMANS: dict[str, Callable[[Encounter], None]] = {
    "stores something else": lambda met: met.served.put(met.conn_id, FOREIGN),
    "deletes": lambda met: met.served.remove(met.conn_id),
    "restores": lambda met: met.served.put(met.conn_id, met.before),
    "stores a key": lambda met: met.put_another_key(),
}


@pytest.fixture(scope="module")
def vault() -> Iterator[VaultFake]:
    with VaultFake() as server:
        server.mount("kv1", 1)
        yield server


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsServer]:
    server = AwsServer()
    yield server
    server.stop()


SERVED: dict[str, Callable[[pytest.FixtureRequest], Served]] = {
    "vault-kv2": lambda request: ServedVault(request.getfixturevalue("vault"), "secret", 2),
    "vault-kv1": lambda request: ServedVault(request.getfixturevalue("vault"), "kv1", 1),
    "aws-secretsmanager": lambda request: ServedSecrets(request.getfixturevalue("aws")),
    "aws-ssm": lambda request: ServedParameters(request.getfixturevalue("aws")),
}


@pytest.fixture(scope="module", params=SERVED)
def issuers(request: pytest.FixtureRequest) -> Issuers:
    return Issuers(SERVED[request.param](request))


@pytest.fixture(autouse=True)
def gates(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with gated_requests(monkeypatch):
        yield


def each_end(met: Encounter, bounds: Bounds, what: str) -> Iterator[Ended]:
    """Explore all schedules, and count them."""
    for ended in met.explore(bounds):
        count(f"schedules of requests to a store: {what}", met.served.name)
        if not bounds.meddling or met.human_acted(ended):
            yield ended


def check_completed(met: Encounter, ended: Ended) -> None:
    """Retry the issuers that failed, and check that then the stored key is live and its record says so."""
    for who, turn in enumerate(ended.turns):
        if not succeeded(turn.result):
            again = met.retry(who)
            assert succeeded(again), f"{turn.result!r}, then {again!r}\n{ended.story()}"
    stored, record = met.read(), met.record()
    assert met.polytomic.is_live(stored.value), ended.story()
    assert record, ended.story()
    assert stored.value
    assert (record.state, record.fingerprint) == ("done", stored.value.fingerprint), ended.story()


def check_next_run(met: Encounter, ended: Ended) -> None:
    again = met.retry(0)
    assert succeeded(again), f"{ended.turns[0].result!r}, then {again!r}\n{ended.story()}"
    assert met.polytomic.is_live(met.read().value), ended.story()


def check_no_revoked_key_after_success(met: Encounter, ended: Ended) -> None:
    if any(succeeded(turn.result) for turn in ended.turns):
        assert met.polytomic.is_live(met.read().value), ended.story()


def not_seen_by(who: int, met: Encounter, ended: Ended) -> bool:
    """Whether an issuer read the destination for the last time before the human acted: a limit that the docs state."""
    return not any(step.move.who == who and met.served.is_read(step.request) for step in met.after_the_human(ended))


def overwritten_unseen(met: Encounter, ended: Ended) -> bool:
    """Whether the human acted between a read and the write that follows it, where there is no compare-and-set."""
    if met.compare_and_set:
        return False
    following: dict[int, str] = {}
    for step in met.after_the_human(ended):
        following.setdefault(step.move.who, step.request)
    return any(met.served.is_write(request) for request in following.values())


@pytest.mark.parametrize(("role", "holds"), [(E, False), (F, True)], ids=["ensured", "renewed"])
def test_two_issuers_of_one_run_mint_one_key(issuers: Issuers, role: Role, holds: bool) -> None:
    met = Encounter(issuers, (role, role), holds=holds)
    for ended in each_end(met, Bounds(issuers.served.switches), "two of one run"):
        assert all(succeeded(turn.result) for turn in ended.turns), ended.story()
        assert met.polytomic.minted == 1, ended.story()
        check_completed(met, ended)


@pytest.mark.parametrize(("role", "holds"), [(E, False), (F, True)], ids=["ensured", "renewed"])
def test_one_dies_and_the_others_and_its_next_try_complete(issuers: Issuers, role: Role, holds: bool) -> None:
    met = Encounter(issuers, (role, role), holds=holds)
    switches = issuers.served.more_switches if role.force else 0
    for ended in each_end(met, Bounds(switches, deaths=1), "one of two dies"):
        check_no_revoked_key_after_success(met, ended)
        check_completed(met, ended)
        assert met.polytomic.minted == 1, ended.story()


@pytest.mark.parametrize("roles", [(F, G), (F, E), (E, F)], ids=["next-run", "forced-unforced", "unforced-forced"])
def test_unlike_issuers_leave_a_live_key(issuers: Issuers, roles: tuple[Role, ...]) -> None:
    met = Encounter(issuers, roles, holds=True)
    switches = issuers.served.switches if roles == (F, G) else issuers.served.more_switches
    for ended in each_end(met, Bounds(switches), "two of different runs or modes"):
        check_no_revoked_key_after_success(met, ended)
        check_completed(met, ended)


@pytest.mark.parametrize("role", [E, F], ids=["ensured", "renewed"])
def test_three_issuers_of_one_run_mint_one_key(issuers: Issuers, role: Role) -> None:
    met = Encounter(issuers, (role, role, role), holds=role.force)
    for ended in each_end(met, Bounds(issuers.served.more_switches), "three of one run"):
        assert met.polytomic.minted == 1, ended.story()
        check_no_revoked_key_after_success(met, ended)
        check_completed(met, ended)


@pytest.mark.parametrize("roles", [(E,), (F,), (E, E), (F, F)], ids=["ensured", "renewed", "two", "two-renewed"])
def test_what_another_process_stores_is_kept(issuers: Issuers, roles: tuple[Role, ...]) -> None:
    met = Encounter(issuers, roles, holds=roles[0].force, meddle=HUMANS["stores something else"])
    for ended in each_end(met, Bounds(meddling=1), "a human stores something else"):
        for who, turn in enumerate(ended.turns):
            assert not succeeded(turn.result) or not_seen_by(who, met, ended) or overwritten_unseen(met, ended)
        assert met.served.content(met.conn_id) == FOREIGN or overwritten_unseen(met, ended), ended.story()
        if met.served.content(met.conn_id) == FOREIGN:
            assert isinstance(met.retry(0), IssuanceRefusedError), ended.story()
            assert met.served.content(met.conn_id) == FOREIGN, ended.story()


@pytest.mark.parametrize("role", [E, F], ids=["ensured", "renewed"])
def test_a_working_key_that_another_process_stores_is_kept(issuers: Issuers, role: Role) -> None:
    met = Encounter(issuers, (role,), holds=role.force, meddle=HUMANS["stores a key"])
    for ended in each_end(met, Bounds(meddling=1), "a human stores a key"):
        stored = met.read().value
        if succeeded(ended.turns[0].result):
            assert met.polytomic.is_live(stored) or not_seen_by(0, met, ended), ended.story()
        assert met.theirs is not None
        if met.polytomic.is_live(met.theirs):
            assert met.theirs.matches(stored) or overwritten_unseen(met, ended), ended.story()
        check_next_run(met, ended)


@pytest.mark.parametrize(("role", "human"), [(E, "deletes"), (F, "deletes"), (F, "restores")])
def test_what_another_process_removes_is_stored_again(issuers: Issuers, role: Role, human: str) -> None:
    met = Encounter(issuers, (role,), holds=role.force, meddle=HUMANS[human])
    for ended in each_end(met, Bounds(meddling=1), f"a human {human}"):
        if succeeded(ended.turns[0].result):
            assert met.polytomic.is_live(met.read().value) or not_seen_by(0, met, ended), ended.story()
        check_next_run(met, ended)


def worse(polytomic: Any, store: Any, target: Any, mode: Any, **_: object) -> KeyReference:
    """Request, read and write without a record or a confirmation, as a simple script would."""
    key = polytomic.create_api_key(target.org_id, target.user_id, force=True, idempotency_key=f"run-{mode.run.id}")
    store.write(key, store.read())
    return KeyReference(target, True, "", key.fingerprint, None, None, {}, None)


def test_the_search_finds_out_a_worse_issuer(issuers: Issuers) -> None:
    met = Encounter(issuers, (F, G), holds=False, issuer=worse)
    revoked = [ended.story() for ended in met.explore(Bounds(1)) if not met.polytomic.is_live(met.read().value)]
    assert revoked
