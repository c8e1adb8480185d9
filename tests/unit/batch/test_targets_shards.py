"""Do the shards of a fleet make up the whole, and does memory stay flat however many targets there are?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_polytomic._batch.targets import parse_shard, read_targets, shard_of
from airflow_provider_polytomic._issuance.targets import Target
from tests.unit.batch.target_rows import ISSUING, json_lines, numbers, read, row, user, written

ROOT = str(Path(__file__).parents[3])
SHARDS_OF_SEVEN = [3, 4, 1, 6, 5, 2, 2, 2, 3, 3, 1, 6, 4, 3, 3, 0]
SOME_TARGETS = [Target(str(UUID(int=5)), str(UUID(int=each))) for each in range(16)]


@settings(deadline=None)
@given(users=st.lists(st.integers(0, 10**9), min_size=1, max_size=60, unique=True), shards=st.integers(1, 20))
def test_the_shards_are_disjoint_and_make_up_the_whole_in_its_order(users: list[int], shards: int) -> None:
    rows = [row(each) for each in users]
    found = [numbers(read(rows, shard=shard, shards=shards)) for shard in range(shards)]
    assert sorted(each for shard in found for each in shard) == sorted(users)
    for shard in found:
        assert shard == [each for each in users if each in set(shard)]


def test_a_shard_knows_how_many_there_are_in_all(tmp_path: Path) -> None:
    address = written(tmp_path, "targets.jsonl", json_lines(row(number) for number in range(1000)))
    sizes = []
    for shard in range(8):
        fleet = read_targets(address, shard=shard, shards=8, conn_id=ISSUING)
        assert (fleet.total, fleet.shard, fleet.shards) == (1000, shard, 8)
        assert str(fleet.file) == address
        assert len(list(fleet)) == len(fleet)
        sizes.append(len(fleet))
    assert sum(sizes) == 1000
    # Far less even than this is a chance of one in many billions.
    assert min(sizes) > 60


def test_the_shard_of_a_target_is_the_same_in_every_process_and_version() -> None:
    assert [shard_of(target, 7) for target in SOME_TARGETS] == SHARDS_OF_SEVEN
    program = (
        "from uuid import UUID; from airflow_provider_polytomic._issuance.targets import Target;"
        "from airflow_provider_polytomic._batch.targets import shard_of;"
        "print([shard_of(Target(str(UUID(int=5)), str(UUID(int=each))), 7) for each in range(16)])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "12", "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(SHARDS_OF_SEVEN)


@pytest.mark.parametrize(
    ("shard", "shards", "parsed"),
    [(0, 1, (0, 1)), ("3", "8", (3, 8)), (7, "8", (7, 8)), (" 0\n", "1", (0, 1)), ("007", 8, (7, 8))],
)
def test_a_shard_is_a_number_or_its_digits(shard: object, shards: object, parsed: tuple[int, int]) -> None:
    assert parse_shard(shard, shards) == parsed


# Not ru_maxrss: Linux has it begin with the memory of the process that started this one.
PEAK = """
import sys
from pathlib import Path
from airflow_provider_polytomic._batch.report import Outcome, Report
from airflow_provider_polytomic._batch.targets import read_targets

for address in sys.argv[2:]:
    fleet = read_targets(address, conn_id="polytomic_default")
    with Report(sys.argv[1], server="x", targets=len(fleet)) as report:
        for each in fleet:
            report.add(Outcome(each, "failed", error="SecretStoreDeniedError", message="x" * 300))
    status = Path("/proc/self/status").read_text()
    print(report.summary()["failed"], next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process its peak of memory")
def test_a_hundred_thousand_targets_take_at_most_a_hundred_megabytes_more_than_a_thousand(tmp_path: Path) -> None:
    addresses = []
    for count in (1_000, 100_000):
        rows = (row(number, standby_user_id=user(10**6 + number)) for number in range(count))
        addresses.append(written(tmp_path, f"{count}.jsonl", json_lines(rows)))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PEAK, str(tmp_path / "report.jsonl"), *addresses],
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=True,
    )
    measured = [[int(number) for number in line.split()] for line in done.stdout.splitlines()[-2:]]
    print(f"targets, peak in KiB: {measured}")
    (few, low), (many, high) = measured
    assert (few, many) == (1_000, 100_000)
    assert 0 < high - low < 100_000_000 / 1024
