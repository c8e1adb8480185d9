"""Hidden values, which are only revealed by an explicit call to ``reveal()``, and the API key that is one of them."""

from __future__ import annotations

import hashlib
import hmac
from typing import Generic, NoReturn, Self, TypeVar

__all__ = ["ApiKey", "Hidden", "Secret"]

T = TypeVar("T")


class Hidden(Generic[T]):
    """A value that only :meth:`reveal` returns.

    ``repr``, ``str`` and ``format`` show a placeholder, ``==`` compares identity, and the value can neither be pickled
    nor listed by ``vars``. Copies are the same object.

    :param value: what is hidden.
    """

    __slots__ = ("__value",)

    def __init__(self, value: T) -> None:
        self.__value = value

    def reveal(self) -> T:
        """Return the value: only to send it, to mask it, or to write it to its store."""
        return self.__value

    def __repr__(self) -> str:
        """Show a placeholder."""
        return f"{type(self).__name__}(***)"

    def __str__(self) -> str:
        """Show a placeholder."""
        return "***"

    def __format__(self, _spec: str) -> str:
        """Show a placeholder, whatever the format."""
        return "***"

    def __copy__(self) -> Self:
        """Return this very object: it cannot be changed."""
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        """Return this very object: it cannot be changed."""
        return self

    def __getstate__(self) -> NoReturn:
        """Refuse: the state would be the value."""
        raise TypeError("a secret is not serialised; pass on where it is kept instead")

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("a secret is not serialised; pass on where it is kept instead")


class Secret(Hidden[str]):
    """A hidden string.

    :param text: such as an API key; not empty.
    :raises ValueError: if it is empty, or not a string that can be encoded; the message does not show it.
    """

    __slots__ = ()

    def __init__(self, text: str) -> None:
        # Half of a surrogate pair could not be sent, and the codec's error would quote the whole string.
        if not isinstance(text, str) or not text or any("\ud800" <= character <= "\udfff" for character in text):
            raise ValueError("a secret is a non-empty string that can be encoded") from None
        super().__init__(text)


class ApiKey(Secret):
    """A Polytomic API key.

    :param text: the key as Polytomic shows it once: printable ASCII without spaces, as an HTTP header needs it.
    :raises ValueError: if the string cannot be a key; the message does not show it.
    """

    __slots__ = ()

    def __init__(self, text: str) -> None:
        if not isinstance(text, str) or not text or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError("an API key is a non-empty string of printable ASCII characters without spaces") from None
        super().__init__(text)

    @property
    def fingerprint(self) -> str:
        """128 bits of the key's SHA-256, in hexadecimal: identifies a key without revealing it."""
        return hashlib.sha256(self.reveal().encode()).hexdigest()[:32]

    def matches(self, other: ApiKey | None) -> bool:
        """Whether the other is the same key, compared in constant time."""
        return other is not None and hmac.compare_digest(self.reveal().encode(), other.reveal().encode())
