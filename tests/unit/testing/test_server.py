"""The server starts, stops, restarts, stays silent, and survives forks."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
import warnings
from http.client import HTTPConnection, RemoteDisconnected
from urllib.parse import urlsplit

import pytest
import requests

from airflow_provider_polytomic.testing import PolytomicEmulator


def identity(emulator: PolytomicEmulator) -> int:
    headers = {"Authorization": f"Bearer {emulator.partner_key}"}
    return requests.get(emulator.base_url + "/api/me", headers=headers, timeout=60).status_code


def test_it_serves_inside_the_with_block_only_and_can_be_furnished_before():
    emulator = PolytomicEmulator()
    with pytest.raises(RuntimeError, match="before it is started"):
        _ = emulator.base_url
    user = emulator.add_user(emulator.owner.id, "ada@acme.example")
    with emulator:
        headers = {"Authorization": f"Bearer {emulator.give_key(user.id)}"}
        assert requests.get(emulator.base_url + "/api/me", headers=headers, timeout=60).json()["data"]["id"] == user.id
    with pytest.raises(requests.ConnectionError):
        identity(emulator)


def test_started_again_it_serves_what_it_had_at_the_same_address():
    emulator = PolytomicEmulator().start()
    address = emulator.base_url
    assert emulator.start().base_url == address
    emulator.add_organization("Acme")
    emulator.stop()
    emulator.stop()
    with emulator:
        assert (emulator.base_url, identity(emulator)) == (address, 200)
        assert [organization.name for organization in emulator.organizations()][1:] == ["Acme"]


def test_two_serve_at_once_and_know_nothing_of_each_other():
    with PolytomicEmulator() as one, PolytomicEmulator() as two:
        one.add_organization("Acme")
        assert (identity(one), identity(two)) == (200, 200)
        assert one.partner_key != two.partner_key
        assert two.add_organization("Acme").name == "Acme"


def test_a_taken_port_is_an_error():
    with PolytomicEmulator() as emulator, pytest.raises(OSError, match="in use"):
        PolytomicEmulator(port=int(emulator.base_url.rpartition(":")[2])).start()


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_ipv6_address_is_written_as_a_url_needs_it():
    try:
        emulator = PolytomicEmulator(host="::1").start()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    try:
        assert emulator.base_url.startswith("http://[::1]:")
        assert identity(emulator) == 200
    finally:
        emulator.stop()


@pytest.mark.parametrize("host", ["0.0.0.0", ""])
def test_an_address_that_other_machines_may_reach_causes_a_warning(host):
    emulator = PolytomicEmulator(host=host)
    try:
        with pytest.warns(UserWarning, match="everyone who can reach its port can use its keys"):
            emulator.start()
    finally:
        emulator.stop()


def test_stopping_drops_what_waits_and_leaves_no_thread_and_no_warning(place, recwarn):
    warnings.simplefilter("always")
    place.emulator.inject("delay:60 endpoint=create_api_key")
    failures = []

    def mint():
        try:
            place.mint("issuance-0001")
        except requests.ConnectionError as error:
            failures.append(error)

    waiting = threading.Thread(target=mint)
    waiting.start()
    while not place.emulator.received("create_api_key"):
        time.sleep(0.01)
    place.emulator.stop()
    waiting.join(60)
    assert len(failures) == 1
    assert place.emulator.minted() == 0
    assert f"polytomic-emulator-{place.emulator.base_url.rpartition(':')[2]}" not in [
        thread.name for thread in threading.enumerate()
    ]
    assert [str(warning.message) for warning in recwarn] == []


def test_a_client_that_does_not_read_on_does_not_keep_it_from_stopping(place):
    place.emulator.inject("huge:50")
    with place.mint(stream=True) as answer:
        assert answer.status_code == 200
        stopping = threading.Thread(target=place.emulator.stop, daemon=True)
        stopping.start()
        stopping.join(60)
        assert not stopping.is_alive()


def test_it_is_silent(place, caplog, capfd):
    with caplog.at_level(logging.INFO):
        place.emulator.inject("truncated")
        place.emulator.inject("drop")
        for _ in range(2):
            with pytest.raises(requests.RequestException):
                place.mint()
        assert place.mint().status_code == 200
        place.emulator.stop()
    assert [record.name for record in caplog.records if not record.name.startswith("urllib3")] == []
    assert capfd.readouterr() == ("", "")


def test_handlers_of_signals_stay_as_they_are():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with PolytomicEmulator() as emulator:
        identity(emulator)
        assert {number: signal.getsignal(number) for number in before} == before


def test_a_connection_is_dropped_even_if_a_forked_child_has_inherited_it(place):
    address = urlsplit(place.emulator.base_url)
    client = HTTPConnection(address.hostname, address.port, timeout=60)
    client.request("GET", "/api/me")
    assert client.getresponse().read()
    child = _fork(lambda: time.sleep(600))
    try:
        place.emulator.inject("drop")
        client.request("GET", "/api/me")
        with pytest.raises(RemoteDisconnected):
            client.getresponse()
    finally:
        client.close()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_forked_child_may_use_it_and_end_while_the_parent_serves_on(place):
    def use():
        assert place.mint().status_code == 200
        place.emulator.stop()

    assert os.waitstatus_to_exitcode(os.waitpid(_fork(use), 0)[1]) == 0
    assert place.emulator.minted() == 1
    assert place.mint().status_code == 200


def _fork(work) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # Python 3.12 warns about forks beside threads, which this test does
        child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return child
