"""Submitting over SMPP, one bind, against the ready-made Python clients; and 700 a second held for a minute.

    python benchmarks/smpp.py                                 about three minutes
    python benchmarks/smpp.py --messages 50000 --rounds 7
    python benchmarks/smpp.py --skip-minute                   the comparison only

The SMSC is a process of its own, on a core of its own where the system can pin one, and answers from memory. Each
client keeps a window full: `gateway` is `SmppGateway.post`, every message encoded anew; `campaign` is the whole of
`send_messages`: a planned frame in, each message claimed in the journal before it leaves and its outcome written down
after, a frame out; smpp34 (its session is compiled Rust) has as many coroutines as the window has places; smpplib
writes until the window is full and then reads an answer; aiosmpplib gets a message into its queue for each answer.
Those that are not installed are named and left out (`pip install --no-deps smpp34 smpplib aiosmpplib`). The ways take
turns; only the ratios mean anything, and on a busy machine that of the CPU time is the steadier.

Then a campaign of a minute: an SMSC that takes 700 messages in any second, and answers the rest with ESME_RTHROTTLED,
sends a receipt for each. The pace is the documented one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections import deque
from contextlib import contextmanager
from functools import cache
from itertools import islice
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

import pandas as pd
from lookup import pin, uvloop

import isms_data as isms
from isms_data.transports.smpp import Outgoing, SmppGateway, submit_body
from isms_data.transports.smpp_settings import SmppSettings
from isms_data.transports.smpp_text import wires
from isms_data.vocabulary import Coding

try:
    import smpp34
except ImportError:
    smpp34 = None
try:
    import smpplib.client
    import smpplib.gsm
except ImportError:
    smpplib = None
try:
    import aiosmpplib
except ImportError:
    aiosmpplib = None

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WINDOWS: Final = (10, 50, 200)
TEXT: Final = "20% off everything until Saturday"
SENDER: Final = "MyShop"
FIRST_NUMBER: Final = 306970000000

RATE: Final = 700
MINUTE: Final = 42_000
"""Messages that 700 a second make in a minute."""

SHARES: Final = {"gateway": 1, "campaign": 1, "smpp34": 2, "smpplib": 2, "aiosmpplib": 10}
"""The slower ones get a part of the messages: a message costs them the same, however many there are."""


# The server.


_HEAD: Final = struct.Struct("!LLLL")
_ANSWER: Final = 0x8000_0000
_SUBMIT, _DELIVER, _UNBIND, _ENQUIRE, _TOLD = 0x04, 0x05, 0x06, 0x15, 0x9999
_THROTTLED: Final = 0x58


class Counts(NamedTuple):
    """What the server counted: taken, throttled, receipts acknowledged, and the most it was sent in any second."""

    taken: int = 0
    throttled: int = 0
    acknowledged: int = 0
    most_in_a_second: int = 0


class Smsc(asyncio.Protocol):
    """Takes what comes, as far as its rate goes; a capped one sends a receipt for each. `_TOLD` asks for the counts."""

    rate: int | None = None
    counts = Counts()
    came: ClassVar[deque[float]] = deque()
    taken_at: ClassVar[deque[float]] = deque()
    bound: ClassVar[Any] = None
    waiting: ClassVar[dict[int, bytes]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with nothing read."""
        self._transport: Any = transport
        self._read = b""

    def data_received(self, data: bytes) -> None:
        """Answer all that is whole in one write."""
        if data.startswith(b"GET "):  # the balance, which a campaign asks for first
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\nCredits:1000000.00")
            return
        octets, at, answers = self._read + data, 0, []
        while len(octets) - at >= _HEAD.size:
            length, command, _, sequence = _HEAD.unpack_from(octets, at)
            if len(octets) - at < length:
                break
            answers.append(self._answer(command, sequence, octets[at + _HEAD.size : at + length]))
            at += length
        self._read = octets[at:]
        self._transport.write(b"".join(answers))

    def _answer(self, command: int, sequence: int, body: bytes) -> bytes:
        if command == _SUBMIT:
            return self._submitted(sequence, body)
        if command == _DELIVER | _ANSWER:
            Smsc.waiting.pop(sequence, None)
            Smsc.counts = Smsc.counts._replace(acknowledged=Smsc.counts.acknowledged + 1)
            return b""
        if command in {_UNBIND, _ENQUIRE}:
            return _pdu(command | _ANSWER, sequence)
        if command == _TOLD:
            told, Smsc.counts = Smsc.counts, Counts()
            return _pdu(_TOLD, sequence, json.dumps(told).encode())
        Smsc.bound = self._transport
        asyncio.get_running_loop().call_soon(self._transport.write, b"".join(Smsc.waiting.values()))
        return _pdu(command | _ANSWER, sequence, b"smsc\0")

    def _submitted(self, sequence: int, body: bytes) -> bytes:
        taken, throttled, acknowledged, most = Smsc.counts
        if Smsc.rate is not None:
            now = time.monotonic()
            most = max(most, _within_a_second(Smsc.came, now))
            if _within_a_second(Smsc.taken_at, now, limit=Smsc.rate) > Smsc.rate:
                Smsc.counts = Counts(taken, throttled + 1, acknowledged, most)
                return _pdu(_SUBMIT | _ANSWER, sequence, status=_THROTTLED)
            _, _sender, recipient, *_ = body.split(b"\0")
            asyncio.get_running_loop().call_later(0.5, _deliver, sequence, recipient[2:])
        Smsc.counts = Counts(taken + 1, throttled, acknowledged, most)
        return _pdu(_SUBMIT | _ANSWER, sequence, b"%08x\0" % sequence)


