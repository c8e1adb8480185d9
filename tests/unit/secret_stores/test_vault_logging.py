"""No request of a Vault store is logged or printed, and a consumer's own requests are."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from airflow_provider_polytomic.exceptions import SecretStoreError
from tests.fakes.endless_server import EndlessServer
from tests.unit.secret_stores.vault_fixtures import issue, make_backend, open_on

TOKEN = "hvs.the-token-of-a-writer"


@pytest.fixture(autouse=True)
def everything_is_printed(caplog, monkeypatch):
    """Log at DEBUG, and let http.client print every header, as a program that debugs its own requests does."""
    monkeypatch.setattr("http.client.HTTPConnection.debuglevel", 2)
    with caplog.at_level(logging.DEBUG):
        yield


def test_no_request_of_the_package_is_printed(vault, mount, caplog, capfd):
    backend = make_backend(vault, mount)
    store = open_on(backend)
    capfd.readouterr()
    caplog.clear()
    issue(store, "pk-live-the-first-one-0123456789")
    output = caplog.text + "".join(capfd.readouterr())
    assert vault.root_token not in output
    assert "pk-live" not in output
    assert "urllib3" not in output
    make_backend(vault, mount).get_connection("acme")
    assert vault.root_token in capfd.readouterr().out  # a consumer's own requests are printed as the program wants


def test_a_secret_in_headers_that_cannot_be_parsed_is_not_logged(caplog, capfd):
    echo = f"HTTP/1.1 200 OK\r\nX-Echo\xff: {TOKEN}\r\nContent-Length: 0\r\n\r\n".encode("latin-1")
    server = EndlessServer(echo, None)
    with pytest.raises(SecretStoreError):
        open_on(make_backend(SimpleNamespace(url=server.base_url, root_token=TOKEN), "kv")).read()
    server.stop()
    output = caplog.text + "".join(capfd.readouterr())
    assert server.connections > 0
    assert TOKEN not in output
    assert "urllib3" not in output
