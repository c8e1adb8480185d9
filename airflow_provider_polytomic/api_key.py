"""What is an API key inside this package? A value that shows itself only to those who ask for it in so many words."""

from __future__ import annotations

import hashlib
import hmac
from typing import NoReturn

__all__ = ["ApiKey"]


class ApiKey:
    """A Polytomic API key whose text is reached by :meth:`reveal` alone.

    ``repr``, ``str`` and ``format`` show a placeholder, ``==`` compares identity only (:meth:`matches` compares texts
    in constant time), and it can be neither pickled nor listed by ``vars``. Copies are the same object.

    :param text: the key as Polytomic shows it once; not empty, and of printable ASCII without blanks, as an HTTP
        header needs it.
    :raises ValueError: if the text cannot be a key; the message does not show it.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        if not isinstance(text, str) or not text or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError("an API key is a non-empty text of printable ASCII characters without blanks") from None
        self.__text = text

    def reveal(self) -> str:
        """Return the text: only to send it to Polytomic, to mask it, or to write it to its destination."""
        return self.__text

    @property
    def fingerprint(self) -> str:
        """128 bits of SHA-256 over the text, in hexadecimal: names a key without telling it."""
        return hashlib.sha256(self.__text.encode()).hexdigest()[:32]

    def matches(self, other: ApiKey | None) -> bool:
        """Whether the other is the same key, compared in constant time."""
        return other is not None and hmac.compare_digest(self.__text.encode(), other.reveal().encode())

    def __repr__(self) -> str:
        """Show a placeholder."""
        return "ApiKey(***)"

    def __str__(self) -> str:
        """Show a placeholder."""
        return "***"

    def __format__(self, _spec: str) -> str:
        """Show a placeholder, whatever the format."""
        return "***"

    def __copy__(self) -> ApiKey:
        """Return this very object: it cannot be changed."""
        return self

    def __deepcopy__(self, _memo: object) -> ApiKey:
        """Return this very object: it cannot be changed."""
        return self

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("an API key is not serialised; pass its destination on instead")
