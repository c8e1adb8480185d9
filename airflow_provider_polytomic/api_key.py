"""What is an API key inside this package? A secret that an HTTP header can carry, with a name that tells nothing."""

from __future__ import annotations

import hashlib
import hmac

from airflow_provider_polytomic.secret import Secret

__all__ = ["ApiKey"]


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
