"""Report and summary of a rotation: the result of every target, and never a key."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_polytomic._batch.report import Outcome, Report
from airflow_provider_polytomic._issuance.reference import KeyReference
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import IssuanceIncompleteError
from tests.unit.batch.target_rows import ORG, read, row, user

KEY = "pk_live_0123456789abcdefghijklmnop"
SERVER = "https://app.polytomic.com"


def outcome(number: int = 1, status="rotated", **fields) -> Outcome:
    return Outcome(read([row(number)])[0], status, **fields)


def lines(path: Path | str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_outcome_is_a_line_as_soon_as_it_is_added(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    reference = KeyReference(
        read([row(1)])[0].target, issued=True, issuance_id="i", fingerprint="f" * 32,
        issued_at=datetime(2026, 1, 1, tzinfo=UTC), version="v2", outage_seconds=0.25,
    )  # fmt: skip
    with Report(str(path), server=SERVER, targets=3) as report:
        assert lines(path) == []
        report.add(outcome(1, reference=reference, seconds=1.23456))
        assert len(lines(path)) == 1
        report.add(outcome(2, "failed", error="SecretStoreDeniedError", message="first\nsecond"))
        assert len(lines(path)) == 2
        report.add(Outcome(read([row(3, standby_user_id=user(33))])[0], "due", message="too old"))
    assert lines(path) == [
        {
            "status": "rotated", "org_id": ORG, "user_id": user(1),
            "destination": "airflow://connection/acme_1", "where": "item 1", "seconds": 1.2346,
            "reference": {
                "destination": "airflow://connection/acme_1", "org_id": ORG, "user_id": user(1),
                "fingerprint": "f" * 32, "issued_at": "2026-01-01T00:00:00+00:00", "issued": True, "server": SERVER,
                "issuance_id": "i", "version": "v2", "outage_seconds": 0.25,
            },
        },
        {
            "status": "failed", "org_id": ORG, "user_id": user(2),
            "destination": "airflow://connection/acme_2", "where": "item 1", "error": "SecretStoreDeniedError",
            "message": "first\nsecond", "seconds": 0.0,
        },
        {
            "status": "due", "org_id": ORG, "user_id": user(3), "standby_user_id": user(33),
            "destination": "airflow://connection/acme_3", "where": "item 1", "message": "too old",
            "seconds": 0.0,
        },
    ]  # fmt: skip


def test_the_summary_counts_a_target_without_an_outcome_as_not_started() -> None:
    clock = Clock()
    with Report(None, server=SERVER, targets=10, shard=2, shards=8, clock=clock) as report:
        for number, status in enumerate(["rotated", "rotated", "kept", "due", "not_started"]):
            report.add(outcome(number, status))
        report.add(outcome(7, "failed", error="SecretStoreDeniedError", message="no"))
        report.stop("10 failures of one kind")
        report.stop("a second reason")
        assert report.counts == {"rotated": 2, "kept": 1, "due": 1, "not_started": 1, "failed": 1}
        clock.now += 4
    assert report.summary() == {
        "targets": 10, "rotated": 2, "kept": 1, "due": 1, "failed": 1, "not_started": 5, "seconds": 4.0,
        "per_second": 1.25, "stopped": "10 failures of one kind",
        "shard": 2, "shards": 8,
        "failures": [
            {
                "org_id": ORG, "user_id": user(7), "destination": "airflow://connection/acme_7",
                "error": "SecretStoreDeniedError", "message": "no",
            }
        ],
    }  # fmt: skip


def test_the_summary_is_bounded_and_the_file_has_all(tmp_path: Path) -> None:
    path, name = tmp_path / "report.jsonl", "x" * 1000
    target = read([row(1, destination=f"vault://conn@secret/{name}")])[0]
    with Report(str(path), server=SERVER, targets=500) as report:
        for number in range(500):
            report.add(Outcome(target, "failed", error="SecretStoreDeniedError", message=f"{number} " + "y" * 10_000))
        report.stop("z" * 10_000)
    summary = report.summary()
    assert [each["message"].partition(" ")[0] for each in summary["failures"]] == [str(each) for each in range(20)]
    assert {len(each["message"]) for each in summary["failures"]} == {800}
    assert len(json.dumps(summary)) < 20 * 2000
    assert len(lines(path)) == 500
    assert {len(each["message"]) for each in lines(path)} == {2000}
    assert lines(path)[-1]["destination"] == f"vault://conn@secret/{name}?field=api_key"


def test_the_words_of_our_own_errors_are_kept_with_their_notes() -> None:
    error = IssuanceIncompleteError("Not finished.")
    error.add_note("(Trying again helps.)")
    failed = Outcome.from_error(read([row(1)])[0], error, 2.0)
    assert (failed.status, failed.error, failed.seconds) == ("failed", "IssuanceIncompleteError", 2.0)
    assert failed.message == "Not finished. (Trying again helps.)"


@pytest.mark.parametrize("error", [RuntimeError(KEY), KeyError(KEY), OSError(5, KEY), SystemExit(KEY)])
def test_the_words_of_any_other_error_are_not(tmp_path: Path, error: BaseException, caplog) -> None:
    error.add_note(KEY)
    path = tmp_path / "report.jsonl"
    with Report(str(path), server=SERVER, targets=1) as report:
        report.add(Outcome.from_error(read([row(1)])[0], error, 0.0))
    output = path.read_text() + json.dumps(report.summary()) + caplog.text + repr(ApiKey(KEY))
    assert type(error).__name__ in output
    assert KEY not in output


def test_what_is_added_after_the_end_is_counted_and_not_written(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    with Report(str(path), server=SERVER, targets=2) as report:
        report.add(outcome(1))
    report.add(outcome(2))
    report.close()
    assert len(lines(path)) == 1
    assert report.summary()["rotated"] == 2
    assert "report_error" not in report.summary()
