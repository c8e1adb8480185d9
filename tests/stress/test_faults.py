"""Random scripts of faults, run as Airflow would, each with all invariants.

To run the script of a failed test again, put its output into ``ONCE_FOUND``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import HealthCheck, given, note, seed, settings

from tests.counters import count
from tests.stress.fault_environment import playground, staged
from tests.stress.fault_runner import Play

from .fault_scripts import Crash, Mode, Script, Try, hurried, scripts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    PlayScript = Callable[..., None]
    Rounds = Callable[[int, int], int]

MODES = get_args(Mode)
_SEED_OVER_HTTP = 1_000

_NOBODYS_401 = "status:401 body='<html>Sign in</html>' endpoint=get_identity"

# The cause of the known limit, and the shortest script that leads to it.
ONCE_FOUND = {
    "a proxy's 401 about the stored key: it lives on, and another takes its place": Script(
        mode="create", start="fresh", tries=(Try(polytomic=(_NOBODYS_401,)),)
    ),
    "a proxy's 401 about the key just stored, twice: it is revoked while readers have it": Script(
        mode="standby", start="old", tries=(Try(polytomic=(f"{_NOBODYS_401} times=2 skip=2",)),)
    ),
}
# Assumes that revocations are instant (docs/when-a-worker-dies.md, Limits).
A_LIMIT = {
    "stored, not closed, forgotten, and revoked keys answer for a moment: one of those is kept": Script(
        mode="rotate",
        start="old",
        tries=(Try(crash=Crash(call=11, after=False), wait=90_000),),
        revocation_delay=3.0,
    ),
}


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[PlayScript]:
    """Run a script in its own environment."""
    with playground(monkeypatch) as (folder, port):

        def run(script: Script, *, over_http: bool = False) -> None:
            with staged(script, folder, port, over_http=over_http) as stage:
                played = Play(script, stage)
                played.run()
                stage.output.extend("".join(capfd.readouterr()).splitlines())
                assert not stage.leaks(), stage.leaks()
            count("random fault scripts", f"{script.mode} {'over HTTP' if over_http else 'in one process'}")
            for what, number in played.counts.items():
                count(f"in fault scripts: {what}", script.mode, number)

        yield run


def explore(mode: Mode, number: int, of_seed: int, check: Callable[[Script], None]) -> None:
    """Check a number of scripts, which a seed selects."""
    limits = settings(max_examples=number, database=None, deadline=None, suppress_health_check=list(HealthCheck))

    def once(script: Script) -> None:
        note(f"seed {of_seed}: {script!r}")
        check(script)

    seed(of_seed)(limits(given(script=scripts(mode))(once)))()


@pytest.mark.parametrize("mode", MODES)
def test_no_script_of_faults_ends_badly(mode: Mode, play: PlayScript, rounds: Rounds):
    for block in range(rounds(1, 10)):
        explore(mode, rounds(95, 320), block, play)


@pytest.mark.parametrize("mode", MODES)
def test_no_script_of_faults_ends_badly_over_http(mode: Mode, play: PlayScript, rounds: Rounds):
    explore(mode, rounds(5, 170), _SEED_OVER_HTTP, lambda script: play(hurried(script), over_http=True))


@pytest.mark.parametrize("name", ONCE_FOUND)
def test_what_was_found_once_ends_well(name: str, play: PlayScript):
    play(ONCE_FOUND[name])


@pytest.mark.xfail(strict=True, reason="a known limit")
@pytest.mark.parametrize("name", A_LIMIT)
def test_what_is_a_limit_is_one_still(name: str, play: PlayScript):
    play(A_LIMIT[name])
