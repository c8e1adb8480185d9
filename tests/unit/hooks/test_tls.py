"""The server's certificate is checked as the connection says."""

from __future__ import annotations

import ssl
import warnings

import pytest

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from tests.unit.hooks.conftest import Stub


@pytest.fixture
def server(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    stub = Stub(context)
    stub.reply_data({"is_partner": True})
    yield stub.base_url
    stub.stop()


def test_an_untrusted_certificate_is_an_error_at_once_and_no_request_is_sent(define, fake_time, server):
    define(host=server)
    with pytest.raises(PolytomicConfigurationError) as caught:
        PolytomicHook(clock=fake_time.clock).get_identity()
    assert (caught.value.reason, caught.value.state) == ("certificate_untrusted", "No request was sent.")
    assert fake_time.slept == []


def test_a_ca_bundle_of_the_connection_is_trusted(define, server, certificate):
    define(host=server, extra={"ca_bundle": str(certificate)})
    assert PolytomicHook().get_identity().is_partner


def test_verification_can_be_turned_off_regardless_of_the_environment(define, server, monkeypatch):
    import certifi

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    define(host=server, extra={"verify": False})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # urllib3's own warning, which is right
        assert PolytomicHook().get_identity().is_partner
