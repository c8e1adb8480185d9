"""A fault with a share affects that part of the requests, and the same ones each time."""

from __future__ import annotations

import threading

import requests

BAD_DAY = ("drop", "drop when=after", "status:503", "status:503 when=after")
MANY = 200


def met(place, *faults, count=MANY):
    """Return which of many requests in a row a fault affected."""
    for fault in faults:
        place.emulator.inject(fault)
    before = len(place.emulator.requests)
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {place.emulator.partner_key}"
        for _ in range(count):
            try:
                session.get(place.emulator.base_url + "/api/me", timeout=60)
            except requests.ConnectionError:
                session.close()
    place.emulator.clear_faults()
    return [n for n, request in enumerate(place.emulator.requests[before:]) if request.status != 200]


def test_it_meets_about_its_share_and_with_the_same_seed_the_same_requests(make_place):
    fault = "status:503 share=0.1 seed=7 times=always"
    first = met(make_place(), fault)
    assert 0.05 * MANY < len(first) < 0.15 * MANY
    place = make_place()
    assert met(place, fault) == first != met(place, fault.replace("7", "8"))


def test_faults_of_one_seed_do_not_meet_the_same_requests(place):
    specs = [f"{fault} share=0.025 seed=7 times=always" for fault in BAD_DAY]
    alone = [set(met(place, spec)) for spec in specs]
    assert all(alone)
    assert len({frozenset(one) for one in alone}) == len(specs)
    assert set(met(place, *specs)) == set().union(*alone)


def test_times_and_skip_count_as_without_a_share(place):
    always = met(place, "status:503 share=0.1 seed=7 times=always")
    assert met(place, "status:503 share=0.1 seed=7") == always[:1]
    assert met(place, "status:503 share=0.1 seed=7 times=3") == always[:3]
    assert met(place, "status:503 share=0.1 seed=7 times=3 skip=50") == [50 + n for n in always[:3]]


def test_other_endpoints_use_up_no_draws(place):
    fault = "status:503 endpoint=get_identity share=0.5 seed=7 times=always"
    alone = met(place, fault, count=20)
    place.emulator.inject(fault)
    answered = []
    for _ in range(20):
        place.send("GET", place.users_path)
        answered.append(place.send("GET", "/api/me").status_code)
    assert [n for n, status in enumerate(answered) if status == 503] == alone


def test_as_many_go_wrong_when_requests_come_at_the_same_time(place):
    alone = met(place, "status:503 share=0.1 seed=7 times=always", count=80)
    place.emulator.inject("status:503 share=0.1 seed=7 times=always")
    before = len(place.emulator.requests)
    threads = [
        threading.Thread(target=lambda: [place.send("GET", "/api/me") for _ in range(10)], daemon=True)
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(request.status == 503 for request in place.emulator.requests[before:]) == len(alone)
