"""The demo shows what its emulated Polytomic has, but no key."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.testing import PolytomicEmulator
from demo.polytomic import EmulatorError, rows_of, start_emulator, state_of, users_of
from tools.airflow_sandbox.process_group import ProcessGroup, ProcessGroupError


@pytest.fixture
def emulator():
    with PolytomicEmulator() as emulator:
        yield emulator


def test_each_user_is_a_row_with_its_roles_and_what_its_keys_begin_with_as_fingerprints(emulator):
    acme, globex = (emulator.add_organization(name) for name in ("Acme", "Globex"))
    user = emulator.add_user(globex.id, "scorpio@globex.example", [emulator.role_id("Sync Editor")])
    emulator.add_user(globex.id, "hank@globex.example")
    keys = [emulator.give_key(user.id) for _ in range(2)]

    state = state_of(emulator.base_url)

    begin = ", ".join(f"{ApiKey(key).fingerprint[:8]}..." for key in keys)
    assert rows_of(state) == [
        (emulator.owner.name, "-", "-", "-"),
        (acme.name, "-", "-", "-"),
        (globex.name, "scorpio@globex.example", "Sync Editor", begin),
        (globex.name, "hank@globex.example", "-", "-"),
    ]
    assert [each["email"] for each in users_of(state, "Globex")] == ["scorpio@globex.example", "hank@globex.example"]
    assert users_of(state, "Acme") == users_of(state, "Nobody") == []


def test_one_that_does_not_answer_is_an_error_that_says_so(emulator):
    emulator.stop()
    with pytest.raises(EmulatorError):
        state_of(emulator.base_url)


def test_it_is_started_with_what_its_command_line_is_given(tmp_path):
    with ProcessGroup() as group:
        facts = start_emulator(group, tmp_path / "home", ["--organization", "Initech"])
        assert [row[0] for row in rows_of(state_of(facts["base_url"]))][1:] == ["Initech"]
    with pytest.raises(EmulatorError):
        state_of(facts["base_url"])


def test_what_is_wrong_with_its_command_line_is_said(tmp_path):
    with ProcessGroup() as group, pytest.raises(ProcessGroupError) as error:
        start_emulator(group, tmp_path / "home", ["--no-such-option"])
    assert "no-such-option" in str(error.value)
