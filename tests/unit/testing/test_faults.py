"""What a client receives through each fault, and whether the request takes effect."""

from __future__ import annotations

import threading
import time

import pytest
import requests

from airflow_provider_polytomic.testing import Fault

KEY = "issuance-0001"


@pytest.mark.parametrize(("when", "minted"), [("before", 0), ("after", 1)])
class TestBeforeAndAfterTheEffect:
    def test_a_status(self, place, when, minted):
        place.emulator.inject(Fault("status", status=503, when=when))
        answer = place.mint(KEY)
        assert (answer.status_code, answer.json()["status"], place.emulator.minted()) == (503, 503, minted)

    def test_a_dropped_connection(self, place, when, minted):
        place.emulator.inject(f"drop when={when}")
        with pytest.raises(requests.ConnectionError) as caught:
            place.mint(KEY)
        assert "RemoteDisconnected" in str(caught.value)
        assert place.emulator.minted() == minted
        assert place.emulator.requests[0].status is None

    def test_a_page_that_is_no_json(self, place, when, minted):
        place.emulator.inject(f"not_json when={when}")
        answer = place.mint(KEY)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        with pytest.raises(requests.JSONDecodeError):
            answer.json()
        assert place.emulator.minted() == minted
        assert ("pk_live_" in answer.text) is bool(minted)

    def test_a_repeated_request_goes_on_from_there(self, place, when, minted):
        place.emulator.inject(f"status:504 when={when}")
        place.mint(KEY, force=True)
        before = place.emulator.keys_of(place.user.id)
        repeated = place.mint(KEY, force=True).json()["data"]["value"]
        assert place.emulator.live_key(place.user.id) == repeated
        assert before == [repeated] * minted
        assert place.emulator.minted() == 1


def test_a_dropped_connection_is_dropped_on_a_reused_one_too(place):
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {place.emulator.partner_key}"
        assert session.get(place.emulator.base_url + "/api/me", timeout=60).status_code == 200
        place.emulator.inject("drop when=after")
        with pytest.raises(requests.ConnectionError):
            session.post(place.emulator.base_url + place.keys_path, timeout=60)
        assert session.get(place.emulator.base_url + "/api/me", timeout=60).status_code == 200
    assert place.emulator.minted() == 1


def test_a_status_may_bring_headers_and_any_body(place):
    place.emulator.inject(Fault("status", status=429, retry_after=7, body="slow down"))
    place.emulator.inject(Fault("status", status=302, location="http://other.example/", body='{"a":1}'))
    first, second = place.mint(), place.mint(allow_redirects=False)
    assert (first.status_code, first.headers["Retry-After"], first.text) == (429, "7", "slow down")
    assert (second.status_code, second.headers["Location"], second.json()) == (302, "http://other.example/", {"a": 1})


def test_a_truncated_answer_has_taken_effect_and_breaks_off_inside_its_body(place):
    place.emulator.inject("truncated")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        place.mint(KEY)
    assert place.emulator.minted() == 1
    assert place.emulator.requests[0].status == 200
    place.emulator.inject("truncated")
    with place.mint(KEY, stream=True) as streamed:
        half = streamed.raw.read1()
    assert half.startswith(b'{"data":{"value":"pk_live_')
    assert len(half) < int(streamed.headers["Content-Length"])


def test_a_huge_answer_is_valid_json_with_the_real_content(place):
    place.emulator.inject("huge:3")
    answer = place.mint()
    assert len(answer.content) > 3_000_000
    assert answer.json()["data"]["value"] == place.emulator.live_key(place.user.id)


@pytest.mark.parametrize(("fault", "minted"), [("delay:60000", 0), ("delay:60000 when=after", 1)])
def test_a_delay_holds_the_answer_back_before_or_after_the_effect(place, fault, minted):
    place.emulator.inject(f"{fault} endpoint=create_api_key")
    dropped = []

    def mint():
        try:
            place.mint(KEY)
        except requests.ConnectionError as error:
            dropped.append(error)

    waiting = threading.Thread(target=mint)
    waiting.start()
    while not place.emulator.requests or (minted and not place.emulator.minted()):
        time.sleep(0.01)
    assert (place.emulator.minted(), waiting.is_alive()) == (minted, True)
    place.emulator.stop()  # the minute does not pass
    waiting.join()
    assert len(dropped) == 1


