"""The control paths, for a script that speaks only HTTP."""

from __future__ import annotations

import pytest
import requests

from airflow_provider_polytomic.credentials import ApiKey


def test_the_state_shows_what_there_is(place):
    key = place.mint().json()["data"]["value"]
    place.emulator.inject("drop endpoint=create_user times=2")
    state = requests.get(place.emulator.base_url + "/_emulator/state", timeout=60).json()
    assert [(o["name"], o["owner"]) for o in state["organizations"]] == [("Emulated Partner", True), ("Acme", False)]
    assert state["users"] == [
        {
            "id": place.user.id,
            "email": "ada@acme.example",
            "organization_id": place.organization.id,
            "roles": [],
            "minted": 1,
            "live_keys": [key],
            "fingerprints": [ApiKey(key).fingerprint],
        }
    ]
    assert (state["minted"], state["received"], state["late_effects"]) == (1, {"create_api_key": 1}, 0)
    assert state["faults"] == ["drop endpoint=create_user times=2"]
    assert state["invitations"] == 0


def test_faults_are_injected_and_cleared(place):
    url = place.emulator.base_url + "/_emulator/faults"
    assert requests.post(url, json={"fault": "status:503"}, timeout=60).json() == {"faults": ["status:503"]}
    assert requests.post(url, json={"fault": "drop"}, timeout=60).json() == {"faults": ["status:503", "drop"]}
    assert place.mint().status_code == 503
    assert requests.delete(url, timeout=60).json() == {"faults": []}
    assert place.mint().status_code == 200


@pytest.mark.parametrize("body", [b'{"fault": "explode"}', b'{"fault": 7}', b'["drop"]', b"{}", b"no json"])
def test_a_fault_that_cannot_be_read_is_refused(place, body):
    answer = requests.post(place.emulator.base_url + "/_emulator/faults", data=body, timeout=60)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert place.mint().status_code == 200


def test_late_effects_are_released(place):
    place.emulator.inject("late")
    place.mint("issuance-0001")
    state = place.emulator.base_url + "/_emulator/state"
    assert requests.get(state, timeout=60).json()["late_effects"] == 1
    assert requests.post(place.emulator.base_url + "/_emulator/release", timeout=60).json() == {"late_effects": 0}
    assert requests.get(state, timeout=60).json()["late_effects"] == 0
    assert place.emulator.minted() == 1


def test_control_requests_are_neither_recorded_nor_disturbed(place):
    place.emulator.inject("drop times=always")
    assert requests.get(place.emulator.base_url + "/_emulator/state", timeout=60).status_code == 200
    assert place.emulator.requests == []
