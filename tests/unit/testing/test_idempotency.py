"""The first outcome of an Idempotency-Key is kept, replayed and forgotten as the guide says."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest
import requests

from tests.unit.testing.conftest import DEPLOYMENT_KEY, bearer

KEY = "issuance-0001"


def test_the_first_outcome_is_replayed_and_another_key_acts_again(place):
    first, second = place.mint(KEY, force=True), place.mint(KEY, force=True)
    assert (first.json(), place.emulator.minted()) == (second.json(), 1)
    assert place.me(first.json()["data"]["value"]) == 200
    assert place.mint("issuance-0002").json() != first.json()
    assert place.emulator.minted() == 2


def test_a_recorded_refusal_is_replayed_after_its_cause_is_gone(make_place):
    place = make_place(existing_key=422)
    given = place.emulator.give_key(place.user.id)
    assert place.mint(KEY).status_code == 422
    place.emulator.revoke(given)
    assert place.mint(KEY).status_code == 422
    assert place.mint("issuance-0002").status_code == 200


def test_a_recorded_500_is_replayed_has_no_effect_and_does_not_use_up_the_next_one(place):
    given = place.emulator.give_key(place.user.id)
    place.emulator.inject("recorded_500 endpoint=create_api_key times=2")
    answers = [place.mint(key, force=True) for key in (KEY, KEY, "issuance-0002")]
    assert [answer.status_code for answer in answers] == [500, 500, 500]
    assert len({answer.text for answer in answers}) == 1
    assert place.emulator.keys_of(place.user.id) == [given]
    assert place.mint("issuance-0003", force=True).status_code == 200


def test_replays_may_leave_out_the_value(make_place):
    place = make_place(replay_values=False)
    assert "value" in place.mint(KEY).json()["data"]
    assert place.mint(KEY).json() == {"data": {}}
    path = place.users_path
    created = [
        place.send("POST", path, {"email": "new@acme.example"}, headers={"Idempotency-Key": "user-0001"})
        for _ in range(2)
    ]
    assert created[0].json() == created[1].json()


def test_an_outcome_is_forgotten_after_its_time(make_place, clock):
    place = make_place(idempotency_ttl=60.0, clock=clock)
    place.mint(KEY)
    clock.now = 59.0
    place.mint(KEY)
    assert place.emulator.minted() == 1
    clock.now = 60.0
    place.mint(KEY)
    assert place.emulator.minted() == 2


def test_outcomes_are_forgotten_on_request(place):
    place.mint(KEY)
    place.emulator.inject("forget")
    place.mint(KEY)
    place.mint(KEY)
    assert place.emulator.minted() == 2


@pytest.mark.parametrize(
    ("key", "status"),
    [
        ("short-7", 422),
        ("x" * 256, 422),
        ("blanks in it", 422),
        ("ünïcode-key", 422),
        ("x" * 8, 200),
        ("x" * 255, 200),
        ("A-b_0-9_", 200),
    ],
)
def test_only_a_legal_key_is_taken(place, key, status):
    assert place.mint(key.encode()).status_code == status
    assert place.emulator.minted() == (status == 200)


def test_a_second_request_while_the_first_is_in_flight_gets_409(place):
    place.emulator.inject("delay:60000 endpoint=create_api_key")

    def wait_in_vain():
        with suppress(requests.ConnectionError):
            place.mint(KEY)

    first = threading.Thread(target=wait_in_vain)
    first.start()
    while not place.emulator.received("create_api_key"):
        time.sleep(0.01)
    assert place.mint(KEY).status_code == 409
    place.emulator.stop()
    first.join()
    assert place.emulator.minted() == 0


def test_concurrent_requests_with_one_key_mint_once(place):
    threads = [threading.Thread(target=place.mint, args=(KEY,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert place.emulator.minted() == 1
    assert len(place.emulator.received("create_api_key")) == 8


def test_outcomes_belong_to_a_credential_that_still_works_and_to_posts(place):
    place.mint(KEY)
    place.mint(KEY, auth=bearer(DEPLOYMENT_KEY))
    assert place.emulator.minted() == 2
    path, headers = f"{place.users_path}/{place.user.id}", {"Idempotency-Key": KEY}
    answers = [place.send(method, path, headers=headers).status_code for method in ("GET", "DELETE", "DELETE")]
    assert answers == [200, 200, 404]
    place.emulator.revoke(place.emulator.partner_key)
    assert place.mint(KEY).status_code == 401


def test_an_error_before_authentication_is_not_recorded(place):
    other = place.emulator.give_key(place.user.id)
    assert place.mint(KEY, auth=bearer("unknown")).status_code == 401
    assert place.mint(KEY, auth=bearer(other)).status_code == 403
    assert place.mint(KEY).status_code == 200
