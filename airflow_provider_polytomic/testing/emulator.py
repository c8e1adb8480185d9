"""What does a test hold in its hand? A Polytomic that it starts, furnishes, looks into, disturbs and stops."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from airflow_provider_polytomic.testing.app import build_app
from airflow_provider_polytomic.testing.dispatch import Dispatcher
from airflow_provider_polytomic.testing.errors import RefusalError
from airflow_provider_polytomic.testing.faults import Fault
from airflow_provider_polytomic.testing.idempotency import IdempotencyKeys
from airflow_provider_polytomic.testing.keys import KeyRing
from airflow_provider_polytomic.testing.server import ServerThread
from airflow_provider_polytomic.testing.state import ExistingKey, Invitation, Organization, Taken, User, World

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from starlette.applications import Starlette

    from airflow_provider_polytomic.testing.request_log import ReceivedRequest

__all__ = ["PolytomicEmulator"]

_ONE_DAY = 86_400.0  # the guide on idempotent requests: outcomes are kept for at least 24 hours


class PolytomicEmulator:
    """A Polytomic on this machine, over real HTTP; its keys are play keys.

    Use it as a context manager, or call :meth:`start` and :meth:`stop`; started again, it serves at the same address
    what it had. It may be used from any thread. A forked child may send it requests, but only the parent may look into
    it.

    :param partner_key: the partner key, or None for a fresh one.
    :param deployment_key: an on-premises deployment key, or None for a cloud server, which has none.
    :param host: the address to listen on.
    :param port: 0 for any free one.
    :param delay: seconds that every request takes before its effect.
    :param existing_key: what Create API Key without ``force`` does for a user who has a key: a second one, or 409, or
        422. Not documented.
    :param existing_user: the answer to an e-mail address that the organization has already. Not documented.
    :param existing_name: the answer to a name that another organization has. That 409 means this is inferred.
    :param replay_values: whether the repeated outcome of Create API Key holds the key. Not documented.
    :param revocation_delay: seconds for which a revoked key is still accepted. Not documented.
    :param idempotency_ttl: seconds for which the outcome of an Idempotency-Key is remembered.
    :param clock: seconds, monotonic: for late effects, revocation and idempotency; not for ``delay``.
    :param now: the time that it tells in the ``Date`` of its answers, aware; may be set anew at any time.
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
        self._world = World(self._keys, "Emulated Partner", existing_key, existing_user, existing_name)
        idempotency = IdempotencyKeys(idempotency_ttl, clock)
        self._dispatcher = Dispatcher(self._world, idempotency, clock, delay=delay, replay_values=replay_values)
        self.now = now
        self._host, self._port = host, port
        self._server: ServerThread | None = None

    def start(self) -> Self:
        """Listen and serve.

        :raises OSError: if the address is not free.
        """
        if self._server is None:
            self._server = ServerThread(self._build, self._host, self._port)
            self._port = self._server.port
        return self

    def stop(self) -> None:
        """Stop serving; requests that wait are dropped."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def _build(self, stopping: asyncio.Event) -> Starlette:
        return build_app(self._dispatcher, stopping, lambda: self.now())  # noqa: PLW0108 (it may be set anew)

    @property
    def base_url(self) -> str:
        """The address, without a slash at its end.

        :raises RuntimeError: if any free port is asked for and none was found yet, as nothing was started.
        """
        if not self._port:
            raise RuntimeError("the emulator has no address before it is started")
        return f"http://[{self._host}]:{self._port}" if ":" in self._host else f"http://{self._host}:{self._port}"

    @property
    def owner(self) -> Organization:
        """The partner's own organization."""
        with self._dispatcher.settled():
            return self._world.owner

    def add_organization(self, name: str) -> Organization:
        """Create an organization of the partner.

        :raises RefusalError: if the name is taken.
        """
        with self._dispatcher.settled():
            return self._world.add_organization(Organization("", name))

    def add_user(self, org_id: str, email: str, role_ids: Iterable[str] = ()) -> User:
        """Create a user, without an invitation.

        :raises RefusalError: if the organization or a role is unknown, or if the organization has that address already.
        """
        with self._dispatcher.settled():
            return self._world.add_user(org_id, email, role_ids)

    def organizations(self) -> list[Organization]:
        """Return every organization, the owner first."""
        with self._dispatcher.settled():
            return self._world.organizations()

    def users_of(self, org_id: str) -> list[User]:
        """Return the users of an organization in the order of their creation; none of one that is unknown."""
        with self._dispatcher.settled():
            return self._world.users_of(org_id)

    def roles_of(self, user_id: str) -> list[str]:
        """Return the names of a user's roles, in alphabetical order.

        :raises RefusalError: if the user is unknown.
        """
        with self._dispatcher.settled():
            return self._world.role_names(self._world.user(user_id))

    def role_id(self, name: str) -> str:
        """Return the id of a system role: Admin, Editor, Sync Editor, Viewer.

        :raises RefusalError: if there is none of that name.
        """
        with self._dispatcher.settled():
            role = self._world.role_named(name)
        if role is None:
            raise RefusalError(404, f"no system role {name!r}")
        return role.id

    def give_key(self, user_id: str) -> str:
        """Make one more key for a user by hand, outside the API, and return it.

        :raises RefusalError: if the user is unknown.
        """
        with self._dispatcher.settled():
            return self._keys.add(None, "user", self._world.user(user_id).id)

    def revoke(self, key: str) -> None:
        """Revoke a key by hand; also a partner or deployment key.

        :raises KeyError: if it never existed.
        """
        with self._dispatcher.settled():
            self._keys.revoke(key)

    def keys_of(self, user_id: str) -> list[str]:
        """Return the keys of a user that are not revoked, oldest first."""
        with self._dispatcher.settled():
            return self._keys.live(user_id)

    def live_key(self, user_id: str) -> str:
        """Return the only live key of a user.

        :raises AssertionError: if there is not exactly one.
        """
        live = self.keys_of(user_id)
        if len(live) != 1:
            raise AssertionError(f"the user has {len(live)} live keys, not one")
        return live[0]

    def minted(self, user_id: str | None = None) -> int:
        """Return how many keys the API ever issued, for one user or in all."""
        with self._dispatcher.settled():
            return self._keys.minted(user_id)

    def all_keys(self) -> set[str]:
        """Return the text of every key that ever existed, the partner's included: for leak scans."""
        with self._dispatcher.settled():
            return self._keys.all()

    @property
    def invitations(self) -> list[Invitation]:
        """The invitations that were sent, in order."""
        with self._dispatcher.settled():
            return list(self._world.invitations)

    @property
    def requests(self) -> list[ReceivedRequest]:
        """Every request received so far, in the order of arrival."""
        with self._dispatcher.settled():
            return self._dispatcher.log.all()

    def received(self, endpoint: str) -> list[ReceivedRequest]:
        """Return the requests that one endpoint received.

        :param endpoint: its name, e.g. ``create_api_key``.
        """
        return [request for request in self.requests if request.endpoint == endpoint]

    def counts(self) -> dict[str, int]:
        """Return how many requests each endpoint received, by its name; one that received none is left out."""
        with self._dispatcher.settled():
            return self._dispatcher.log.counts()

    def inject(self, fault: Fault | str) -> None:
        """Let something go wrong for the next matching requests; see :mod:`airflow_provider_polytomic.testing.faults`.

        :raises ValueError: if the text cannot be read.
        """
        fault = Fault.parse(fault) if isinstance(fault, str) else fault
        with self._dispatcher.settled():
            self._dispatcher.faults.add(fault)

    def clear_faults(self) -> None:
        """Drop the faults that are still to come; effects that are held back stay so."""
        with self._dispatcher.settled():
            self._dispatcher.faults.clear()

    def release(self) -> None:
        """Apply the effects that ``late`` faults hold back, now."""
        self._dispatcher.release()
