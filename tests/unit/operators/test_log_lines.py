"""Log lines of every operator: short enough for Airflow's viewer, with the destination first and each UUID once."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.operators.api_keys import (
    PolytomicCreateApiKeyOperator,
    PolytomicDeleteStoredApiKeyOperator,
)
from airflow_provider_polytomic.operators.batch import PolytomicBatchRotateApiKeysOperator
from airflow_provider_polytomic.operators.organizations import PolytomicCreateOrganizationOperator
from tests.unit.operators.cases import ALL, KEYS, made

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic.operators._base import PolytomicOperator
    from tests.fixtures import Scene

    Context = Callable[..., Any]
    Kind = type[PolytomicOperator]

MAX_LENGTH = 120
NOW = datetime.now(UTC)
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DESTINATION = "airflow://connection/acme_corporation_eu"
NOBODY = "00000000-0000-4000-8000-000000000000"
WITH_DESTINATION: tuple[Kind, ...] = (*KEYS, PolytomicDeleteStoredApiKeyOperator)


def given(scene: Scene, kind: Kind) -> dict[str, Any]:
    """Return names and a destination as long as real ones."""
    if kind is PolytomicBatchRotateApiKeysOperator:
        return {"targets": [{**scene.ids, "destination": DESTINATION}]}
    return {"destination": DESTINATION} if kind in WITH_DESTINATION else {}


def first_lines(messages: list[str]) -> list[str]:
    return [message.partition("\n")[0] for message in messages]


def assert_short(messages: list[str]) -> None:
    assert messages
    assert [line for line in first_lines(messages) if len(line) > MAX_LENGTH] == []
    for message in messages:
        uuids = UUID.findall(message)
        assert len(uuids) == len(set(uuids)), message


@pytest.mark.parametrize("kind", ALL)
def test_first_lines_are_short_and_name_each_uuid_once(
    scene: Scene, context: Context, messages: Callable[[], list[str]], kind: Kind
) -> None:
    made(kind, scene.ids, **given(scene, kind)).execute(context(NOW))
    assert_short(messages())


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("more", [{}, {"check_only": True}])
def test_a_kept_key_and_a_check_have_short_lines_too(
    scene: Scene, context: Context, messages: Callable[[], list[str]], kind: Kind, more: dict[str, Any]
) -> None:
    for _ in range(2):
        made(kind, scene.ids, **given(scene, kind), **more).execute(context(NOW))
    assert_short(messages())


@pytest.mark.parametrize(
    ("kind", "subject"),
    [(PolytomicCreateApiKeyOperator, DESTINATION), (PolytomicBatchRotateApiKeysOperator, "All targets of this task")],
)
def test_a_task_without_retries_has_a_short_warning(
    scene: Scene, context: Context, messages: Callable[[], list[str]], kind: Kind, subject: str
) -> None:
    more = {"force": True} if "force" in kind.template_fields else {}
    made(kind, scene.ids, **given(scene, kind), **more, retries=0).execute(context(NOW))
    assert_short(messages())
    assert f"{subject}: retries=0, so a failure can leave consumers without a working key" in first_lines(messages())


def test_a_check_describes_the_caller_as_the_test_of_a_connection_does(
    scene: Scene, context: Context, messages: Callable[[], list[str]]
) -> None:
    kind = PolytomicCreateApiKeyOperator
    made(kind, scene.ids, **given(scene, kind), check_only=True).execute(context(NOW))
    (message,) = messages()
    assert message.endswith(f" Caller: Partner key of {scene.emulator.owner.name}; can issue keys.")


def test_a_creation_that_waits_for_a_request_in_flight_has_short_lines(
    scene: Scene, context: Context, messages: Callable[[], list[str]]
) -> None:
    scene.emulator.inject("status:409 endpoint=create_organization")
    made(PolytomicCreateOrganizationOperator, scene.ids).execute(context(NOW))
    assert_short(messages())


@pytest.mark.parametrize("kind", [kind for kind in WITH_DESTINATION if kind is not PolytomicBatchRotateApiKeysOperator])
def test_the_destination_comes_first(
    scene: Scene, context: Context, messages: Callable[[], list[str]], kind: Kind
) -> None:
    assert len(DESTINATION) == 40
    made(kind, scene.ids, **given(scene, kind)).execute(context(NOW))
    assert {line.partition(": ")[0] for line in messages()} == {DESTINATION}


def test_a_failed_target_of_a_batch_has_a_short_line_with_its_destination_first(
    scene: Scene, context: Context, messages: Callable[[], list[str]]
) -> None:
    rows = [{**scene.ids, "user_id": NOBODY, "destination": DESTINATION}]
    kind = PolytomicBatchRotateApiKeysOperator
    made(kind, scene.ids, targets=rows, allow_failures=True).execute(context(NOW))
    assert [line for line in first_lines(messages()) if len(line) > MAX_LENGTH] == []
    assert "1 of 1 targets failed; the task succeeds because of allow_failures" in first_lines(messages())
    (failure,) = (message for message in messages() if message.startswith(DESTINATION))
    # The lines after it quote the error, which can name an id twice.
    first_line, _, error = failure.partition("\n")
    assert first_line == f"{DESTINATION}: IssuanceRefusedError (item 1)"
    assert NOBODY in error


def test_a_missing_object_has_a_short_line(scene: Scene, context: Context, messages: Callable[[], list[str]]) -> None:
    for kind in ALL:
        if "ignore_if_missing" in kind.template_fields:
            ids = {"org_id": scene.ids["org_id"] if "user_id" in kind.template_fields else NOBODY, "user_id": NOBODY}
            missing = {"expected_name": "Globex"} if "expected_name" in kind.template_fields else {}
            if not missing:
                missing = {"expected_email": "nobody@acme.example"}
            made(kind, ids, ignore_if_missing=True, **missing).execute(context(NOW))
    assert_short(messages())
    assert len(messages()) == 2