def _deliver(sequence: int, number: bytes) -> None:
    """A receipt to whoever is bound; what is not acknowledged comes again at the next bind."""
    Smsc.waiting[sequence] = _receipt(sequence, number)
    if not Smsc.bound.is_closing():
        Smsc.bound.write(Smsc.waiting[sequence])


def _within_a_second(times: deque[float], now: float, *, limit: int | None = None) -> int:
    """How many came in the second that ends now, this one included; where there is a limit, it is not kept beyond."""
    while times and times[0] <= now - 1.0:
        times.popleft()
    count = len(times) + 1
    if limit is None or count <= limit:
        times.append(now)
    return count


def _pdu(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    return _HEAD.pack(_HEAD.size + len(body), command, status, sequence) + body


def _receipt(sequence: int, number: bytes) -> bytes:
    text = (
        b"id:%08x sub:001 dlvrd:001 submit date:2611231200 done date:2611231200 stat:DELIVRD err:000 text:" % sequence
    )
    addresses = b"\0\1\1%b\0\5\0%b\0" % (number, SENDER.encode())
    return _pdu(_DELIVER, sequence, addresses + b"\4\0\0\0\0\0\0\0\0" + bytes([len(text)]) + text)


async def serve(rate: int | None) -> None:
    """Serve until the standard input ends; the first line of the output is the port."""
    Smsc.rate = rate
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Smsc, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


@contextmanager
def served(rate: int = 0) -> Iterator[int]:
    """The server in a process of its own; its port."""
    command = [sys.executable, __file__, "--serve", str(rate)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - this file
        port = process.stdout.readline() if process.stdout else ""
        pin(1)
        try:
            yield int(port)
        finally:
            process.communicate()


def counts(port: int) -> Counts:
    """What the server counted since it was last asked."""
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as stream:
        connection.sendall(_pdu(_TOLD, 1))
        length, *_ = _HEAD.unpack(stream.read(_HEAD.size))
        return Counts(*json.loads(stream.read(length - _HEAD.size)))


# The clients: each submits so many messages with such a window.


def gateway(port: int, window: int, messages: int) -> None:
    """`SmppGateway.post`, on the loop that the package runs on."""
    settings = SmppSettings.of(f"smpp://user:secret@127.0.0.1:{port}?window={window}&rate=1000000")
    with asyncio.Runner(loop_factory=uvloop and uvloop.new_event_loop) as runner:
        runner.run(_post(settings, messages))


async def _post(settings: SmppSettings, messages: int) -> None:
    """Post new messages as answers come."""
    (wire,) = wires(TEXT, Coding.GSM, reference=0)
    unanswered, answered = messages, asyncio.Event()
    numbers = iter(range(FIRST_NUMBER, FIRST_NUMBER + messages))

    def told(_item: Outgoing, outcome: object) -> None:
        nonlocal unanswered
        if not isinstance(outcome, str):
            raise SystemExit(str(outcome))
        unanswered -= 1
        if not unanswered:
            answered.set()
        elif not unanswered % 50:
            post(50)

    def post(count: int) -> None:
        bodies = [submit_body(settings, SENDER, str(number), wire) for number in islice(numbers, count)]
        session, first = bound.reserve(len(bodies))
        bound.post([Outgoing(None, session, first + place, body) for place, body in enumerate(bodies)], told)

    async with SmppGateway(settings) as bound:
        post(2 * settings.window + 50)
        await answered.wait()


def campaign(port: int, window: int, messages: int) -> None:
    """`send_messages` with its journal."""
    with an_account(port, f"window={window}&rate=1000000") as account:
        _sent(messages, account)


@contextmanager
def an_account(port: int, settings: str) -> Iterator[isms.Account]:
    """An account with a journal of its own."""
    with TemporaryDirectory() as home:
        yield isms.Account(
            "user",
            "secret",
            base_url=f"http://127.0.0.1:{port}/api/http/",
            smpp=f"smpp://user:secret@127.0.0.1:{port}?{settings}",
            home=home,
            progress=False,
        )


def _sent(messages: int, account: isms.Account) -> None:
    sent = isms.send_messages(planned(messages), transport="smpp", account=account)
    if not sent["outcome"].eq("accepted").all():
        raise SystemExit(str(sent["outcome"].value_counts()))


@cache
def planned(messages: int) -> pd.DataFrame:
    """A plan of so many personal messages; made once, before the clock."""
    numbers = [str(number) for number in range(FIRST_NUMBER, FIRST_NUMBER + messages)]
    frame = pd.DataFrame({"msisdn": numbers, "name": [f"number {place}" for place in range(messages)]}, dtype="str")
    with isms.sandbox(credits=10 * messages) as account:
        return isms.plan_messages(
            frame, "msisdn", campaign="bench", sender=SENDER, text="{name}: " + TEXT, account=account
        )


def by_smpp34(port: int, window: int, messages: int) -> None:
    """smpp34: a coroutine for each place in the window."""
    asyncio.run(_by_smpp34(port, window, iter(range(FIRST_NUMBER, FIRST_NUMBER + messages))))


async def _by_smpp34(port: int, window: int, numbers: Iterator[int]) -> None:
    client = smpp34.Client("127.0.0.1", port, "user", "secret", bind_type="TRX", window_size=window)
    session = await client.connect()

    async def work() -> None:
        for number in numbers:
            answer = await session.submit_sm(
                str(number),
                TEXT.encode(),
                source_addr=SENDER,
                source_addr_ton=5,
                dest_addr_ton=1,
                dest_addr_npi=1,
                registered_delivery=1,
            )
            if not answer.is_success:
                raise SystemExit(str(answer.command_status))

    await asyncio.gather(*(work() for _ in range(window)))
    await client.stop()


def by_smpplib(port: int, window: int, messages: int) -> None:
    """smpplib: write until the window is full, then read an answer."""
    client = smpplib.client.Client("127.0.0.1", port, allow_unknown_opt_params=True)
    client.set_message_sent_handler(lambda pdu: None)  # noqa: ARG005 - the interface
    client.connect()
    client.bind_transceiver(system_id="user", password="secret")
    under_way = 0
    for number in range(FIRST_NUMBER, FIRST_NUMBER + messages):
        client.send_message(
            source_addr_ton=5,
            source_addr=SENDER,
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr=str(number),
            short_message=TEXT.encode(),
            registered_delivery=True,
        )
        under_way += 1
        if under_way == window:
            client.read_once()
            under_way -= 1
    for _ in range(under_way):
        client.read_once()
    client.unbind()
    client.disconnect()


def by_aiosmpplib(port: int, window: int, messages: int) -> None:
    """aiosmpplib: a message into its queue for each answer."""
    asyncio.run(_by_aiosmpplib(port, window, messages))


async def _by_aiosmpplib(port: int, window: int, messages: int) -> None:
    numbers = iter(range(FIRST_NUMBER, FIRST_NUMBER + messages))
    left, done = messages, asyncio.Event()

    class Hook(aiosmpplib.AbstractHook):
        """Counts answers, and brings the next message for each."""

        async def sending(self, smpp_message: Any, pdu: bytes, client_id: str) -> None:
            pass

        async def received(self, smpp_message: Any, pdu: bytes, client_id: str) -> None:  # noqa: ARG002 - the interface
            nonlocal left
            if isinstance(smpp_message, aiosmpplib.SubmitSmResp):
                left -= 1
                await more()
                if not left:
                    done.set()

        async def send_error(self, smpp_message: Any, error: Exception, client_id: str) -> None:  # noqa: ARG002 - as above
            raise SystemExit(str(error))

    async def more() -> None:
        for number in numbers:
            message = aiosmpplib.SubmitSm(
                short_message=TEXT,
                source=aiosmpplib.PhoneNumber(SENDER, ton=aiosmpplib.TON.ALPHANUMERIC),
                destination=aiosmpplib.PhoneNumber(str(number)),
                log_id=str(number),
            )
            await esme.broker.enqueue(message)
            break

    esme = aiosmpplib.ESME("127.0.0.1", port, "user", "secret", hook=Hook(), log_level=logging.ERROR)
    for _ in range(window):
        await more()
    running = asyncio.create_task(esme.start())
    await done.wait()
    await esme.stop()
    await running


CLIENTS: Final[dict[str, tuple[object, Callable[[int, int, int], None]]]] = {
    "gateway": (SmppGateway, gateway),
    "campaign": (isms, campaign),
    "smpp34": (smpp34, by_smpp34),
    "smpplib": (smpplib, by_smpplib),
    "aiosmpplib": (aiosmpplib, by_aiosmpplib),
}
"""By name: what must be installed, and what submits."""

OURS: Final = ("gateway", "campaign")


# What is measured.


class Cost(NamedTuple):
    """What a message cost, in seconds."""

    wall: float
    cpu: float


def cost(client: Callable[[int, int, int], None], port: int, window: int, messages: int) -> Cost:
    """One run of a client; ends where the server has not taken every message."""
    counts(port)
    wall, cpu = time.perf_counter(), time.process_time()
    client(port, window, messages)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if (taken := counts(port).taken) != messages:
        sys.exit(f"{messages:,} messages, and the server took {taken:,}")
    return Cost(wall / messages, cpu / messages)


def compare(messages: int, rounds: int) -> None:
    """Print the rates and the ratios for each window; the ways take turns."""
    clients = {name: client for name, (needed, client) in CLIENTS.items() if needed is not None}
    for missing in CLIENTS.keys() - clients.keys():
        print(f"{missing} is not installed, so it was not measured (pip install --no-deps {missing})")
    print(
        f"{messages:,} messages, one bind, medians of {rounds} alternating runs, {'uvloop' if uvloop else 'stock loop'}"
    )
    planned(messages // SHARES["campaign"])
    with served() as port:
        for window in WINDOWS:
            found: dict[str, list[Cost]] = {name: [] for name in clients}
            for _ in range(rounds):
                for name, client in clients.items():
                    found[name].append(cost(client, port, window, messages // SHARES[name]))
            _print(window, found)


def _print(window: int, found: dict[str, list[Cost]]) -> None:
    for name, costs in found.items():
        wall, cpu = (statistics.median(values) for values in zip(*costs, strict=True))
        ratios = "   ".join(f"{ours} {_ratio(costs, found[ours]):.1f} x as fast" for ours in OURS if name not in OURS)
        print(f"window {window:3} {name:10} {1 / wall:>9,.0f}/s   CPU {cpu * 1e3:7.4f} s for 1,000   {ratios}".rstrip())


def _ratio(costs: list[Cost], ours: list[Cost]) -> float:
    return statistics.median(other.wall / mine.wall for other, mine in zip(costs, ours, strict=True))


def minute(messages: int) -> None:
    """Print what a campaign at the documented pace takes, and what the server says of it."""
    planned(messages)
    with served(RATE) as port, an_account(port, f"rate={RATE}") as account:
        wall, cpu = time.perf_counter(), time.process_time()
        _sent(messages, account)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        status = isms.delivery_status("bench", max_wait="20s", account=account)
        told = counts(port)
    print(
        f"{messages:,} messages at {RATE} a second: {wall:.1f} s, {told.throttled} throttled; in any second the server "
        f"saw {told.most_in_a_second} at most; CPU {cpu / messages * 1e3:.3f} s for 1,000; "
        f"{told.acknowledged:,} receipts acknowledged, {status['final'].sum():,} messages known to be delivered"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minute", type=int, default=MINUTE, help="messages of the campaign at the documented pace")
    parser.add_argument("--skip-minute", action="store_true")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve is not None:
        pin(0)
        asyncio.run(serve(chosen.serve or None))
        return
    compare(chosen.messages, chosen.rounds)
    if not chosen.skip_minute:
        minute(chosen.minute)


if __name__ == "__main__":
    main()
