"""Authentication with a key that is sent to one server only."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from requests.auth import AuthBase

from airflow_provider_polytomic._support.base_url import DEFAULT_PORTS

if TYPE_CHECKING:
    from requests import PreparedRequest

    from airflow_provider_polytomic.credentials import ApiKey

__all__ = ["BasicAuth", "BearerAuth", "KeyAuth"]


class KeyAuth(AuthBase):
    """Base of the ways to send a key: sets ``Authorization`` only on requests to one server.

    Set as ``auth`` on each request, so that a ``.netrc`` entry for the host does not replace the key.

    :param base_url: the server that may receive the key.
    :param key: the key; it is revealed only to fill the header.
    """

    def __init__(self, base_url: str, key: ApiKey) -> None:
        self.key = key
        self._origin = _origin(base_url)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign the request if it goes to this key's server."""
        if request.url is not None and _origin(request.url) == self._origin:
            request.headers["Authorization"] = self.header()
        return request

    def header(self) -> str:
        """Return the value of the Authorization header, in plain text."""
        raise NotImplementedError


class BearerAuth(KeyAuth):
    """``Bearer <key>``, for user keys and partner keys."""

    def header(self) -> str:
        """Return the value of the Authorization header, in plain text."""
        return f"Bearer {self.key.reveal()}"


class BasicAuth(KeyAuth):
    """``Basic <login>:<key>``, for a partner or deployment key that acts in one organization.

    :param login: UUID of that organization.
    """

    def __init__(self, base_url: str, key: ApiKey, login: str) -> None:
        super().__init__(base_url, key)
        self._login = login

    def header(self) -> str:
        """Return the value of the Authorization header, in plain text."""
        return f"Basic {base64.b64encode(f'{self._login}:{self.key.reveal()}'.encode()).decode()}"


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)
