"""Stores of other packages: found by entry points, opened like the stores here, and guarded."""

from __future__ import annotations

import sys
import traceback
from importlib import metadata
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from airflow.secrets.environment_variables import EnvironmentVariablesBackend
from airflow.secrets.local_filesystem import LocalFilesystemBackend

from airflow_provider_polytomic.assets import api_key_asset
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import (
    PolytomicConfigurationError,
    SecretStoreDeniedError,
    SecretStoreError,
    SecretStoreUnavailableError,
)
from airflow_provider_polytomic.secret_stores import Destination, StoredSecret, open_store
from airflow_provider_polytomic.secret_stores.extension import ABSENT, StoreBackend, StoreScheme
from airflow_provider_polytomic.secret_stores.factory import store_on
from airflow_provider_polytomic.secret_stores.registry import BACKENDS, SCHEMES
from tests.unit.secret_stores.reasons import because
from tests.unit.secret_stores.registered import forget_entry_points, install_distribution

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SERVER = "https://app.polytomic.com"
KEY = "pk-live-0123456789abcdefghij"


class AcmeBackend(EnvironmentVariablesBackend):
    pass


class SubclassOfAcmeBackend(AcmeBackend):
    pass


ACME_BACKEND = f"{AcmeBackend.__module__}.{AcmeBackend.__qualname__}"


class MemoryStore:
    """A store that keeps one value, and can fail on request."""

    compare_and_set = True
    place = "secret acme in the memory of the test"
    identity = "memory|acme"
    failure: Exception | None = None
    stored: Any = StoredSecret(None, ABSENT)
    back: Any = None

    def _fail(self) -> None:
        if self.failure:
            raise self.failure

    def read(self) -> Any:
        self._fail()
        return self.stored

    def write(self, value: ApiKey, over: StoredSecret) -> str:
        plain = value.reveal()
        self._fail()
        return str(len(plain))

    def read_record(self) -> Mapping[str, str] | None:
        self._fail()
        return None

    def write_record(self, record: Mapping[str, str]) -> None:
        self._fail()

    def check_write(self, over: StoredSecret) -> None:
        self._fail()

    def read_back(self) -> Any:
        self._fail()
        return self.back

    def remove(self, over: StoredSecret, *, permanently: bool) -> None:
        self._fail()

    def remove_record(self) -> None:
        self._fail()


class Acme:
    """The module ``acme_store`` of another package, and the calls of its functions."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.store: Any = MemoryStore()
        self.scheme: Any = StoreScheme("acme://<conn_id>@<region>/<name>", self.open, authority="region", fields=True)
        self.backend: Any = StoreBackend(self.open)

    def open(self, *args: Any, **kwargs: Any) -> Any:
        self.calls.append((*args, kwargs["issuer"]))
        return self.store


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> Acme:
    acme, module = Acme(), ModuleType("acme_store")
    module.__dict__["acme"] = acme
    monkeypatch.setitem(sys.modules, "acme_store", module)
    return acme


@pytest.fixture
def install(acme: Acme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install the distribution ``acme-store`` with these entry points."""
    forget_entry_points(monkeypatch)

    def install(entry_points: Mapping[str, str], distribution: str = "acme-store") -> None:
        install_distribution(tmp_path / distribution, distribution, entry_points)
        monkeypatch.syspath_prepend(tmp_path / distribution)

    return install


ACME = {"acme": "acme_store:acme.scheme"}
URI = "acme://vault_writer@eu/apps/acme?field=api_key"


