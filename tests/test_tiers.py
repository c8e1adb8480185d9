"""No suite has lost its tests, and what the tiers name is there."""

from __future__ import annotations

from collections import Counter

import pytest

from tests import tiers

# A suite that has lost its tests must not pass for want of one that fails.
LEAST = {
    "benchmarks": 3, "contract": 300, "crash": 60, "demo": 20, "docs": 200, "integration": 200, "interleavings": 200,
    "packaging": 5, "proof": 60, "servers": 100, "unit": 2000,
}  # fmt: skip


@pytest.fixture
def collected(pytestconfig: pytest.Config) -> list[str]:
    if not pytestconfig.option.whole:
        pytest.skip("for a run of all tests: --whole")
    return pytestconfig.stash[tiers.COLLECTED]


def test_each_folder_has_its_tests(collected: list[str]) -> None:
    found = Counter(test.partition("/")[0] for test in collected)
    assert {name: found[name] for name, least in LEAST.items() if found[name] < least} == {}


def test_what_is_taken_out_of_a_slow_folder_is_there(collected: list[str]) -> None:
    assert [pattern.pattern for pattern in tiers.FAST if not any(map(pattern.match, collected))] == []
