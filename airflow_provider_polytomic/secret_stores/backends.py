"""How does a configured secrets backend of Airflow read a destination? Asked of the instance, never worked out anew."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_polytomic.api_key import ApiKey
from airflow_provider_polytomic.exceptions import ConflictError, MisconfiguredError
from airflow_provider_polytomic.secret_stores.documents import ABSENT, as_key
from airflow_provider_polytomic.secret_stores.naming import warn_of_unmasked_variable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_polytomic.secret_stores.base import Held, SecretStore
    from airflow_provider_polytomic.secret_stores.destination import Destination
    from airflow_provider_polytomic.secret_stores.forms import Form

__all__ = ["Answers", "BackendReader", "first_that_holds"]

S = TypeVar("S", bound="SecretStore")

_PLACEHOLDER = ApiKey("placeholder-of-a-polytomic-key")


class Answers:
    """What a stand-in for a backend's client answers: one content under one path, and nothing elsewhere.

    :param path: where it is; None: nowhere.
    """

    def __init__(self, path: str | None = None, content: Any = None) -> None:
        self._path, self._content = path, content
        self.asked: list[str] = []

    def get(self, path: str) -> Any:
        """Return the content under this path, or None, and remember that it was asked for."""
        self.asked.append(path)
        return self._content if path == self._path else None

    def __repr__(self) -> str:
        """Show no content."""
        return "Answers(***)"


class BackendReader:
    """One connection or Variable, as a backend reads it.

    Which path that is, and whether a content would be understood, depends on the settings of the backend and the code
    of its class and subclasses. So a copy of it is asked, whose client is a stand-in.

    :param stand_in: puts a client that answers with :class:`Answers` into a copy of the backend.
    :param path: the one of its :meth:`paths` that is written.
    """

    def __init__(
        self, backend: Any, destination: Destination, stand_in: Callable[[Any, Answers], None], path: str = ""
    ) -> None:
        self._backend, self._destination, self._stand_in, self._path = backend, destination, stand_in, path

    def at(self, path: str) -> BackendReader:
        """Return the same reader, for this one of its paths."""
        return BackendReader(self._backend, self._destination, self._stand_in, path)

    def paths(self) -> list[str]:
        """Return where the backend looks, in its order; the first that has something is what readers get.

        :raises MisconfiguredError: if it looks nowhere: readers would never find the secret.
        """
        answers = Answers()
        kind: str | None = None
        try:
            self._ask(self._copy(answers))
        except Exception as error:  # noqa: BLE001 (a subclass may do anything)
            kind = type(error).__name__
        if paths := list(dict.fromkeys(answers.asked)):
            return paths
        raise MisconfiguredError(
            f"{self._destination} has no place: {type(self._backend).__name__} as it is configured never looks for a "
            f"{self._destination.kind} of this name{f' ({kind})' if kind else ''}. No request was sent. See the paths, "
            "prefixes, lookup patterns and mount point among the backend's kwargs, or use another name."
        )

    def check(self, over: Held, form: Form, read: Callable[[], Held]) -> None:
        """Find out whether readers would get a key that is put into what is held.

        Where another connection writes, the backend is asked as well, whether it may read and reads the same place.
        Whatever its client raises, this does.

        :param read: reads again, as the store does.
        :raises ConflictError: if it is no longer what was read.
        :raises MisconfiguredError: if Airflow would make something else of it, or reads elsewhere.
        """
        self._check_trial(over.content.reveal(), form)
        if self._destination.conn_id is None:
            return
        back, now = self.read_back(), read()
        if now.version != over.version:
            raise ConflictError(
                f"{self._destination} was changed by somebody else since it was read; nothing was written."
            )
        if not now.foreign and back is not now.value and not (back and back.matches(now.value)):
            raise MisconfiguredError(
                f"{self._destination} would be written where nobody reads: the secrets backend gets something else "
                f"there than the connection {self._destination.conn_id!r} does. No request was sent. Have both lead to "
                "the same server, namespace or account."
            )

    def read_back(self) -> ApiKey | None:
        """Ask the backend itself. Whatever its client raises, this does.

        :raises MisconfiguredError: if it makes nothing of what is there.
        """
        try:
            return self._ask(self._backend)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            kind = type(error).__name__
        raise MisconfiguredError(
            f"{type(self._backend).__name__} cannot read what {self._destination} holds ({kind}). Nothing was changed "
            "by this. Repair the secret."
        )

    def _check_trial(self, content: Any, form: Form) -> None:
        if self._destination.kind == "variable":
            warn_of_unmasked_variable(self._destination.name)
        problem = "finds another value in it"
        try:
            if _PLACEHOLDER.matches(self._ask(self._copy(Answers(self._path, form.put(content, _PLACEHOLDER))))):
                return
        except MisconfiguredError:
            raise
        except Exception as error:  # noqa: BLE001 (Airflow raises many kinds, and their words may quote a secret)
            problem = f"cannot read it ({type(error).__name__})"
        raise MisconfiguredError(
            f"With a key put into it, what {self._path} holds would be of no use: {type(self._backend).__name__} "
            f"{problem}. Nothing was changed. Look for fields there that a {self._destination.kind} of Airflow's does "
            "not have, or use another destination."
        )

    def _copy(self, answers: Answers) -> Any:
        backend = copy.copy(self._backend)
        for name, value in vars(backend).items():
            if isinstance(value, (dict, list, set)):  # what a subclass remembers of its answers, say
                setattr(backend, name, copy.copy(value))
        self._stand_in(backend, answers)
        return backend

    def _ask(self, backend: Any) -> ApiKey | None:
        # Without a team, as a task asks its own backend.
        if self._destination.kind == "variable":
            return as_key(backend.get_variable(self._destination.name))
        connection = backend.get_connection(self._destination.name)
        return as_key(connection.password) if connection else None


def first_that_holds(stores: Sequence[S]) -> S:
    """Return the store of several paths that readers get something from: the first that holds any, else the first."""
    if len(stores) == 1:
        return stores[0]
    return next((store for store in stores if store.read().version != ABSENT), stores[0])
