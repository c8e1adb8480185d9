"""How is a Vault asked? Through the provider's own client, which logs in; one login at a time, errors in our words."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import quote
from weakref import WeakKeyDictionary

import hvac
import requests
from hvac import exceptions as hvac_errors
from requests.adapters import HTTPAdapter

from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
    SecretStoreConflictError,
    SecretStoreDeniedError,
    SecretStoreError,
    SecretStoreUnavailableError,
)
from airflow_provider_polytomic.secret_stores.identity import normalise_url

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MountInfo", "VaultClient"]

T = TypeVar("T")

# One for all: a login takes milliseconds, and hvac is not documented as safe for threads.
_LOGIN = threading.Lock()
# Connections that stay open to one Vault, for as many threads; requests keeps 10.
_POOL_SIZE = 32
_CONFLICT = "check-and-set parameter did not match"
# No answer that settles anything: sealed, overloaded, or a proxy in front.
_NO_ANSWER = (
    hvac_errors.VaultDown,
    hvac_errors.VaultNotInitialized,
    hvac_errors.InternalServerError,
    hvac_errors.BadGateway,
    hvac_errors.RateLimitExceeded,
    hvac_errors.UnexpectedError,  # any status without a class of its own: 408, 412 (a standby behind its leader), 504
    requests.RequestException,
)


class MountInfo(NamedTuple):
    """What a server says of a path.

    :param kind: of the engine: ``kv``.
    :param version: of a KV engine.
    :param at: where it is mounted.
    """

    kind: str
    version: int
    at: str


_MOUNTED: WeakKeyDictionary[Any, dict[str, MountInfo]] = WeakKeyDictionary()


class VaultClient:
    """A Vault or OpenBao, as a ``VaultBackend`` or a ``VaultHook`` is configured for it.

    :param provider: the ``vault_client`` of either: it knows all types of authentication, namespace and TLS.
    """

    def __init__(self, provider: Any) -> None:
        self._provider = provider

    @property
    def namespace(self) -> str:
        """The namespace that it is configured for; empty: the root's."""
        return str(self._provider.kwargs.get("namespace") or "").strip("/")

    def address(self) -> str:
        """Return which Vault this is, without credentials: its URL and namespace."""
        client = self._connected()
        url = str(client.url).rpartition("@")[2] if "@" in str(client.url) else str(client.url)
        return f"{url.rstrip('/')}{f', namespace {self.namespace}' if self.namespace else ''}"

    def location(self) -> tuple[str, str]:
        """Return URL and namespace as every spelling of them has them."""
        return normalise_url(str(self._connected().url)), self.namespace

    def call(self, operation: Callable[[hvac.Client], T], what: str) -> T:
        """Send a request; once more after another login if the token is rejected, as the provider does.

        :param what: the request in the words of a policy, for errors: ``read secret/data/connections/acme``.
        :raises SecretStoreDeniedError: if it still is: Vault answers 403 for an expired token and for a missing right
            alike.
        :raises SecretStoreConflictError: if the compare-and-set of a write fails.
        :raises SecretStoreConfigurationError: if Vault refuses the request as such.
        :raises SecretStoreUnavailableError: if there was no answer that settles anything.
        :raises hvac.exceptions.InvalidPath: if there is nothing.
        """
        client = self._connected()
        try:
            try:
                return operation(client)
            except hvac_errors.Forbidden:
                return operation(self._connected(instead_of=client))
        except hvac_errors.InvalidPath:
            raise
        except Exception as error:  # noqa: BLE001 (sorted below; the words of any of them may quote what was sent)
            problem = _explain(error, what)
        raise problem

    @staticmethod
    def run(act: Callable[[], T], what: str) -> T:
        """Do what asks Vault in its own way, such as a read of a secrets backend; raises what :meth:`call` does."""
        try:
            return act()
        except Exception as error:  # noqa: BLE001 (as above)
            # The provider hides a second refusal behind an error of its own.
            cause = error.__cause__ if isinstance(error.__cause__, hvac_errors.Forbidden) else error
            problem = _explain(cause, what)
        raise problem

    def read_mount(self, mount: str, path: str) -> MountInfo:
        """Return what is mounted at a path; asked once of each mount.

        ``sys/internal/ui/mounts`` needs no right of its own: whoever may do anything there gets the answer.

        :raises SecretStoreConfigurationError: if the server does not know the question.
        """
        with _LOGIN:
            known = _MOUNTED.setdefault(self._provider, {})
        if mount not in known:
            url = f"/v1/sys/internal/ui/mounts/{quote(f'{mount}/{path}')}"
            try:
                what = f"do anything with {mount}/{path}"
                found: dict[str, Any] = self.call(lambda client: client.adapter.get(url), what)["data"]
            except (hvac_errors.InvalidPath, KeyError, TypeError):
                raise SecretStoreConfigurationError(
                    f"{self._provider.url} does not say what is mounted there. Nothing was changed. Is it a Vault or "
                    "OpenBao?",
                    reason="not_a_vault",
                    fields=["host"],
                ) from None
            version = int((found.get("options") or {}).get("version") or 1)
            known[mount] = MountInfo(str(found.get("type")), version, str(found.get("path") or mount).strip("/"))
        return known[mount]

    def _connected(self, *, instead_of: hvac.Client | None = None) -> hvac.Client:
        """Return the client, logged in.

        :param instead_of: the one whose token was rejected; nothing is done if another thread has replaced it already.
        """
        try:
            with _LOGIN:
                if instead_of is not None and self._provider.__dict__.get("_client") is instead_of:
                    del self._provider.__dict__["_client"]
                client = self._provider.client
                _widen(client)
                return client
        except Exception as error:  # noqa: BLE001 (anything that a login can raise, and its words may quote credentials)
            problem = _explain_login(error)
        raise problem


