"""What readers notice of a rotation, a real process that calls all the while: with a standby user, nothing.

With a single user they are cut off for a moment, which the benchmarks measure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from airflow_provider_polytomic._airflow.masking import mask_secret
from airflow_provider_polytomic._issuance import issue
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.secret_stores.factory import open_store
from tests import fixtures
from tests.counters import count
from tests.runs import renew
from tests.stress.fault_environment import forget_masked

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic._issuance.reference import KeyReference
    from tests.fixtures import Scene

scene = fixtures.scene  # a fixture

_ROOT = Path(__file__).parents[2]
# Read after a rotation and used before the next: with days between rotations, a consumer's calls are so too.
_CALLS_BETWEEN = 2


class Seen(NamedTuple):
    """What came of one call of a reader's, and as whom it was."""

    status: str
    user: str | None


class Reader:
    """A process that reads and calls until this context ends."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self.calls: list[Seen] = []
        self._more = threading.Condition()

    def __enter__(self) -> Self:
        with self._log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.stress.reader", "acme_polytomic"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=_ROOT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), *filter(None, sys.path)])},
                text=True,
            )
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._thread.join(timeout=60)
            if self._process.stdout:
                self._process.stdout.close()

    def wait_for(self, more: int) -> None:
        """Wait until so many more calls have ended."""
        with self._more:
            wanted = len(self.calls) + more
            assert self._more.wait_for(lambda: len(self.calls) >= wanted, timeout=120), self._log.read_text()[-2000:]

    def failed(self, whose: str, rotations: int) -> list[str]:
        """Count, and return the statuses of the calls that failed."""
        failed = [call.status for call in self.calls if call.status != "200"]
        count("rotations, read by a process all the while", f"of {whose}", rotations)
        count(f"calls of a reader of the key of {whose}", "answered", len(self.calls) - len(failed))
        count(f"calls of a reader of the key of {whose}", "failed", len(failed))
        return failed

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith("call "):  # Airflow's own words go there, too
                with self._more:
                    self.calls.append(Seen(*json.loads(line.removeprefix("call "))))
                    self._more.notify_all()


def rotate(scene: Scene, rounds: int, reader: Reader, standby: Target | None = None) -> list[KeyReference]:
    """Rotate so often, with some of the reader's calls between one rotation and the next."""
    first = Target(scene.user.organization_id, scene.user.id)
    done = []
    hook = PolytomicHook()
    for _ in range(rounds):
        reader.wait_for(_CALLS_BETWEEN)
        forget_masked()  # as each rotation would have a task, and so a process, of its own
        done.append(_rotated(hook, first, standby))
    reader.wait_for(_CALLS_BETWEEN)
    hook.close()
    return done


def _rotated(hook: PolytomicHook, first: Target, standby: Target | None = None) -> KeyReference:
    store = open_store(fixtures.CONNECTION, issuer=hook.base_url)
    return issue(hook, store, first, renew(datetime.now(UTC)), hide=mask_secret, standby=standby)


def test_no_call_fails_while_the_keys_of_two_users_take_turns(
    scene: Scene, tmp_path: Path, rounds: Callable[[int, int], int]
):
    other = scene.emulator.add_user(scene.user.organization_id, "grace@acme.example")
    standby = Target(other.organization_id, other.id)
    hook = PolytomicHook()
    _rotated(hook, Target(scene.user.organization_id, scene.user.id), standby)
    hook.close()
    with Reader(tmp_path / "reader.log") as reader:
        done = rotate(scene, rounds(10, 200), reader, standby)
    assert reader.failed("a standby user", len(done)) == []
    assert all(reference.issued for reference in done)
    assert {reference.outage_seconds for reference in done} == {0.0}
    # It saw each of them, or it was no witness.
    assert {call.user for call in reader.calls} == {scene.user.id, other.id}
    turns = [call.user for call in reader.calls]
    assert sum(one != two for one, two in pairwise(turns)) == len(done)


def test_a_single_users_readers_are_cut_off_for_a_moment_and_then_go_on(
    scene: Scene, tmp_path: Path, rounds: Callable[[int, int], int]
):
    hook = PolytomicHook()
    _rotated(hook, Target(scene.user.organization_id, scene.user.id))
    hook.close()
    with Reader(tmp_path / "reader.log") as reader:
        done = rotate(scene, rounds(10, 200), reader)
    assert set(reader.failed("a single user", len(done))) <= {"401"}, "cut off by nothing but the revocation"
    assert reader.calls[-1].status == "200"
    assert all(reference.issued for reference in done)