class TestLateEffects:
    def test_the_effect_comes_on_command_and_its_key_is_in_flight_until_then(self, place):
        given = place.emulator.give_key(place.user.id)
        place.emulator.inject("late endpoint=create_api_key")
        assert place.mint(KEY, force=True).status_code == 504
        assert place.emulator.keys_of(place.user.id) == [given]
        assert place.mint(KEY, force=True).status_code == 409
        place.emulator.release()
        assert place.emulator.live_key(place.user.id) != given
        assert place.mint(KEY, force=True).json()["data"]["value"] == place.emulator.live_key(place.user.id)
        assert place.emulator.minted() == 1

    def test_the_effect_comes_after_its_time(self, make_place, clock):
        place = make_place(clock=clock)
        place.emulator.inject("late:10")
        assert place.mint(KEY).status_code == 504
        clock.now = 9.0
        assert place.mint(KEY).status_code == 409
        clock.now = 10.0
        assert place.emulator.minted() == 1
        assert place.mint(KEY).status_code == 200

    def test_effects_come_in_the_order_of_their_times(self, make_place, clock):
        place = make_place(clock=clock, existing_key=409)
        place.emulator.inject("late:20")
        place.emulator.inject("late:10")
        place.mint("issuance-late-20")
        place.mint("issuance-late-10")
        clock.now = 30.0
        assert place.mint("issuance-late-20").status_code == 409
        assert place.mint("issuance-late-10").status_code == 200
        assert place.emulator.minted() == 1

    def test_an_effect_may_fail_when_it_comes(self, place):
        place.emulator.inject("late")
        place.mint(KEY)
        place.send("DELETE", f"{place.users_path}/{place.user.id}")
        place.emulator.release()
        assert place.mint(KEY).status_code == 404
        assert place.emulator.minted() == 0

    def test_a_late_forced_effect_revokes_a_newer_key(self, place):
        place.emulator.inject("late")
        place.mint(KEY, force=True)
        newer = place.mint("issuance-0002", force=True).json()["data"]["value"]
        place.emulator.release()
        assert place.me(newer) == 401

    def test_a_request_in_flight_is_not_forgotten(self, place):
        place.emulator.inject("late")
        place.mint(KEY)
        place.emulator.inject("forget")
        assert place.mint(KEY).status_code == 409


class TestAim:
    def test_a_fault_meets_only_its_endpoint_or_any_and_needs_no_valid_key(self, place):
        place.emulator.inject("status:503 endpoint=create_api_key")
        assert place.send("GET", "/api/me").status_code == 200
        assert place.mint().status_code == 503
        place.emulator.inject("status:503 times=2")
        assert place.send("GET", "/api/nothing").status_code == 503
        assert place.send("GET", "/api/me", auth="Bearer unknown").status_code == 503

    def test_a_fault_meets_only_its_user_in_the_path_or_by_key(self, place):
        grace = place.emulator.add_user(place.organization.id, "grace@acme.example")
        ada, hers = place.emulator.give_key(place.user.id), place.emulator.give_key(grace.id)
        place.emulator.inject(f"status:503 user={grace.id} times=always")
        assert [place.me(key) for key in (ada, place.emulator.partner_key, hers)] == [200, 200, 503]
        assert place.mint().status_code == 200
        assert place.send("POST", f"{place.users_path}/{grace.id}/keys").status_code == 503

    @pytest.mark.parametrize(
        ("faults", "answered"),
        [
            (["status:503"], [503, 200, 200, 200]),
            (["status:503 times=2"], [503, 503, 200, 200]),
            (["status:503 times=always"], [503, 503, 503, 503]),
            (["status:503 skip=1"], [200, 503, 200, 200]),
            (["status:503 times=2 skip=1"], [200, 503, 503, 200]),
            (["status:503", "status:429 times=2"], [503, 429, 429, 200]),
            (["status:503 skip=2", "status:429"], [429, 200, 503, 200]),
        ],
    )
    def test_faults_meet_one_request_after_the_other(self, place, faults, answered):
        for fault in faults:
            place.emulator.inject(fault)
        assert [place.send("GET", "/api/me").status_code for _ in answered] == answered

    def test_other_endpoints_do_not_count_for_skip(self, place):
        place.emulator.inject("status:503 endpoint=create_api_key skip=1")
        assert [place.send("GET", "/api/me").status_code for _ in range(2)] == [200, 200]
        assert [place.mint().status_code for _ in range(2)] == [200, 503]

    def test_forgetting_goes_together_with_another_fault(self, place):
        place.mint(KEY)
        place.emulator.inject("forget endpoint=create_api_key")
        place.emulator.inject("status:504 endpoint=create_api_key when=after")
        assert place.mint(KEY).status_code == 504
        assert place.emulator.minted() == 2

    def test_faults_can_be_cleared(self, place):
        place.emulator.inject("drop times=always")
        place.emulator.clear_faults()
        assert place.mint().status_code == 200
