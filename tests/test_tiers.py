"""No suite has lost its tests, and the tests that the tiers name exist."""

from __future__ import annotations

from collections import Counter

import pytest

from tests import tiers

# A suite without tests must not pass.
LEAST = {
    "airflow": 40, "airflow_failover": 30, "benchmarks": 3, "contract": 300, "crash": 60, "dag_runs": 60, "demo": 3,
    "docs": 200, "fakes": 80, "model_check": 400, "packaging": 40, "sandbox": 20, "stress": 60, "unit": 2000,
}  # fmt: skip


@pytest.fixture
def collected(pytestconfig: pytest.Config) -> list[str]:
    if not pytestconfig.option.whole:
        pytest.skip("only for a run of all tests (--whole)")
    return pytestconfig.stash[tiers.COLLECTED]


def test_each_folder_has_its_tests(collected: list[str]) -> None:
    counts = Counter(test.partition("/")[0] for test in collected)
    assert {name: counts[name] for name, least in LEAST.items() if counts[name] < least} == {}


def test_each_pattern_of_the_fast_tier_matches_a_test(collected: list[str]) -> None:
    assert [pattern.pattern for pattern in tiers.FAST if not any(map(pattern.match, collected))] == []
