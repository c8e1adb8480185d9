"""The keys that the emulator has issued, and those that it still accepts."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KeyKind", "KeyRing"]

KeyKind = Literal["partner", "deployment", "user"]


@dataclass(slots=True)
class _IssuedKey:
    """A key, its owner, and when it was revoked."""

    text: str
    kind: KeyKind
    user_id: str | None = None
    minted: bool = False
    revoked_at: float | None = None


class KeyRing:
    """Every key that ever existed, oldest first.

    :param clock: seconds, monotonic.
    :param revocation_delay: seconds for which a revoked key still works; Polytomic does not document whether it revokes
        instantly.
    """

    def __init__(self, clock: Callable[[], float], revocation_delay: float) -> None:
        self._clock = clock
        self._revocation_delay = revocation_delay
        self._keys: dict[str, _IssuedKey] = {}

    def add(self, text: str | None, kind: KeyKind, user_id: str | None = None, *, minted: bool = False) -> str:
        """Add a key, or create one of 192 random bits, and return it."""
        text = text or f"pk_live_{secrets.token_hex(24)}"
        self._keys[text] = _IssuedKey(text, kind, user_id, minted)
        return text

    def revoke(self, text: str) -> None:
        """Revoke one key.

        :raises KeyError: if the key never existed; the message does not contain it.
        """
        key = self._keys.get(text)
        if key is None:
            raise KeyError("the key was never issued")
        if key.revoked_at is None:
            key.revoked_at = self._clock()

    def revoke_all_of(self, user_id: str) -> None:
        """Revoke every key of a user."""
        for text in self.live(user_id):
            self.revoke(text)

    def live(self, user_id: str) -> list[str]:
        """Return the keys of a user that are not revoked, oldest first."""
        return [key.text for key in self._keys.values() if key.user_id == user_id and key.revoked_at is None]

    def find_accepted(self, text: str) -> _IssuedKey | None:
        """Return the key of a request if it works: it is known, and not revoked for longer than the delay."""
        key = self._keys.get(text)
        if key is None or (key.revoked_at is not None and self._clock() >= key.revoked_at + self._revocation_delay):
            return None
        return key

    def minted(self, user_id: str | None = None) -> int:
        """Return the number of keys that the API has issued, to one user or in total."""
        return sum(key.minted and user_id in {None, key.user_id} for key in self._keys.values())

    def all(self) -> set[str]:
        """Return every key that ever existed."""
        return set(self._keys)
