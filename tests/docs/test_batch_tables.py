"""The pages on batches and permissions repeat the code: fields, formats, limits and rights."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

import pytest

from airflow_provider_polytomic._airflow import masking
from airflow_provider_polytomic._batch import report, targets
from airflow_provider_polytomic._batch import rows as target_rows
from airflow_provider_polytomic._batch.progress import as_line
from airflow_provider_polytomic._batch.report import Outcome, Report
from airflow_provider_polytomic._batch.rows import Source
from airflow_provider_polytomic._batch.targets import BatchTarget, read_targets
from airflow_provider_polytomic._issuance.targets import Target
from airflow_provider_polytomic._support.threads import MAX_THREADS
from airflow_provider_polytomic.exceptions import IssuanceRefusedError, PolytomicConfigurationError
from airflow_provider_polytomic.secret_stores.destination import Destination
from tests.docs.pages import ORG_ID, USER_ID, blocks, codes, facts, page_text, rows
from tests.docs.policies import Policy, policy
from tests.docs.store_pages import ParameterStorePage, SecretsManagerPage, VaultPage
from tests.fixtures import CONNECTION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.docs.issuers import PageIssuer

BATCH, PERMISSIONS = "docs/rotate-many-keys.md", "docs/permissions.md"


def names(heading: str, number: int = 0) -> list[str]:
    """Return all names in the first column of a table of the page on batches."""
    return [name for row in rows(BATCH, heading, number) for name in codes(row[0])]


def test_the_fields_and_forms_of_targets_are_those_that_are_read():
    assert names("The targets") == list(target_rows._FIELDS)
    suffixes = names("The targets", 1)
    assert {suffix.removeprefix(".") for suffix in suffixes} == set(target_rows._PARSERS)
    for suffix in suffixes:
        target_rows.open_source(f"/data/targets{suffix}")
    with pytest.raises(PolytomicConfigurationError) as caught:
        target_rows.open_source("/data/targets.json")
    assert caught.value.reason == "unknown_suffix"


def test_the_summary_has_the_fields_that_the_page_says():
    summary = Report(None, server="https://app.polytomic.com", targets=3).summary()
    assert set(names("The summary")) == {*summary, "report_error", "report_path", "stopped"}
    (failures,) = (row[1] for row in rows(BATCH, "The summary") if codes(row[0]) == ["failures"])
    outcome = Outcome.from_error(_target(), PolytomicConfigurationError("no"), 0.1)
    assert codes(failures) == list(report._failure(outcome))


def test_a_line_of_the_report_has_the_fields_that_the_page_says():
    line = Outcome(_target(), "kept").to_json("https://app.polytomic.com")
    assert set(names("The report")) == {*line, "error", "message", "reference", "standby_user_id"}
    (statuses,) = (row[1] for row in rows(BATCH, "The report") if codes(row[0]) == ["status"])
    assert sorted(codes(statuses)) == sorted(get_args(report.Status))


def test_the_log_shows_the_line_of_the_page():
    (block,) = (block for block in blocks("text") if block.page == BATCH)
    line = as_line({"rotated": 1150, "kept": 40, "failed": 10}, 10_000, 1200 / 38.2)
    assert line == block.content.strip()


@pytest.mark.parametrize(("language", "suffix"), [("json", "jsonl"), ("csv", "csv")])
def test_a_file_is_read_as_the_page_shows_it(tmp_path: Path, language: str, suffix: str):
    (block,) = blocks(language, "targets")
    file = tmp_path / f"targets.{suffix}"
    file.write_text(block.content)
    (found,) = read_targets(str(file), conn_id="polytomic_default")
    assert (found.target, found.standby) == (Target(ORG_ID, USER_ID), None)
    assert str(found.destination) == CONNECTION


def test_the_limits_are_those_of_the_code():
    assert {limit: int(value) for limit, value in facts(BATCH, "Limits").items()} == {
        "Threads of one task": MAX_THREADS,
        "Keys of one task that are registered for log masking": masking._MAX,
        "Failures in the summary": report._MAX_FAILURES,
        "Problems of an invalid list of targets that the error names": targets._MAX_SHOWN,
    }


@pytest.mark.parametrize("page", [BATCH, "SECURITY.md", "docs/limits.md"])
def test_every_page_on_masking_names_the_same_number_of_keys(page: str):
    assert f"the first {masking._MAX} keys of a task" in page_text(page)


def _rights(*policies: Policy) -> list[str]:
    found = dict.fromkeys(right for each in policies for rule in each.rules for right in rule.rights)
    return [right for right in found if right != "sts:AssumeRole"]


VAULT, SECRETS, PARAMETERS = VaultPage.page, SecretsManagerPage.page, ParameterStorePage.page
# In the order of the rows: rights to write, to remove, to read.
POLICIES = {
    "Vault, KV version 2": (VAULT, ["worker"], ["worker remove"]),
    "Vault, KV version 1": (VAULT, ["worker", "worker kv1"], ["worker remove kv1"]),
    "AWS Secrets Manager": (SECRETS, ["worker"], ["worker remove"]),
    "AWS Parameter Store": (PARAMETERS, ["worker"], ["worker remove"]),
}


def test_the_rights_on_stores_are_those_of_the_policies_on_their_pages():
    documented = {re.sub(r"\[(.*?)\]\(.*?\)", r"\1", row[0]): row[1:] for row in rows(PERMISSIONS, "On the store")}
    for name, (page, worker, remover) in POLICIES.items():
        given = [[policy(page, note) for note in notes] for notes in (worker, remover, ["consumer"])]
        # A code that is not a right is the path of the right.
        rights = [[code for code in codes(cell) if "/" not in code] for cell in documented.pop(name)]
        assert [list(dict.fromkeys(each)) for each in rights] == [_rights(*each) for each in given], name
    assert list(documented) == ["`LocalFilesystemBackend`", "the metadata database"]
    local = facts("docs/destinations.md", "LocalFilesystemBackend")["Rights"]
    assert documented["`LocalFilesystemBackend`"][0] == local


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("vault kv2", "vault://vault_writer@secret/apps/acme?field="),
        ("secretsmanager", "aws-secretsmanager://aws_writer@/apps/acme?field="),
    ],
)
def test_another_field_of_a_secret_takes_no_key_of_another_user(
    issuer: Callable[[str], PageIssuer], name: str, place: str
):
    on = issuer(name)
    on.issue(f"{place}one")
    other = on.scene.emulator.add_user(on.scene.user.organization_id, "bob@acme.example")
    with pytest.raises(IssuanceRefusedError):
        on.issue(f"{place}two", user_id=other.id)
    assert len(on.scene.posts) == 1


def _target() -> BatchTarget:
    return BatchTarget(Target(ORG_ID, USER_ID), None, Destination.parse(CONNECTION), 1, Source("item", None, iter(())))
