"""Gateways of the tests' own: raw sockets that count what arrives and answer with exactly the given bytes."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, BinaryIO, Self

if TYPE_CHECKING:
    from collections.abc import Callable


def reply(body: str, *, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
    """The bytes of a response; `length` says more or less than there is."""
    raw = body.encode()
    size = len(raw) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + raw


DROP = b""
"""Close the connection without a byte."""

RESET = b"RESET"
"""Reset the connection (RST) without a byte."""


def until(condition: Callable[[], object], *, within_s: float = 60.0) -> None:
    """Wait until the other side has counted what it should; that never takes so long."""
    deadline, pause = time.monotonic() + within_s, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "the other side never got there"
        pause.wait(0.02)


class Peer:
    """A server on loopback; `answer` gets the request target and says which bytes come back.

    `targets` is what was asked, in the order of arrival: the other side's own count.
    """

    def __init__(self, answer: Callable[[str], bytes]) -> None:
        self._answer = answer
        self.targets: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/api/http/"

    def asked(self, page: str) -> int:
        """How often a page was asked for."""
        return sum(f"/{page}?" in target for target in self.targets)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            connection.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            while line := _request(stream):
                target = line.split(" ")[1]
                self.targets.append(target)
                response = self._answer(target)
                if response == RESET:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                if response in {DROP, RESET}:
                    break
                connection.sendall(response)
                if _is_cut_off(response):
                    break
        self._open.discard(connection)


def _request(stream: BinaryIO) -> str:
    """The request line, once the head is read to its end; empty when the client has gone."""
    first = ""
    try:
        while (line := stream.readline()) not in {b"\r\n", b""}:
            first = first or line.decode()
    except (OSError, ValueError):
        return ""
    return first


def _is_cut_off(response: bytes) -> bool:
    head, _, body = response.partition(b"\r\n\r\n")
    return f"Content-Length: {len(body)}".encode() not in head
