"""The sandbox's SMPP door: a port on which clients bind, send and are told what became of it.

smsc_codec, smsc_text, smsc_rules    the standard: fields, alphabets, what is refused
smsc_messages, smsc_receipts         what becomes of a message, and how that is told
smsc_settings, smsc_faults           where real ones differ; what can go wrong
smsc_desk                            Smsc: all of the above, no I/O
smsc_outlet, smsc_link, smsc         octets out, one link, all links
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Final

from isms_data.simulator.smsc_link import Link

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator
    from ssl import SSLContext

    from isms_data.simulator.smsc_desk import Smsc

LOOK_EVERY_S: Final = 0.02
"""How often the receipts that are due are looked for; the clock may be one that a test moves by hand."""

TURNS: Final = 20
"""So many turns of the loop a connection has at the stop to arrive, to send what is on its way, and to be gone."""


class Links:
    """All links of one SMSC."""

    def __init__(self, desk: Smsc) -> None:
        self.links: dict[int, Link] = {}
        self._desk = desk
        self._numbers = count(1)

    def new(self) -> Link:
        """The link of the next connection."""
        return Link(self._desk, self, next(self._numbers))

    def feed(self, username: str) -> None:
        """Give the waiting receipts of an account to its links, each to the one with the most room."""
        queue = self._desk.waiting[username]
        mine = [link for link in self.links.values() if link.username == username]
        while queue and mine:
            link = max(mine, key=lambda each: each.room)
            if link.room <= 0:
                break
            link.tell(queue.popleft())
        for link in mine:
            link.outlet.flush()

    async def watch(self) -> None:
        """Look after receipts and silent links, until cancelled."""
        while True:
            self._desk.due()
            for username in [name for name, queue in self._desk.waiting.items() if queue]:
                self.feed(username)
            for link in list(self.links.values()):
                link.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def close(self) -> None:
        """End all links."""
        for link in list(self.links.values()):
            link.outlet.close()
        await _some_turns()
        for link in list(self.links.values()):
            link.outlet.cut()
        await _some_turns()


@asynccontextmanager
async def listening(desk: Smsc, listener: socket.socket, tls: SSLContext | None = None) -> AsyncIterator[None]:
    """Serve on a listening socket for as long as the block lasts."""
    links = Links(desk)
    server = await asyncio.get_running_loop().create_server(links.new, sock=listener, ssl=tls)
    watcher = asyncio.create_task(links.watch())
    try:
        yield
    finally:
        watcher.cancel()
        server.close()
        await _some_turns()  # connections that were accepted already reach their link
        await links.close()
        with suppress(asyncio.CancelledError):
            await watcher


async def _some_turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)
