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
from benchmarks.page import newest, page_of, write_page
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
    found = json.loads(file.read_text())
    assert (tmp_path / "benchmarks.md").read_text() == page_of(found)
    assert len(found["requests"]["each"]) == 10
    fleet = found["fleet"]
    # A few more of ours: what a task asks once. Were it more for each key, the two would not be comparable.
    assert fleet["plain"]["requests"]["median"] == 10 * fleet["targets"]
    assert 0 <= fleet["ours"]["requests"]["median"] - 10 * fleet["targets"] < fleet["targets"]
    assert {each["targets"] for each in found["memory"]} == {100, 400}


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


@pytest.mark.parametrize(("ratio", "said"), [(1.2, "met"), (1.21, "missed")])
def test_a_goal_that_is_missed_is_said_to_be_missed(ratio: float, said: str, results):
    found = deepcopy(results)
    found["outage"][0]["stored"]["of_p99"] = ratio
    told = [line for line in goals(found) if "99th percentiles" in line]
    assert told[0].endswith(f"| {ratio:.2f} | {said} |")


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
