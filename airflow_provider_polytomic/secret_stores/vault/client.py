"""Client for Vault: the provider's own client, which logs in, with one login at a time and this package's errors."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote
from weakref import WeakKeyDictionary

import requests
from hvac import exceptions as hvac_errors
from requests.adapters import HTTPAdapter

from airflow_provider_polytomic._support.library_logs import suppress_library_logs
from airflow_provider_polytomic._support.threads import MAX_THREADS
from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
    SecretStoreDeniedError,
    SecretStoreError,
    SecretStoreUnavailableError,
)
from airflow_provider_polytomic.secret_stores.errors import conflict
from airflow_provider_polytomic.secret_stores.identity import normalise_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    import hvac

__all__ = ["VaultClient"]

# One lock for all: a login takes milliseconds, and hvac is not documented as thread-safe.
_LOGIN = threading.Lock()
_CONFLICT = "check-and-set parameter did not match"
# Responses that settle nothing: sealed, overloaded, or a proxy in front.
_NO_ANSWER = (
    hvac_errors.VaultDown,
    hvac_errors.VaultNotInitialized,
    hvac_errors.InternalServerError,
    hvac_errors.BadGateway,
    hvac_errors.RateLimitExceeded,
    hvac_errors.UnexpectedError,  # any status without a class of its own: 408, 412 (a standby behind its leader), 504
    requests.RequestException,
)


class _MountInfo(NamedTuple):
    """What a server mounts at a path.

    :param kind: of the engine: ``kv``.
    :param version: of a KV engine.
    :param at: where it is mounted.
    """

    kind: str
    version: int
    at: str


_MOUNTS: WeakKeyDictionary[Any, dict[str, _MountInfo]] = WeakKeyDictionary()


class VaultClient:
    """A Vault or OpenBao, as a ``VaultBackend`` or a ``VaultHook`` is configured for it.

    :param provider: the ``vault_client`` of either: it implements all types of authentication, namespaces and TLS.
    """

    def __init__(self, provider: Any) -> None:
        self._provider = provider

    @property
    def namespace(self) -> str:
        """The namespace that it is configured for; empty for the root namespace."""
        return str(self._provider.kwargs.get("namespace") or "").strip("/")

    def address(self) -> str:
        """Return URL and namespace, for people, without credentials."""
        client = self._connect()
        url = str(client.url).rpartition("@")[2] if "@" in str(client.url) else str(client.url)
        return f"{url.rstrip('/')}{f', namespace {self.namespace}' if self.namespace else ''}"

    def location(self) -> tuple[str, str]:
        """Return normalised URL and namespace."""
        return normalise_url(str(self._connect().url)), self.namespace

    def call(self, operation: str, what: str, *, expect_missing: bool = False, **parameters: Any) -> Any:
        """Send a request; if the token is rejected, log in and send it once more, as the provider does.

        :param operation: as hvac names it: ``secrets.kv.v2.read_secret_version``.
        :param what: the request in the words of a policy, for errors: ``read secret/data/connections/acme``.
        :param expect_missing: whether a 404 is an answer rather than an error.
        :raises hvac.exceptions.InvalidPath: for a 404 that is expected.
        :raises SecretStoreDeniedError: if Vault refuses again: it answers 403 for an expired token and for a missing
            right alike.
        :raises SecretStoreConflictError: if the compare-and-set of a write fails.
        :raises SecretStoreConfigurationError: if Vault rejects the request as such, or for a 404.
        :raises SecretStoreUnavailableError: if no response settled the outcome.
        """
        client, call = self._connect(), attrgetter(operation)
        problem: SecretStoreError
        try:
            with suppress_library_logs():
                try:
                    return call(client)(**parameters)
                except hvac_errors.Forbidden:
                    return call(self._connect(instead_of=client))(**parameters)
        except hvac_errors.InvalidPath:
            if expect_missing:
                raise
            problem = SecretStoreConfigurationError(
                f"Vault has no place to {what}. Nothing was changed. Correct the mount point, the path and the version "
                "of the engine.",
                reason="nowhere_to_write",
            )
        except Exception as error:  # noqa: BLE001 (explained below; any message may quote what was sent)
            problem = _explain(error, what)
        raise problem

    @staticmethod
    @contextmanager
    def translate(what: str) -> Iterator[None]:
        """Translate the errors of code that sends its own requests, such as a secrets backend, as :meth:`call` does."""
        try:
            with suppress_library_logs():
                yield
        except Exception as error:  # noqa: BLE001 (as above)
            # The provider hides a second refusal behind an exception of its own.
            cause = error.__cause__ if isinstance(error.__cause__, hvac_errors.Forbidden) else error
            raise _explain(cause, what) from None

    def read_mount(self, mount: str, path: str) -> _MountInfo:
        """Return what is mounted at a path; asked once for each mount.

        ``sys/internal/ui/mounts`` needs no right of its own: any right below the mount suffices.

        :raises SecretStoreConfigurationError: if the server does not know the request.
        """
        with _LOGIN:
            known = _MOUNTS.setdefault(self._provider, {})
        if mount not in known:
            url = f"/v1/sys/internal/ui/mounts/{quote(f'{mount}/{path}')}"
            what = f"do anything with {mount}/{path}"
            try:
                answer: dict[str, Any] = self.call("adapter.get", what, expect_missing=True, url=url)["data"]
            except (hvac_errors.InvalidPath, KeyError, TypeError):
                raise SecretStoreConfigurationError(
                    f"{self._provider.url} does not tell what is mounted there. Nothing was changed. Check that it is "
                    "a Vault or OpenBao.",
                    reason="not_a_vault",
                    fields=["host"],
                ) from None
            version = int((answer.get("options") or {}).get("version") or 1)
            known[mount] = _MountInfo(str(answer.get("type")), version, str(answer.get("path") or mount).strip("/"))
        return known[mount]

    def _connect(self, *, instead_of: hvac.Client | None = None) -> hvac.Client:
        """Return the client, logged in.

        :param instead_of: the one whose token was rejected; if another thread has replaced it already, nothing is done.
        """
        try:
            with _LOGIN, suppress_library_logs():
                if instead_of is not None and self._provider.__dict__.get("_client") is instead_of:
                    del self._provider.__dict__["_client"]
                client = self._provider.client
                _widen(client)
                return client
        except Exception as error:  # noqa: BLE001 (a login raises anything, and its message may quote credentials)
            problem = _explain_login(error)
        raise problem


def _widen(client: hvac.Client) -> None:
    session = client.session
    for prefix, adapter in list(session.adapters.items()):
        # A company's own adapter stays: it has its certificates.
        if type(adapter) is HTTPAdapter and adapter._pool_maxsize < MAX_THREADS:  # type: ignore[attr-defined]  # noqa: SLF001 (no public one)
            session.mount(prefix, HTTPAdapter(pool_maxsize=MAX_THREADS, max_retries=adapter.max_retries))


def _explain(error: Exception, what: str) -> SecretStoreError:
    error_type = type(error).__name__
    if isinstance(error, SecretStoreError):
        return error
    if isinstance(error, (hvac_errors.Forbidden, hvac_errors.Unauthorized)):
        return SecretStoreDeniedError(
            f"Vault refuses to {what}, even after a new login. It answers so for a missing right, an unknown or "
            "expired token and a mount that does not exist. This request changed nothing. Check the token or role, the "
            "mount point and the policy. docs/hashicorp-vault.md has a policy with the rights.",
            reason="refused_by_vault",
        )
    if isinstance(error, hvac_errors.InvalidRequest) and _CONFLICT in " ".join(map(str, error.errors or [])):
        return conflict()
    if isinstance(error, _NO_ANSWER):
        return SecretStoreUnavailableError(
            f"Vault did not answer ({error_type}) the request to {what}. Whether it took effect is not known. A retry "
            "reads it again. If the error persists, check address, port and TLS.",
            reason="no_answer",
        )
    if isinstance(error, hvac_errors.VaultError):
        return SecretStoreConfigurationError(
            f"Vault rejects the request to {what} ({error_type}). This request changed nothing. See Vault's log, and "
            "correct the path or the settings of the secret.",
            reason="request_not_accepted",
        )
    return SecretStoreUnavailableError(
        f"the request to {what} failed with {error_type}. Whether it took effect is not known. A retry reads it again.",
        reason="unexpected",
    )


def _explain_login(error: Exception) -> SecretStoreError:
    error_type = type(error).__name__
    if isinstance(error, _NO_ANSWER):
        return SecretStoreUnavailableError(
            f"Login to Vault failed: no answer ({error_type}). This request changed nothing. Check address, port "
            "and TLS.",
            reason="no_answer",
        )
    file = f" {error.filename}" if isinstance(error, OSError) and error.filename else ""
    return SecretStoreConfigurationError(
        f"Login to Vault failed ({error_type}{file}). This request changed nothing. Correct the address and the "
        "credentials.",
        reason="no_login",
    )
