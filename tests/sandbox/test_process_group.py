"""All processes stop with their owner, even orphans, other groups and sessions, and after SIGKILL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tools.airflow_sandbox.process_group import ProcessGroup, ProcessGroupError

pytestmark = pytest.mark.crash

# A child leaves its process group (as Airflow's tasks do) or its session; the grandchild becomes an orphan at once.
# Each writes its line in one call: without buffering, print makes two calls, and the lines of two processes can mix.
FAMILY = """
import os, signal, sys, time
if os.fork() == 0:
    getattr(os, sys.argv[1])()
    if os.fork() == 0:
        os.write(1, b"%d\\n" % os.getpid())
        time.sleep(600)
    os._exit(0)
os.write(1, b"%d\\n" % os.getpid())
time.sleep(600)
"""

OWNER = """
import os, pathlib, sys, time
from tools.airflow_sandbox.process_group import ProcessGroup
with ProcessGroup() as group:
    command = [sys.executable, "-c", sys.argv[1], "setpgrp"]
    group.start("family", command, env=dict(os.environ), console=pathlib.Path(sys.argv[2]))
    print(group.session, flush=True)
    time.sleep(600)
"""


def _pids_in(console, count, seconds=120):
    """Wait for so many pids in the output of the processes, and return them."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pids = [int(line) for line in console.read_text().split()] if console.exists() else []
        if len(pids) == count:
            return pids
        time.sleep(0.05)
    raise AssertionError(f"{console} holds {pids}")


def _gone(pids, seconds=120):
    deadline = time.monotonic() + seconds
    while left := [pid for pid in pids if _runs(pid)]:
        if time.monotonic() > deadline:
            return left
        time.sleep(0.05)
    return []


def _runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # which may exit between two reads
        return False


@pytest.mark.parametrize(
    "leave",
    ["setpgrp", pytest.param("setsid", marks=pytest.mark.skipif(sys.platform != "linux", reason="needs a subreaper"))],
)
def test_orphans_end_with_the_group(tmp_path, leave):
    console = tmp_path / "family.log"
    with ProcessGroup() as group:
        group.start("family", [sys.executable, "-c", FAMILY, leave], env=dict(os.environ), console=console)
        pids = _pids_in(console, 2)
        group.check()
    assert _gone(pids, seconds=0) == []
    assert group.survivors() == []


def test_everything_ends_when_the_owner_is_killed(tmp_path):
    console = tmp_path / "family.log"
    command = [sys.executable, "-c", OWNER, FAMILY, str(console)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        reaper = int(next(owner.stdout or iter(())))
        pids = _pids_in(console, 2)
        owner.send_signal(signal.SIGKILL)
    assert _gone([*pids, reaper]) == []


def test_a_process_that_ends_early_is_told_with_its_last_words(tmp_path):
    with ProcessGroup() as group:
        command = [sys.executable, "-c", "print('no such host')"]
        pid = group.start("brief", command, env=dict(os.environ), console=tmp_path / "brief.log")
        assert _gone([pid]) == []
        with pytest.raises(ProcessGroupError) as error:
            group.check()
    assert "no such host" in str(error.value)


def test_what_has_ended_and_is_only_listed_still_is_no_survivor(tmp_path):
    careless = "import os, time; child = os.fork() or os._exit(0); print(child, flush=True); time.sleep(600)"
    console = tmp_path / "careless.log"
    with ProcessGroup() as group:
        parent = group.start("careless", [sys.executable, "-c", careless], env=dict(os.environ), console=console)
        (child,) = _pids_in(console, 1)
        assert _gone([child]) == []
        assert psutil.pid_exists(child)
        assert group.survivors() == [parent]


def test_a_program_that_does_not_exist_is_an_error(tmp_path):
    with ProcessGroup() as group, pytest.raises(ProcessGroupError):
        group.start("ghost", ["/no/such/program"], env={}, console=tmp_path / "ghost.log")


def test_what_a_process_prints_is_for_its_owner_alone(tmp_path):
    console = tmp_path / "one.log"
    with ProcessGroup() as group:
        group.start(
            "one", [sys.executable, "-c", "import time; time.sleep(600)"], env=dict(os.environ), console=console
        )
        assert console.stat().st_mode & 0o777 == 0o600
