"""A proxy before PostgreSQL's socket that loses what it is told to lose: a COMMIT, or the answer to one."""

from __future__ import annotations

import socket
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = ".s.PGSQL.5432"


class Proxy:
    """Listens at `folder` as the server would."""

    def __init__(self, server: str, folder: str) -> None:
        self.folder = folder
        self.loses: str | None = None
        """"commit": the next COMMIT does not arrive; "answer": it does, and its answer does not; None: nothing."""
        self.refuses = False
        """Whether nobody is let in."""
        self.lost = 0
        self._server = f"{server}/{NAME}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/{NAME}")
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.refuses:
                    client.close()
                    continue
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self._server)
            back = threading.Thread(target=self._back, args=(client, server))
            back.start()
            self._forth(client, server)
            back.join()

    def _forth(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65_536):
                loses = self.loses if b"COMMIT" in data else None
                if loses is not None:
                    self.loses, self.lost = None, self.lost + 1
                    client.shutdown(socket.SHUT_RDWR)
                if loses != "commit":
                    server.sendall(data)
        _hang_up(client, server)

    def _back(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65_536):
                client.sendall(data)
        _hang_up(client, server)


def _hang_up(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy(uri: str) -> Iterator[Proxy]:
    """A proxy for the server at this address."""
    with tempfile.TemporaryDirectory(prefix="isms-proxy-") as folder:
        Path(folder).chmod(0o755)
        standing = Proxy(uri.partition("host=")[2].partition("&")[0], folder)
        try:
            yield standing
        finally:
            standing.close()