def _widen(client: hvac.Client) -> None:
    session = client.session
    for prefix, adapter in list(session.adapters.items()):
        # Not a company's own adapter, which knows its certificates.
        if type(adapter) is HTTPAdapter and adapter._pool_maxsize < _POOL_SIZE:  # type: ignore[attr-defined]  # noqa: SLF001 (no public one)
            session.mount(prefix, HTTPAdapter(pool_maxsize=_POOL_SIZE, max_retries=adapter.max_retries))


def _explain(error: Exception, what: str) -> SecretStoreError:
    kind = type(error).__name__
    if isinstance(error, SecretStoreError):
        return error
    if isinstance(error, (hvac_errors.Forbidden, hvac_errors.Unauthorized)):
        return SecretStoreDeniedError(
            f"Vault refuses to {what}, also after another login, as it does for a missing right, an unknown or expired "
            "token and a mount that does not exist. Nothing was changed by this. Check the token or role, the mount "
            "point, and that the policy allows it; the documentation has the smallest one that does.",
            reason="refused_by_vault",
        )
    if isinstance(error, hvac_errors.InvalidRequest) and _CONFLICT in " ".join(map(str, error.errors or [])):
        return SecretStoreConflictError(
            "Somebody has written it since it was read. Nothing was written. Read it again.",
            reason="changed_since_read",
        )
    if isinstance(error, _NO_ANSWER):
        return SecretStoreUnavailableError(
            f"no answer from Vault ({kind}) when asked to {what}; whether it took effect is not known, so read again. "
            "If it stays, check address, port and TLS.",
            reason="no_answer",
        )
    if isinstance(error, hvac_errors.VaultError):
        return SecretStoreConfigurationError(
            f"Vault does not accept the request to {what} ({kind}). Nothing was changed by it. See Vault's log, and "
            "correct the path or the settings of the secret.",
            reason="request_not_accepted",
        )
    return SecretStoreUnavailableError(
        f"the request to {what} ended with {kind}; whether it took effect is not known, so read again.",
        reason="unexpected",
    )


def _explain_login(error: Exception) -> SecretStoreError:
    kind = type(error).__name__
    if isinstance(error, _NO_ANSWER):
        return SecretStoreUnavailableError(
            f"No login to Vault: no answer ({kind}). Nothing was changed by this.", reason="no_answer"
        )
    file = f" {error.filename}" if isinstance(error, OSError) and error.filename else ""
    return SecretStoreConfigurationError(
        f"No login to Vault ({kind}{file}). Nothing was changed by this. Correct the address and the credentials.",
        reason="no_login",
    )
