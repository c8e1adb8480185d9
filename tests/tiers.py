"""Tiers of the tests: those that ``make test`` leaves to ``make test-all``, and those that need only one Airflow.

``make test`` keeps every module of the package, the whole contract in one variant of each engine of stores, a DAG run
of each example, a sample of the model checks, kills around each call in a few stores, and every block of the docs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable


__all__ = ["COLLECTED", "FAST", "is_airflow_independent", "is_slow", "rank", "unit_of_work"]

# The ids below tests/ of all tests, including the ones that this run leaves out.
COLLECTED = pytest.StashKey[list[str]]()

# Tests that use only base classes of Airflow, so that a second version would show nothing new.
_AIRFLOW_INDEPENDENT = (
    "benchmarks", "contract/test_least_policies", "crash/test_creating_races", "crash/test_denied_rights",
    "crash/test_kills", "crash/test_operator_kills", "crash/test_races", "crash/test_removal_kills",
    "sandbox", "docs/test_commands", "docs/test_pages", "docs/test_proofs",
    "docs/test_site", "docs/test_emulator_tables", "model_check", "packaging", "stress",
    "fakes", "unit/issuance", "unit/provisioning", "unit/removal", "unit/sdk", "unit/testing",
)  # fmt: skip
# Destinations that only this package reads, not Airflow's backend.
_OUTSIDE = re.compile(r"contract/.*\[.*-(writer|outside|field)\b")

# Left to `make test-all`, except the tests that FAST matches.
_SLOW = (
    "airflow", "airflow_failover", "benchmarks", "contract", "crash", "dag_runs", "model_check", "stress", "fakes",
)  # fmt: skip
_ENGINES = "json-connection|vault_fake-kv1-connection|vault_fake-kv2-field|secretsmanager-connection|ssm-outside"
FAST = tuple(
    re.compile(pattern)
    for pattern in (
        # One variant of each engine, and the policies of one; the tests of readers for all.
        rf"contract/test_stores\.py::TestStores::\w+\[({_ENGINES})\b",
        r"contract/test_stores\.py::TestStores::test_(readers_get|a_key_that|a_value_that|a_write_keeps)\w+\[(?!vault_real)",
        r"contract/test_least_policies\.py::\w+\[kv2-shared_vault_fake",
        r"contract/test_in_a_task",  # the metastore
        r"crash/test_kills.py::test_killed_before\w+\[(json-connection-forced|vault-kv2-connection-forced)",
        r"crash/test_operator_kills.*\[user created",
        # A DAG run of each example, and of a connection in each engine.
        r"dag_runs/test_(asset_events|dag_runs|examples_parsed|failure_callbacks)\.py",
        r"dag_runs/test_dag_runs_on_stores\.py::test_the_next_task_gets_the_key_of_a_connection",
        r"dag_runs/test_offboarding\.py::test_a_customer_is_offboarded",
        r"dag_runs/test_onboarding\.py::test_a_customer_is_onboarded",
        r"dag_runs/test_onboarding_from_csv\.py::test_an_empty_roles_cell",
        r"dag_runs/test_onboarding_many\.py::test_every_customer_is_onboarded",
        r"dag_runs/test_rotate_batch_example\.py::test_each_key_is_rotated",
        r"dag_runs/test_rotation\.py::test_(the_key_of_each_week|two_users_take_turns)",
        r"dag_runs/test_self_check\.py::test_it_deletes",
        r"model_check/test_interleavings.*\[forced-(?!forced-human|forced-forced|next-run-forget)[^]]*-cas-second-holds1\]",
        r"model_check/test_(interleavings|standby)\.py::test_(one_fault|the_search|the_one_known)",
        r"model_check/test_standby\.py::test_(one|two)_that_rotates?_\w+\[stored-first-[^]]*-cas\]",
        r"stress/test_recorded_errors",
    )
)

# The slowest folders start first, so that they do not finish last.
_ORDER = ("airflow", "airflow_failover", "crash", "stress", "contract", "model_check", "dag_runs")
# Each test of these is a unit of work: they are slow, and each process creates what they share only once.
_APART = ("contract", "crash", "model_check", "stress")
# Each of these folders is one unit of work, because its tests share a running Airflow.
_TOGETHER = ("airflow_failover", "airflow")


def _below(test: str, places: Iterable[str]) -> bool:
    return any(test.startswith((place + "/", place + ".py")) for place in places)


def is_airflow_independent(test: str) -> bool:
    """Whether a test runs on one version of Airflow only.

    :param test: the id of the test, below ``tests/``.
    """
    return _below(test, _AIRFLOW_INDEPENDENT) or bool(_OUTSIDE.match(test))


def is_slow(test: str) -> bool:
    """Whether ``make test`` leaves a test out."""
    return _below(test, _SLOW) and not any(pattern.match(test) for pattern in FAST)


def rank(test: str) -> int:
    """Return the position of a test in the order of starts."""
    return next((number for number, place in enumerate(_ORDER) if _below(test, [place])), len(_ORDER))


def unit_of_work(test: str) -> str:
    """Return the name of the unit of work: the tests that one process runs together, usually a file."""
    if together := [place for place in _TOGETHER if _below(test, [place])]:
        return together[0]
    return test if _below(test, _APART) else test.partition("::")[0]
