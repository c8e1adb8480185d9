"""The benchmarks run, and their page is what the results say; no test asserts a time."""

from __future__ import annotations

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from benchmarks.figures import Figures
from benchmarks.page import newest, render_page, write_page
from benchmarks.tables import goals

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    return newest(RESULTS)


def test_the_quick_form_measures_everything_and_makes_the_page_of_it(tmp_path: Path):
    command = [sys.executable, "-m", "benchmarks", "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    (file,) = tmp_path.glob("*.json")
    measured = json.loads(file.read_text())
    assert (tmp_path / "benchmarks.md").read_text() == render_page(measured)
    assert len(measured["requests"]["each"]) == 10
    batch = measured["batch"]
    # The operator sends a few more requests, once per task. More per key would make the two incomparable.
    assert batch["plain"]["requests"]["median"] == 10 * batch["targets"]
    assert 0 <= batch["ours"]["requests"]["median"] - 10 * batch["targets"] < batch["targets"]
    assert {each["targets"] for each in measured["memory"]} == {100, 400}


@pytest.mark.parametrize("name", ["benchmarks.md", "benchmarks.svg"])
def test_the_page_in_the_documentation_is_made_from_the_newest_results(name: str, results, tmp_path: Path):
    write_page(results, tmp_path)
    assert (ROOT / "docs" / name).read_text() == (tmp_path / name).read_text(), "python -m benchmarks --page makes it"


def test_newer_results_take_the_place_of_older_ones(results, tmp_path: Path):
    older, newer = deepcopy(results), deepcopy(results)
    older["machine"]["measured_at"] = "2031-01-06T10:00:00+00:00"
    newer["machine"]["measured_at"] = "2031-01-07T09:00:00+00:00"
    (tmp_path / "b.json").write_text(json.dumps(older))
    (tmp_path / "a.json").write_text(json.dumps(newer))
    assert newest(tmp_path) == newer


@pytest.mark.parametrize(("ratio", "verdict"), [(1.2, "met"), (1.21, "missed")])
def test_a_goal_that_is_missed_is_said_to_be_missed(ratio: float, verdict: str, results):
    changed = deepcopy(results)
    changed["outage"][0]["stored"]["of_p99"] = ratio
    lines = [line for line in goals(changed) if "99th percentiles" in line]
    assert lines[0].endswith(f"| {ratio:.2f} | {verdict} |")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (range(1, 101), (50.5, 25.75, 75.25, 99)),
        (range(1, 12), (6, 3.5, 8.5, 11)),
        ([7], (7, 7, 7, 7)),
    ],
)
def test_a_series_is_told_by_its_median_its_quartiles_and_its_slow_end(values, expected):
    figures = Figures.of(list(values))
    assert (figures.median, figures.low, figures.high, figures.p99) == expected
