"""Is the first outcome of an Idempotency-Key kept, replayed and forgotten as the guide says?"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.unit.testing.conftest import DEPLOYMENT_KEY, bearer

if TYPE_CHECKING:
    import requests

KEY = "issuance-0001"


def test_the_first_outcome_is_replayed_and_nothing_more_is_minted(place):
    first, second = place.mint(KEY, force=True), place.mint(KEY, force=True)
    assert first.json() == second.json()
    assert place.emulator.minted() == 1
    assert place.me(first.json()["data"]["value"]) == 200


def test_another_key_acts_again(place):
    assert place.mint("issuance-0001").json() != place.mint("issuance-0002").json()
    assert place.emulator.minted() == 2


def test_a_recorded_refusal_is_replayed_after_its_cause_is_gone(make_place):
    place = make_place(existing_key=422)
    given = place.emulator.give_key(place.user.id)
    assert place.mint(KEY).status_code == 422
    place.emulator.revoke(given)
    assert place.mint(KEY).status_code == 422
    assert place.mint("issuance-0002").status_code == 200


def test_a_recorded_500_is_replayed_and_has_no_effect(place):
    given = place.emulator.give_key(place.user.id)
    place.emulator.inject("recorded_500 endpoint=create_api_key")
    answers = [place.mint(KEY, force=True) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 500]
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["status"] == 500
    assert place.emulator.keys_of(place.user.id) == [given]
    assert place.mint("issuance-0002", force=True).status_code == 200


def test_a_replay_does_not_use_up_the_next_recorded_500(place):
    place.emulator.inject("recorded_500 times=2")
    assert [place.mint(key).status_code for key in (KEY, KEY, "issuance-0002", "issuance-0003")] == [500, 500, 500, 200]


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


@pytest.mark.parametrize("key", ["short-7", "x" * 256, "blanks in it", "dots.in.it", "ünïcode-key"])
def test_an_illegal_key_is_refused(place, key):
    answer = place.mint(key.encode())
    assert answer.status_code == 422
    assert place.emulator.minted() == 0


@pytest.mark.parametrize("key", ["x" * 8, "x" * 255, "A-b_0-9_"])
def test_a_legal_key_is_taken(place, key):
    assert place.mint(key).status_code == 200


def test_a_second_request_while_the_first_is_in_flight_gets_409(place):
    place.emulator.inject("delay:0.5 endpoint=create_api_key")
    answers: list[requests.Response] = []
    first = threading.Thread(target=lambda: answers.append(place.mint(KEY)))
    first.start()
    while not place.emulator.received("create_api_key"):
        pass
    assert place.mint(KEY).status_code == 409
    first.join()
    assert place.mint(KEY).json() == answers[0].json()
    assert place.emulator.minted() == 1


def test_concurrent_requests_with_one_key_mint_once(place):
    threads = [threading.Thread(target=place.mint, args=(KEY,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert place.emulator.minted() == 1
    assert len(place.emulator.received("create_api_key")) == 8


def test_a_replay_needs_a_key_that_still_works(place):
    place.mint(KEY)
    place.emulator.revoke(place.emulator.partner_key)
    assert place.mint(KEY).status_code == 401


def test_two_credentials_do_not_share_outcomes(place):
    place.mint(KEY)
    place.mint(KEY, auth=bearer(DEPLOYMENT_KEY))
    assert place.emulator.minted() == 2


def test_the_header_counts_for_post_only(place):
    headers = {"Idempotency-Key": "same-for-all"}
    path = f"{place.users_path}/{place.user.id}"
    assert place.send("GET", path, headers=headers).status_code == 200
    assert place.send("DELETE", path, headers=headers).status_code == 200
    assert place.send("DELETE", path, headers=headers).status_code == 404


def test_an_error_before_authentication_is_not_recorded(place):
    other = place.emulator.give_key(place.user.id)
    assert place.mint(KEY, auth=bearer("unknown")).status_code == 401
    assert place.mint(KEY, auth=bearer(other)).status_code == 403
    assert place.mint(KEY).status_code == 200
