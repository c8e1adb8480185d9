"""How a configured secrets backend of Airflow reads a destination: asked of the instance, never worked out anew."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from airflow_provider_polytomic._airflow.masking import warn_about_unmasked_variable
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.base import ABSENT
from airflow_provider_polytomic.secret_stores.connection_document import parse_key
from airflow_provider_polytomic.secret_stores.errors import cannot_open, conflict, translate_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_polytomic.secret_stores.base import SecretStore, StoredSecret
    from airflow_provider_polytomic.secret_stores.destination import Destination
    from airflow_provider_polytomic.secret_stores.formats import SecretFormat

__all__ = ["BackendReader", "ServerStore", "StubClient", "first_with_value"]

S = TypeVar("S", bound="SecretStore")

_PLACEHOLDER = ApiKey("placeholder-of-a-polytomic-key")


@dataclass(frozen=True)
class StubClient:
    """A client that answers in place of a backend's own, which a copy of the backend then asks.

    :param attribute: of the backend, where its client is.
    :param operation: of the client: what the backend calls.
    :param argument: of the operation: the path.
    :param answer: makes what the operation returns of a secret's content; None stands for no secret.
    :param exceptions: of the client, if the backend looks at them.
    """

    attribute: str
    operation: str
    argument: str
    answer: Callable[[Any], Any]
    exceptions: Any = None

    def put_into(self, backend: Any, contents: Callable[[str], Any]) -> None:
        """Have a copy of the backend ask a client with these contents."""

        def operation(*given: Any, **named: Any) -> Any:
            return self.answer(contents(named[self.argument] if self.argument in named else given[0]))

        backend.__dict__[self.attribute] = SimpleNamespace(**{self.operation: operation}, exceptions=self.exceptions)


class BackendReader:
    """One connection or Variable, as a backend reads it.

    Which path that is, and whether a content would be understood, depends on the settings of the backend and the code
    of its class and subclasses. So a copy of it is asked, whose client is a stub.

    :param path: the one of its :meth:`paths` that is written.
    """

    def __init__(self, backend: Any, destination: Destination, stub: StubClient, path: str = "") -> None:
        self._backend, self._destination, self._stub, self._path = backend, destination, stub, path

    def at(self, path: str) -> BackendReader:
        """Return the same reader, for this one of its paths."""
        return BackendReader(self._backend, self._destination, self._stub, path)

    def paths(self) -> list[str]:
        """Return where the backend looks, in its order; the first that has something is what readers get.

        :raises SecretStoreConfigurationError: if it looks nowhere: readers would never find the secret.
        """
        asked: list[str] = []
        kind: str | None = None
        try:
            self._ask(self._copy(asked.append))
        except Exception as error:  # noqa: BLE001 (a subclass may do anything)
            kind = type(error).__name__
        if paths := list(dict.fromkeys(asked)):
            return paths
        raise cannot_open(
            self._destination,
            f"{type(self._backend).__name__} as it is configured never looks for a {self._destination.kind} of this "
            f"name{f' ({kind})' if kind else ''}",
            "See the paths, prefixes, lookup patterns and mount point among the backend's kwargs, or use another name.",
            reason="backend_never_looks",
            fields=["destination", "backend_kwargs"],
        )

    def check(self, over: StoredSecret, form: SecretFormat, read: Callable[[], StoredSecret]) -> None:
        """Find out whether readers would get a key that is put into what is held.

        Where another connection writes, the backend is asked as well, whether it may read and reads the same place.
        Whatever its client raises, this does.

        :param read: reads again, as the store does.
        :raises SecretStoreConflictError: if it is no longer what was read.
        :raises SecretStoreConfigurationError: if Airflow would make something else of it, or reads elsewhere.
        """
        self._check_trial(over.raw.reveal(), form)
        if self._destination.conn_id is None:
            return
        back, now = self.read_back(), read()
        if now.version != over.version:
            raise conflict(str(self._destination))
        if not now.is_foreign and back is not now.value and not (back and back.matches(now.value)):
            raise SecretStoreConfigurationError(
                f"{self._destination} would be written where nobody reads: the secrets backend gets something else "
                f"there than the connection {self._destination.conn_id!r} does. Nothing was changed. Have both lead to "
                "the same server, namespace or account.",
                reason="backend_reads_elsewhere",
                fields=["destination"],
            )

    def read_back(self) -> ApiKey | None:
        """Ask the backend itself. Whatever its client raises, this does.

        :raises SecretStoreConfigurationError: if it makes nothing of what is there.
        """
        try:
            return self._ask(self._backend)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            kind = type(error).__name__
        raise SecretStoreConfigurationError(
            f"{type(self._backend).__name__} cannot read what {self._destination} holds ({kind}). Nothing was changed "
            "by this. Repair the secret.",
            reason="backend_cannot_read",
        )

    def _check_trial(self, content: Any, form: SecretFormat) -> None:
        if self._destination.kind == "variable":
            warn_about_unmasked_variable(self._destination.name)
        problem = "finds another value in it"
        try:
            contents = {self._path: form.insert(content, _PLACEHOLDER)}
            if _PLACEHOLDER.matches(self._ask(self._copy(contents.get))):
                return
        except SecretStoreConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001 (Airflow raises many kinds, and their words may quote a secret)
            problem = f"cannot read it ({type(error).__name__})"
        raise SecretStoreConfigurationError(
            f"With a key put into it, what {self._path} holds would be of no use: {type(self._backend).__name__} "
            f"{problem}. Nothing was changed. Look for fields there that a {self._destination.kind} of Airflow's does "
            "not have, or use another destination.",
            reason="useless_with_a_key",
        )

    def _copy(self, contents: Callable[[str], Any]) -> Any:
        backend = copy.copy(self._backend)
        for name, value in vars(backend).items():
            if isinstance(value, (dict, list, set)):  # what a subclass remembers of its answers, say
                setattr(backend, name, copy.copy(value))
        self._stub.put_into(backend, contents)
        return backend

    def _ask(self, backend: Any) -> ApiKey | None:
        # Without a team, as a task asks its own backend.
        if self._destination.kind == "variable":
            return parse_key(backend.get_variable(self._destination.name))
        connection = backend.get_connection(self._destination.name)
        return parse_key(connection.password) if connection else None


class ServerStore:
    """Base of the stores on a server; each sets its own ``identity``.

    :param place: see :class:`~airflow_provider_polytomic.secret_stores.base.SecretStore`.
    :param form: how the key is in the secret.
    :param reader: how Airflow reads it; None outside Airflow.
    :param run: does what asks the server in its own way, such as a read of a backend, and translates its errors.
    """

    identity: str

    def __init__(
        self, place: str, form: SecretFormat, reader: BackendReader | None, run: Callable[[Callable[[], Any]], Any]
    ) -> None:
        self.place, self._form, self._reader, self._run = place, form, reader, run

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        """Refuse to be pickled: its client has a login."""
        raise TypeError("a store with a login is not serialised")

    def read(self) -> StoredSecret:
        """See the protocol."""
        raise NotImplementedError

    @translate_errors
    def remove(self, over: StoredSecret, *, permanently: bool) -> None:
        """Read again, and take away what is still what was read; what is gone already is no error.

        Whoever took it away: an earlier request of ours, say, whose answer was lost.
        """
        now = self.read()
        if self._is_gone(now):
            return
        if now.version != over.version:
            raise conflict(self.place, "removed")
        self._delete_value(now, permanently=permanently)

    @translate_errors
    def read_back(self) -> ApiKey | None:
        """Ask the configured backend; outside Airflow, read again."""
        if self._reader is None:
            return self.read().value
        found: ApiKey | None = self._run(self._reader.read_back)
        return found

    def _check_readers(self, over: StoredSecret) -> None:
        reader = self._reader
        if reader is not None:
            self._run(lambda: reader.check(over, self._form, self.read))

    def _is_gone(self, now: StoredSecret) -> bool:
        return now.version == ABSENT

    def _delete_value(self, now: StoredSecret, *, permanently: bool) -> None:
        raise NotImplementedError


def first_with_value(stores: Sequence[S]) -> S:
    """Return the store of several paths that readers get something from: the first that holds any, else the first."""
    if len(stores) == 1:
        return stores[0]
    return next((store for store in stores if store.read().version != ABSENT), stores[0])