def test_a_registered_scheme_is_parsed_and_opened(install, acme):
    install(ACME)
    destination = Destination.parse(URI)
    assert str(destination) == URI
    store = open_store(URI, issuer=SERVER)
    assert (store.place, store.identity, store.compare_and_set) == (MemoryStore.place, MemoryStore.identity, True)
    assert acme.calls == [(destination, SERVER)]
    assert api_key_asset(URI).uri.startswith("x-polytomic://acme/vault_writer")


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("acme://vault_writer@/apps/acme", "names no region"),
        ("acme://eu/apps/acme", "names no connection"),
        ("acme://vault_writer@eu/apps//acme", "has an empty part"),
        ("acme://vault_writer@eu/acme?field=", "names an empty field"),
    ],
)
def test_the_rules_of_a_registered_scheme_are_checked_and_its_form_is_shown(install, acme, uri, problem):
    install(ACME)
    with pytest.raises(PolytomicConfigurationError, match=problem) as refused:
        Destination.parse(uri)
    assert acme.scheme.form in str(refused.value)
    assert acme.calls == []


def test_a_registered_backend_is_served_with_its_subclasses(install, acme):
    install({ACME_BACKEND: "acme_store:acme.backend"})
    destination = Destination.parse("airflow://connection/acme")
    for backend in (AcmeBackend(), SubclassOfAcmeBackend()):
        assert store_on(backend, destination, issuer=SERVER).place == MemoryStore.place
        assert acme.calls.pop() == (backend, destination, SERVER)


def test_a_writing_connection_needs_a_backend_that_takes_one(install, acme):
    install({ACME_BACKEND: "acme_store:acme.backend"})
    destination = Destination.parse("airflow://writer@connection/acme")
    with because("writer_not_used"):
        store_on(AcmeBackend(), destination, issuer=SERVER)
    assert acme.calls == []


def test_a_writing_connection_is_passed_to_a_backend_that_takes_one(install, acme):
    acme.backend = StoreBackend(acme.open, writer=True)
    install({ACME_BACKEND: "acme_store:acme.backend"})
    store_on(AcmeBackend(), Destination.parse("airflow://writer@connection/acme"), issuer=SERVER)
    assert [call[1].conn_id for call in acme.calls] == ["writer"]


def test_no_entry_point_is_read_for_what_has_a_store_here(install, acme, monkeypatch, tmp_path):
    install(dict.fromkeys([*SCHEMES, *BACKENDS, "airflow"], "acme_store:acme.scheme"))
    monkeypatch.setattr(metadata, "entry_points", lambda **_: pytest.fail("entry points were read"))
    for uri in ("airflow://connection/a", "vault://c@secret/a", "aws-ssm://c@/a", "aws-secretsmanager://c@/a"):
        Destination.parse(uri)
    file = tmp_path / "connections.json"
    file.write_text("{}")
    backend = type("Subclass", (LocalFilesystemBackend,), {})(connections_file_path=str(file))
    store = store_on(backend, Destination.parse("airflow://connection/a"), issuer=SERVER)
    assert str(file) in store.place
    assert acme.calls == []


BROKEN = {
    "a module that is not there": ({"acme": "no_such_module:SCHEME"}, "cannot be loaded (ModuleNotFoundError)"),
    "a module that fails": ({"acme": "acme_store:acme.no_such_name"}, "cannot be loaded (AttributeError)"),
    "another object": ({"acme": "acme_store:acme.open"}, "is no StoreScheme"),
    "a backend for a scheme": ({"acme": "acme_store:acme.backend"}, "is no StoreScheme"),
}


@pytest.mark.parametrize(("entry_points", "problem"), BROKEN.values(), ids=BROKEN)
def test_an_entry_point_that_cannot_be_used_is_named(install, entry_points, problem):
    install(entry_points)
    with pytest.raises(PolytomicConfigurationError) as refused:
        Destination.parse("acme://admin:S3cret@eu/apps/acme")
    assert refused.value.reason == "registered_store_unusable"
    assert "S3cret" not in str(refused.value)  # and an operator adds no destination to an error of this class
    for part in (problem, "acme-store", *entry_points.values(), "No request was sent."):
        assert part in str(refused.value)
    assert refused.value.__context__ is None


