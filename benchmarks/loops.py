"""What a user would write without this package: a loop over customers with the official SDK and hvac.

The short loop requests a key and writes it. The careful loop does what a rotation does, except for the record: it
reads the destination, requests a key, confirms its owner, writes only over what it read, reads the value back and
confirms it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import hvac
from hvac.exceptions import InvalidPath
from polytomic import Polytomic

from benchmarks import child
from benchmarks.environment import MOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

__all__: list[str] = []


class _Loops:
    def __init__(self, given: dict[str, Any]) -> None:
        self._url = given["polytomic"]
        self._polytomic = Polytomic(base_url=self._url, token=given["partner_key"])
        self._kv = hvac.Client(url=given["vault"], token=given["vault_token"]).secrets.kv.v2

    def short(self, target: list[str], name: str) -> None:
        """Request a key and write it."""
        self._write(name, self._issue(target))

    def careful(self, target: list[str], name: str) -> None:
        """Read, request a key, confirm its owner, write, read back, and confirm again."""
        try:
            stored = self._kv.read_secret_version(
                path=self._path(name), mount_point=MOUNT, raise_on_deleted_version=True
            )
            version = stored["data"]["metadata"]["version"]
        except InvalidPath:
            version = 0
        key = self._issue(target)
        as_user = Polytomic(base_url=self._url, token=key)
        self._check(as_user, target)
        self._write(name, key, cas=version)
        back = self._kv.read_secret_version(path=self._path(name), mount_point=MOUNT, raise_on_deleted_version=True)
        if back["data"]["data"]["password"] != key:
            raise RuntimeError("another key is stored")
        self._check(as_user, target)

    def _issue(self, target: list[str]) -> str:
        response = self._polytomic.users.create_api_key(org_id=target[0], id=target[1], force=True)
        if response.data is None or response.data.value is None:
            raise RuntimeError("the response has no key")
        return str(response.data.value)

    @staticmethod
    def _check(as_user: Polytomic, target: list[str]) -> None:
        identity = as_user.identity.get().data
        if identity is None or identity.id != target[1]:
            raise RuntimeError("the key belongs to another user")

    def _write(self, name: str, key: str, **cas: int) -> None:
        content = {"conn_type": "polytomic", "host": self._url, "password": key}
        self._kv.create_or_update_secret(path=self._path(name), secret=content, mount_point=MOUNT, **cas)

    @staticmethod
    def _path(name: str) -> str:
        return f"connections/{name}"


def _measure(given: dict[str, Any]) -> dict[str, Any]:
    loops, targets = _Loops(given), given["targets"]
    turns: dict[str, Callable[[list[str], str], None]] = {"short": loops.short, "careful": loops.careful}
    seconds = dict.fromkeys(turns, 0.0)
    for number, target in enumerate(targets):
        for name in sorted(turns, reverse=number % 2 == 0):
            started = time.monotonic()
            turns[name](target, f"loop_{number}")
            seconds[name] += time.monotonic() - started
        child.progress(number + 1, len(targets))
    return {"targets": len(targets), **{name: round(total, 3) for name, total in seconds.items()}}


if __name__ == "__main__":
    child.result(_measure(child.arguments()))
