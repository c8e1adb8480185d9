"""Strings that are only revealed by an explicit call to ``reveal()``, and the API key that is one of them."""

from __future__ import annotations

import hashlib
import hmac
from typing import NoReturn, Self

__all__ = ["ApiKey", "Secret"]


class Secret:
    """A text that is reached by :meth:`reveal` alone.

    ``repr``, ``str`` and ``format`` show a placeholder, ``==`` compares identity only, and it can be neither pickled
    nor listed by ``vars``. Copies are the same object.

    :param text: such as an API key; not empty.
    :raises ValueError: if it is empty, or no text; the message does not show it.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        # Half of a surrogate pair could not be sent, and the codec's error would quote the whole text.
        if not isinstance(text, str) or not text or any("\ud800" <= character <= "\udfff" for character in text):
            raise ValueError("a secret is a non-empty text that can be encoded") from None
        self.__text = text

    def reveal(self) -> str:
        """Return the text: only to send it, to mask it, or to write it to where it is kept."""
        return self.__text

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

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("a secret is not serialised; pass on where it is kept instead")


class ApiKey(Secret):
    """A Polytomic API key; :meth:`matches` compares texts in constant time.

    :param text: the key as Polytomic shows it once; not empty, and of printable ASCII without blanks, as an HTTP
        header needs it.
    :raises ValueError: if the text cannot be a key; the message does not show it.
    """

    __slots__ = ()

    def __init__(self, text: str) -> None:
        if not isinstance(text, str) or not text or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError("an API key is a non-empty text of printable ASCII characters without blanks") from None
        super().__init__(text)

    @property
    def fingerprint(self) -> str:
        """128 bits of SHA-256 over the text, in hexadecimal: names a key without telling it."""
        return hashlib.sha256(self.reveal().encode()).hexdigest()[:32]

    def matches(self, other: ApiKey | None) -> bool:
        """Whether the other is the same key, compared in constant time."""
        return other is not None and hmac.compare_digest(self.reveal().encode(), other.reveal().encode())