def test_two_packages_with_one_scheme_are_refused(install, acme):
    install(ACME)
    install({"acme": "acme_store:acme.other"}, "other-store")
    with pytest.raises(PolytomicConfigurationError) as refused:
        Destination.parse(URI)
    assert "acme-store" in str(refused.value)
    assert "other-store" in str(refused.value)
    assert acme.calls == []


def test_an_unknown_scheme_is_refused_with_the_registered_ones(install):
    install({**ACME, ACME_BACKEND: "acme_store:acme.backend"})
    with pytest.raises(
        PolytomicConfigurationError, match=r"unknown scheme 'amce'.*Allowed: airflow://.*, acme://"
    ) as no:
        Destination.parse("amce://vault_writer@eu/apps/acme")
    assert ACME_BACKEND not in str(no.value)


def test_a_destination_of_an_uninstalled_package_is_refused():
    with because("scheme_not_supported"):
        open_store(Destination("gone", "secret", "acme", conn_id="writer"), issuer=SERVER)


def test_a_store_that_cannot_be_opened_is_refused_without_the_words_of_its_error(install, acme):
    def fail(*_: Any, **__: Any) -> Any:
        raise KeyError("s3cr3t")

    acme.scheme = StoreScheme("acme://", fail, authority="region", fields=True)
    install(ACME)
    with because("backend_unusable") as refused:
        open_store(URI, issuer=SERVER)
    assert "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize("missing", ["read_back", "identity"])
def test_a_store_without_a_member_is_refused_before_it_is_used(install, acme, missing):
    members = {name: value for name, value in vars(MemoryStore).items() if name != missing and name[:2] != "__"}
    acme.store = type("Incomplete", (), members)()
    install(ACME)
    with because("registered_store_broken") as refused:
        open_store(URI, issuer=SERVER)
    assert f"Incomplete without {missing}" in str(refused.value)


def _calls(store: Any) -> dict[str, Callable[[], Any]]:
    stored = StoredSecret(None, ABSENT)
    return {
        "read": store.read,
        "write": lambda: store.write(ApiKey(KEY), stored),
        "read_record": store.read_record,
        "write_record": lambda: store.write_record({}),
        "check_write": lambda: store.check_write(stored),
        "read_back": store.read_back,
        "remove": lambda: store.remove(stored, permanently=True),
        "remove_record": store.remove_record,
    }


@pytest.mark.parametrize("method", _calls(MemoryStore()))
def test_no_error_of_a_client_leaves_a_registered_store(install, acme, method):
    install(ACME)
    acme.store.failure = RuntimeError(f"cannot store {KEY}")
    with pytest.raises(SecretStoreUnavailableError) as caught:
        _calls(open_store(URI, issuer=SERVER))[method]()
    assert caught.value.reason == "unexpected"
    assert_hidden(caught.value)


def test_an_error_of_the_package_keeps_its_class_and_gets_the_place(install, acme):
    install(ACME)
    acme.store.failure = SecretStoreDeniedError("The policy forbids it. Nothing was changed.", reason="missing_right")
    with pytest.raises(SecretStoreDeniedError, match=f"^{MemoryStore.place}: The policy") as caught:
        open_store(URI, issuer=SERVER).write(ApiKey(KEY), StoredSecret(None, ABSENT))
    assert (caught.value.reason, caught.value.place) == ("missing_right", MemoryStore.place)
    assert_hidden(caught.value)


@pytest.mark.parametrize("method", _calls(MemoryStore()))
def test_a_registered_store_explains_its_own_errors(install, acme, method):
    install(ACME)
    explanation = SecretStoreDeniedError("The policy forbids it. Nothing was changed.", reason="missing_right")
    acme.store.explain_error = lambda error: explanation if isinstance(error, PermissionError) else None
    acme.store.failure = PermissionError(f"cannot store {KEY}")
    with pytest.raises(SecretStoreDeniedError, match=f"^{MemoryStore.place}: The policy forbids it") as caught:
        _calls(open_store(URI, issuer=SERVER))[method]()
    assert (caught.value.reason, caught.value.place) == ("missing_right", MemoryStore.place)
    assert_hidden(caught.value)


