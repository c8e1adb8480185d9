"""The emulator as a test uses it."""

from __future__ import annotations

import time
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from airflow_provider_polytomic._support.base_url import is_this_machine
from airflow_provider_polytomic.testing.app import build_app
from airflow_provider_polytomic.testing.dispatch import Dispatcher
from airflow_provider_polytomic.testing.errors import RefusalError
from airflow_provider_polytomic.testing.faults import Fault
from airflow_provider_polytomic.testing.idempotency import IdempotencyKeys
from airflow_provider_polytomic.testing.keys import KeyRing
from airflow_provider_polytomic.testing.server import ServerThread
from airflow_provider_polytomic.testing.state import ExistingKey, Invitation, Organization, State, Taken, User

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from starlette.applications import Starlette

    from airflow_provider_polytomic.testing.request_log import ReceivedRequest

__all__ = ["PolytomicEmulator"]

_ONE_DAY = 86_400.0  # the guide on idempotent requests: outcomes are kept for at least 24 hours


class PolytomicEmulator:
    """An emulated Polytomic on this machine, over real HTTP; its keys work nowhere else.

    Use it as a context manager, or call :meth:`start` and :meth:`stop`. If you start it again, it keeps its address and
    its state. You can use it from any thread. A forked child can send requests to it, but only the parent can call its
    methods.

    :param partner_key: the partner key, or None for a new one.
    :param deployment_key: an on-premises deployment key, or None as on a cloud server.
    :param host: the address to listen on.
    :param port: 0 for any free one.
    :param delay: seconds that every request takes before its effect.
    :param existing_key: the result of Create API Key without ``force`` for a user who has a key: a second key, 409 or
        422. Not documented.
    :param existing_user: the response if the organization already has a user with the e-mail address. Not documented.
    :param existing_name: the response if another organization has the name. 409 is documented, its cause is not.
    :param replay_values: whether the replayed outcome of Create API Key contains the key. Not documented.
    :param revocation_delay: seconds for which a revoked key still works. Not documented.
    :param idempotency_ttl: seconds for which the outcome of an Idempotency-Key is remembered.
    :param clock: seconds, monotonic: for late effects, revocation and idempotency; not for ``delay``.
    :param now: the aware time for the ``Date`` of each response; the attribute can be replaced at any time.
    """

    def __init__(
        self,
        partner_key: str | None = None,
        *,
        deployment_key: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        delay: float = 0.0,
        existing_key: ExistingKey = "second_key",
        existing_user: Taken = 422,
        existing_name: Taken = 409,
        replay_values: bool = True,
        revocation_delay: float = 0.0,
        idempotency_ttl: float = _ONE_DAY,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._keys = KeyRing(clock, revocation_delay)
        self.partner_key: str = self._keys.add(partner_key, "partner")
        self.deployment_key = self._keys.add(deployment_key, "deployment") if deployment_key else None
        self._state = State(self._keys, "Emulated Partner", existing_key, existing_user, existing_name)
        idempotency = IdempotencyKeys(idempotency_ttl, clock)
        self._dispatcher = Dispatcher(self._state, idempotency, clock, delay=delay, replay_values=replay_values)
        self.now = now
        self._host, self._port = host, port
        self._server: ServerThread | None = None

    def start(self) -> Self:
        """Listen and serve; warn if other machines may reach it.

        :raises OSError: if the address is not free.
        """
        if self._server is None:
            self._server = ServerThread(self._build, self._host, self._port)
            self._port = self._server.port
            if not is_this_machine(self._host):
                warnings.warn(
                    f"The emulator listens on {self._host or 'every address'}, and not only on this machine: everyone "
                    "who can reach its port can use its keys and read what it has stored. Listen on 127.0.0.1, or "
                    "store no real data in it.",
                    stacklevel=2,
                )
        return self

    def stop(self) -> None:
        """Stop serving, and drop the requests that wait."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def __enter__(self) -> Self:
        """Start the emulator."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the emulator."""
        self.stop()

    def _build(self, stopping: asyncio.Event) -> Starlette:
        return build_app(self._dispatcher, stopping, lambda: self.now())  # noqa: PLW0108 - the attribute can be replaced

    @property
    def base_url(self) -> str:
        """The address, without a slash at its end.

        :raises RuntimeError: if the port is 0 and the emulator was never started.
        """
        if not self._port:
            raise RuntimeError("the emulator has no address before it is started")
        return f"http://[{self._host}]:{self._port}" if ":" in self._host else f"http://{self._host}:{self._port}"

    @property
    def owner(self) -> Organization:
        """The partner's own organization."""
        with self._dispatcher.locked():
            return self._state.owner

    def add_organization(self, name: str) -> Organization:
        """Create an organization of the partner.

        :raises RefusalError: if the name is taken.
        """
        with self._dispatcher.locked():
            return self._state.add_organization(Organization("", name))

    def add_user(self, org_id: str, email: str, role_ids: Iterable[str] = ()) -> User:
        """Create a user, without an invitation.

        :raises RefusalError: if the organization or a role is unknown, or if the organization has that address already.
        """
        with self._dispatcher.locked():
            return self._state.add_user(org_id, email, role_ids)

    def organizations(self) -> list[Organization]:
        """Return every organization, the owner first."""
        with self._dispatcher.locked():
            return self._state.organizations()

    def users_of(self, org_id: str) -> list[User]:
        """Return the users of an organization in the order of their creation; an unknown one has none."""
        with self._dispatcher.locked():
            return self._state.users_of(org_id)

    def roles_of(self, user_id: str) -> list[str]:
        """Return the names of a user's roles, in alphabetical order.

        :raises RefusalError: if the user is unknown.
        """
        with self._dispatcher.locked():
            return self._state.role_names(self._state.user(user_id))

    def role_id(self, name: str) -> str:
        """Return the id of a system role: Admin, Editor, Sync Editor, Viewer.

        :raises RefusalError: if the name is unknown.
        """
        with self._dispatcher.locked():
            role = self._state.role_named(name)
        if role is None:
            raise RefusalError(404, f"no system role {name!r}")
        return role.id

    def give_key(self, user_id: str) -> str:
        """Issue a key to a user outside the API, as another process would, and return it.

        :raises RefusalError: if the user is unknown.
        """
        with self._dispatcher.locked():
            return self._keys.add(None, "user", self._state.user(user_id).id)

    def revoke(self, key: str) -> None:
        """Revoke a key of any kind outside the API.

        :raises KeyError: if the key never existed.
        """
        with self._dispatcher.locked():
            self._keys.revoke(key)

    def keys_of(self, user_id: str) -> list[str]:
        """Return the keys of a user that are not revoked, oldest first."""
        with self._dispatcher.locked():
            return self._keys.live(user_id)

    def live_key(self, user_id: str) -> str:
        """Return the only key of a user that is not revoked.

        :raises AssertionError: if there is not exactly one.
        """
        keys = self.keys_of(user_id)
        if len(keys) != 1:
            raise AssertionError(f"the user has {len(keys)} keys that are not revoked, instead of one")
        return keys[0]

    def minted(self, user_id: str | None = None) -> int:
        """Return the number of keys that the API has issued, to one user or in total."""
        with self._dispatcher.locked():
            return self._keys.minted(user_id)

    def all_keys(self) -> set[str]:
        """Return every key that ever existed, including the partner's, so that you can search logs for them."""
        with self._dispatcher.locked():
            return self._keys.all()

    @property
    def invitations(self) -> list[Invitation]:
        """The invitations that were sent, in order."""
        with self._dispatcher.locked():
            return list(self._state.invitations)

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The requests received so far, in the order of arrival."""
        with self._dispatcher.locked():
            return self._dispatcher.log.all()

    def received(self, endpoint: str) -> list[ReceivedRequest]:
        """Return the requests that one endpoint received.

        :param endpoint: its name, e.g. ``create_api_key``.
        """
        return [request for request in self.requests if request.endpoint == endpoint]

    def counts(self) -> dict[str, int]:
        """Return the number of requests by endpoint, for each endpoint that received any."""
        with self._dispatcher.locked():
            return self._dispatcher.log.counts()

    def inject(self, fault: Fault | str) -> None:
        """Add a fault for the next matching requests; see :mod:`airflow_provider_polytomic.testing.faults`.

        :raises ValueError: if the fault is invalid.
        """
        fault = Fault.parse(fault) if isinstance(fault, str) else fault
        with self._dispatcher.locked():
            self._dispatcher.faults.add(fault)

    def clear_faults(self) -> None:
        """Delete the faults that are still to come; late effects are not affected."""
        with self._dispatcher.locked():
            self._dispatcher.faults.clear()

    def release(self) -> None:
        """Apply the effects that ``late`` faults hold back."""
        self._dispatcher.release()
