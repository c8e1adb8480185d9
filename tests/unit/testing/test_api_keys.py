"""The emulator's keys: how they are issued, replaced and counted."""

from __future__ import annotations

import pytest

from airflow_provider_polytomic.credentials import ApiKey


def value(answer) -> str:
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["data"]
    assert list(answer.json()["data"]) == ["value"]
    return str(answer.json()["data"]["value"])


def test_a_key_is_issued_and_answers_as_its_user(place):
    key = value(place.mint())
    assert place.emulator.live_key(place.user.id) == key
    assert (place.emulator.minted(), place.emulator.minted(place.user.id)) == (1, 1)
    assert place.me(key) == 200


def test_keys_are_long_distinct_and_fit_for_a_header(place):
    keys = [value(place.mint()) for _ in range(5)]
    assert len(set(keys)) == 5
    assert all(key.startswith("pk_live_") and len(key) >= 8 + 31 for key in keys)
    assert all(ApiKey(key).reveal() == key for key in keys)


def test_force_revokes_every_key_of_this_user_and_of_no_other(place):
    other = place.emulator.add_user(place.organization.id, "bob@acme.example")
    kept = place.emulator.give_key(other.id)
    old = [place.emulator.give_key(place.user.id), value(place.mint())]
    new = value(place.mint(force=True))
    assert [place.me(key) for key in (*old, new, kept)] == [401, 401, 200, 200]
    assert place.emulator.keys_of(place.user.id) == [new]


def test_without_force_a_second_key_is_issued_by_default(place):
    first, second = value(place.mint()), value(place.mint())
    assert place.emulator.keys_of(place.user.id) == [first, second]
    with pytest.raises(AssertionError, match="2 keys that are not revoked"):
        place.emulator.live_key(place.user.id)


@pytest.mark.parametrize("status", [409, 422])
def test_without_force_an_existing_key_may_be_an_error(make_place, status):
    place = make_place(existing_key=status)
    first = value(place.mint())
    assert place.mint().status_code == status
    assert place.emulator.keys_of(place.user.id) == [first]
    assert value(place.mint(force=True)) != first


def test_neither_a_body_nor_its_absence_matters(place):
    value(place.send("POST", place.keys_path, {"anything": 1}))
    value(place.mint())
    assert place.emulator.received("create_api_key")[1].headers["content-length"] == "0"


@pytest.mark.parametrize(("force", "status"), [("true", 200), ("false", 200), ("True", 422), ("1", 422), ("", 422)])
def test_force_is_written_as_the_sdk_writes_it(place, force, status):
    assert place.send("POST", place.keys_path, params={"force": force}).status_code == status


def test_an_unknown_user_gets_no_key(place):
    answer = place.send("POST", f"{place.users_path}/00000000-0000-4000-8000-000000000000/keys")
    assert answer.status_code == 404
    assert place.emulator.minted() == 0


def test_keys_given_by_hand_are_live_but_not_minted_and_all_are_known_for_leak_scans(make_place):
    place = make_place(partner_key="play-partner-key")
    given = place.emulator.give_key(place.user.id)
    assert (place.emulator.live_key(place.user.id), place.emulator.minted()) == (given, 0)
    first, second = value(place.mint()), value(place.mint(force=True))
    assert place.emulator.all_keys() == {"play-partner-key", first, second, given}