def _raise(error: Exception) -> Any:
    raise error


@pytest.mark.parametrize(
    "explain", [lambda _: None, lambda _: KEY, _raise, None], ids=["nothing", "a string", "an error", "not callable"]
)
def test_an_error_that_a_registered_store_does_not_explain_is_reported_by_its_type(install, acme, explain):
    install(ACME)
    acme.store.explain_error, acme.store.failure = explain, RuntimeError(f"cannot store {KEY}")
    with pytest.raises(SecretStoreUnavailableError, match="unexpected RuntimeError") as caught:
        open_store(URI, issuer=SERVER).read()
    assert_hidden(caught.value)


@pytest.mark.parametrize(
    ("method", "make"),
    [
        ("read", lambda: StoredSecret(KEY, "v1")),  # type: ignore[arg-type]
        ("read", lambda: KEY),
        ("read", lambda: None),
        ("read_back", lambda: KEY),
    ],
    ids=["a plain key in a StoredSecret", "a plain key", "nothing", "a plain key to readers"],
)
def test_a_plain_key_does_not_leave_a_registered_store(install, acme, method, make):
    install(ACME)
    acme.store.stored = acme.store.back = make()
    with because("registered_store_broken") as refused:
        _calls(open_store(URI, issuer=SERVER))[method]()
    assert_hidden(refused.value)


def test_what_a_registered_store_returns_is_passed_on(install, acme):
    install(ACME)
    acme.store.stored, acme.store.back = StoredSecret(ApiKey(KEY), "v1"), ApiKey(KEY)
    store = open_store(URI, issuer=SERVER)
    results = {name: call() for name, call in _calls(store).items()}
    assert results.pop("read") is acme.store.stored
    assert results.pop("read_back") is acme.store.back
    assert results.pop("write") == str(len(KEY))
    assert set(results.values()) == {None}


def assert_hidden(error: SecretStoreError) -> None:
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert KEY not in shown
    assert error.__context__ is None


class AcmeDownError(SecretStoreUnavailableError):
    """An error of another package, whose arguments are its own."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"The vault is sealed for {seconds} s. Nothing was changed.", reason="sealed")


def test_an_error_with_arguments_of_its_own_keeps_its_class(install, acme):
    install(ACME)
    acme.store.failure = AcmeDownError(7)
    with pytest.raises(AcmeDownError, match=f"^{MemoryStore.place}: The vault is sealed for 7 s") as caught:
        open_store(URI, issuer=SERVER).write(ApiKey(KEY), StoredSecret(None, ABSENT))
    assert (caught.value.reason, caught.value.retryable, caught.value.place) == ("sealed", True, MemoryStore.place)
    assert_hidden(caught.value)


@pytest.mark.parametrize("response", [{"data": {"api_key": KEY}}, f"etag of {KEY}", None])
def test_a_version_that_quotes_the_key_is_not_passed_on(install, acme, response):
    install(ACME)
    acme.store.write = lambda *_: response
    assert open_store(URI, issuer=SERVER).write(ApiKey(KEY), StoredSecret(None, ABSENT)) == "unknown"


# Made in the test: its arguments are locals of a frame that is searched for the key.
@pytest.mark.parametrize("make_version", [lambda: {"key": KEY}, lambda: f"etag of {KEY}", lambda: 7])
def test_a_read_whose_version_could_reveal_the_key_is_refused(install, acme, make_version):
    install(ACME)
    acme.store.stored = StoredSecret(ApiKey(KEY), make_version())
    with because("registered_store_broken") as refused:
        open_store(URI, issuer=SERVER).read()
    assert_hidden(refused.value)
