"""Server that sends a response as raw bytes, without an end if asked."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

__all__ = ["GUARD", "EndlessServer"]

GUARD = 60.0  # seconds until a test that hangs fails


class EndlessServer:
    """Server that answers each connection with a beginning and then with one piece after the other.

    :param begin: the first bytes.
    :param piece: sent again and again until the client closes the connection; if empty, the connection stays silent,
        and if None, it is closed.
    :param pause: seconds between two pieces.
    :param tls: for https.
    """

    def __init__(
        self, begin: bytes, piece: bytes | None, *, pause: float = 0.0, tls: ssl.SSLContext | None = None
    ) -> None:
        self._begin, self._piece, self._pause, self._tls = begin, piece, pause, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopping = threading.Event()
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self.closed = threading.Event()
        """Set once a client has closed its connection."""
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(GUARD)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                connection.recv(65_536)
                connection.sendall(self._begin)
                self._send_pieces(connection)
        except OSError:
            self.closed.set()

    def _send_pieces(self, connection: socket.socket) -> None:
        if self._piece is None:
            connection.shutdown(socket.SHUT_WR)
        if not self._piece:
            connection.recv(65_536)
            self.closed.set()
        end = time.monotonic() + GUARD
        while self._piece and time.monotonic() < end and not self._stopping.wait(self._pause):
            connection.sendall(self._piece)
