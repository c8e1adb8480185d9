"""Run a script as Airflow would, and check the invariants after every call."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._issuance import Ensure, issue
from airflow_provider_polytomic._issuance.reference import KeyReference
from airflow_provider_polytomic.exceptions import PolytomicError
from tests.runs import renew
from tests.stress.fault_environment import RUN

from .faulty import Calls, Faulty, KilledError

if TYPE_CHECKING:
    from airflow_provider_polytomic.credentials import ApiKey
    from tests.stress.fault_environment import Environment

    from .fault_scripts import Script, Try

__all__ = ["Play"]

_MAX_AGE = timedelta(days=6)
_AGES = {"fresh": timedelta(days=1), "old": timedelta(days=8), "revoked": timedelta(days=1)}
# Later than the maximum age of every key of the script.
_LATER = timedelta(days=14)
# A late effect comes within 10 minutes, and a rejection is final after 15.
_REPAIRED_AFTER = 20 * 60
_MAX_CLEAN_TRIES = 3
_SAYS_WHAT_TO_DO = re.compile(
    r"[Tt]ry again|[Rr]etry|(next|first) try|take_over=True|need a partner key"
    r"|\b(Use|Put|Check|Correct|Remove|Repair|Let|Ask|Give|Read|Look at) "
)


class Play:
    """Run of one script in its environment.

    ``counts`` has its tries, kills, and errors by class.
    """

    def __init__(self, script: Script, stage: Environment) -> None:
        self.script, self.stage = script, stage
        self.counts: Counter[str] = Counter()
        self._was_live = False
        self._hidden: list[ApiKey] = []

    def run(self) -> None:
        """Run the script, repair what is wrong, and check the result."""
        self._begin()
        reference: KeyReference | None = None
        for each in self.script.tries:
            outcome = self._try(each)
            if isinstance(outcome, KeyReference):
                reference = outcome
                break
            if isinstance(outcome, PolytomicError) and not outcome.retryable:
                break
            self._wait(each.wait)
        reference = reference or self._put_right()
        if reference is not None:
            self._check_afterwards(reference)

    def _begin(self) -> None:
        """Create the state at the start of the script."""
        script, stage = self.script, self.stage
        if script.start == "not stored":
            stage.emulator.give_key(stage.first.user_id)
        elif script.start != "nothing":
            now, stage.time.now = stage.time.now, RUN - _AGES[script.start]
            reference = self._issue({"mode": renew(stage.time.now)})
            stage.time.now = now
            self._was_live = True
            if script.start == "revoked":
                stage.emulator.revoke(stage.emulator.live_key(stage.first.user_id))
                stage.time.pass_(script.revocation_delay)
                self._was_live = False
            assert reference.issued

    def _try(self, given: Try) -> KeyReference | BaseException:
        """Run one try of the task."""
        for fault in given.polytomic:
            self.stage.emulator.inject(fault)
        self.counts["tries"] += 1
        outcome: KeyReference | BaseException
        try:
            outcome = self._issue({}, given)
        except (KilledError, PolytomicError) as error:
            self.counts["kills" if isinstance(error, KilledError) else type(error).__name__] += 1
            outcome = error
        self.stage.emulator.clear_faults()
        if isinstance(outcome, KeyReference):
            self._check_success(outcome)
        elif isinstance(outcome, PolytomicError):
            self.stage.note(outcome)
            assert _SAYS_WHAT_TO_DO.search(str(outcome)), f"it does not say what to do: {outcome}"
        return outcome

    def _issue(self, changed: dict[str, Any], given: Try | None = None) -> KeyReference:
        stage = self.stage
        calls = Calls(
            given.store if given else (),
            given.crash if given else None,
            hand=stage.hand,
            stale=lambda: stage.before,
            watch=self._watch,
        )
        usual = {"mode": Ensure() if self.script.mode == "create" else renew(RUN, _MAX_AGE)}
        standby = {"standby": stage.other} if self.script.mode == "standby" else {}
        stored = stage.stored()
        try:
            return issue(
                Faulty(stage.hook, calls),
                Faulty(stage.store(), calls),
                stage.first,
                hide=self._hidden.append,
                clock=stage.time.clock,
                **{**usual, **standby, **changed},
            )
        finally:
            if stored is None or not stored.matches(stage.stored()):
                stage.before = stored

    def _watch(self, after: str) -> None:
        """Check that, with a standby user, readers always have a live key once they have had one."""
        if self.script.mode != "standby" or self.script.has_hand:
            return
        stored = self.stage.stored()
        is_live = self.stage.is_live(stored)
        assert is_live or not self._was_live, f"after {after}, what readers get is revoked"
        self._was_live = is_live

    def _wait(self, seconds: float) -> None:
        self.stage.time.pass_(seconds)
        self._watch("a wait")

    def _put_right(self) -> KeyReference | None:
        """Let time pass without further faults: the task succeeds, or names what a person has to decide."""
        last: BaseException | None = None
        for _ in range(_MAX_CLEAN_TRIES):
            self._wait(_REPAIRED_AFTER)
            outcome = self._try(type(self.script.tries[0])())
            if isinstance(outcome, KeyReference):
                return outcome
            last = outcome
        assert self._may_be_refused(str(last)), f"it never succeeds: {last}"
        self.counts["left to a person"] += 1
        return None

    def _may_be_refused(self, message: str) -> bool:
        script = self.script
        if script.has_hand and ("take_over=True" in message or "belongs to" in message):
            return True
        return script.existing_key != "second_key" and ("has a key already" in message or "API key" in message)

    def _check_success(self, reference: KeyReference) -> None:
        stage = self.stage
        stored = stage.stored()
        assert stored is not None, "a success, and nothing is stored"
        assert stage.is_live(stored), "a success, and what is stored is revoked"
        assert stored.fingerprint == reference.fingerprint
        assert stage.is_live(stored, reference.target), "the reference names another user"
        assert not reference.issued or stored.fingerprint in {key.fingerprint for key in self._hidden}
        if self.script.mode != "create":
            record = dict(stage.store().read_record() or {})
            assert (record["state"], record["fingerprint"]) == ("done", reference.fingerprint)
            assert record["user_id"] == reference.target.user_id
        stage.output.append(
            json.dumps(reference.to_json("airflow://connection/acme_polytomic", server="") | reference.details())
        )
        stage.output.append(repr(reference))
        self._check_count()

    def _check_count(self) -> None:
        if self.script.may_leave_orphans or self.script.has_hand:
            return
        for user in self.stage.users:
            live = self.stage.emulator.keys_of(user.user_id)
            kept = 2 if self.script.start == "not stored" else 1
            assert len(live) <= (1 if user.user_id != self.stage.first.user_id else kept), f"{len(live)} live keys"

    def _check_afterwards(self, reference: KeyReference) -> None:
        """Check that late effects change nothing, a cleared task keeps the key, and the next run succeeds."""
        stage, stored = self.stage, self.stage.stored()
        assert stored is not None
        self._wait(_REPAIRED_AFTER)
        stage.emulator.release()
        assert stored.matches(stage.stored())
        assert stage.is_live(stored), "what was stored has died since"
        minted = stage.emulator.minted()
        again = self._try(type(self.script.tries[0])())
        assert isinstance(again, KeyReference), again
        assert (again.fingerprint, again.issued, stage.emulator.minted()) == (reference.fingerprint, False, minted)
        self._wait(_LATER.total_seconds())
        if self.script.mode == "create":
            return
        next_run = self._issue({"mode": renew(RUN + _LATER, _MAX_AGE)})
        self._check_success(next_run)
        assert next_run.issued
        assert stage.emulator.minted() == minted + 1
        assert (next_run.target != reference.target) == (self.script.mode == "standby")
