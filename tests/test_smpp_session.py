"""A session tells each request once what it came to, whatever the other side says, and when."""

from __future__ import annotations

import logging
import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isms_data.errors import (
    AuthenticationError,
    GatewayError,
    GatewayUnavailable,
    InvalidMobile,
    InvalidSchedule,
    InvalidSender,
    NoSuchMessage,
    ReplyLost,
)
from isms_data.transports.smpp_pdu import Command, Pdu, QueryResp, Splitter, Status
from isms_data.transports.smpp_session import LAST_SEQUENCE, Outgoing, Request, Session, State
from isms_data.transports.smpp_settings import SmppSettings
from tests.smpp_peer import ANSWER, DELIVER, ENQUIRE, GENERIC_NACK, QUERY, SUBMIT, TRANSCEIVER, UNBIND, pdu

if TYPE_CHECKING:
    from collections.abc import Iterable

BIND_OK = pdu(TRANSCEIVER | ANSWER, 1, b"smsc\0")


class Stage:
    """A session with both its sides in the test's hands, and a clock."""

    def __init__(self, query: str = "window=10", *, bound: bool = True) -> None:
        self.now = 1_000.0
        self.written = b""
        self.hung_up: bool | None = None
        """None: not; else whether in good order."""
        self.told: list[tuple[Any, Any]] = []
        self.delivered: list[Pdu] = []
        self.said: list[str] = []
        settings = SmppSettings.of(f"smpp://shop:s3cr3t!x@localhost?{query}")
        self.session = Session(settings, self, write=self._write, hang_up=self._hang_up)
        self.session.bind(self.now)
        if bound:
            self.hear(BIND_OK)
            self.written = b""

    def bound(self, _session: Session) -> None:
        self.said.append("bound")

    def answered(self, _session: Session) -> None:
        self.said.append("answered")

    def slow_down(self) -> None:
        self.said.append("slow down")

    def came(self, _session: Session, pdu: Pdu) -> None:
        self.delivered.append(pdu)

    def ended(self, _session: Session) -> None:
        self.said.append("ended")

    def _write(self, octets: bytes) -> None:
        self.written += octets

    def _hang_up(self, in_order: bool) -> None:  # noqa: FBT001 - as the session says it
        assert self.hung_up is None
        self.hung_up = in_order

    def hear(self, octets: bytes) -> None:
        self.session.receive(octets, self.now)

    def post(self, keys: Iterable[Any], command: int = Command.SUBMIT_SM) -> list[int]:
        """Let requests wait; their sequence numbers."""
        numbers = []
        for key in keys:
            item = Outgoing(key, self.session.name, self.session.reserve(1), b"body")
            self.session.put(Request(command, item, lambda item, outcome: self.told.append((item.key, outcome))))
            numbers.append(item.sequence)
        return numbers

    def send(self, keys: Iterable[Any], command: int = Command.SUBMIT_SM) -> list[int]:
        """Write requests; their sequence numbers."""
        numbers = self.post(keys, command)
        self.session.write(self.session.writable, self.now)
        return numbers

    def spoken(self) -> list[Pdu]:
        """What was written since it was last asked."""
        spoken, self.written = Splitter().feed(self.written), b""
        return spoken

    def kinds(self) -> list[tuple[Any, str]]:
        """What was told, errors by their class."""
        return [(key, outcome if isinstance(outcome, str) else type(outcome).__name__) for key, outcome in self.told]


def accepted(sequence: int, message_id: bytes = b"id") -> bytes:
    return pdu(SUBMIT | ANSWER, sequence, message_id + b"\0")


# Binding


def test_bind_says_who_it_is() -> None:
    """The first PDU is the bind of the mode, with user, password and version 3.4."""
    (bind,) = Stage("mode=receiver&system_type=SMPP", bound=False).spoken()

    assert bind == Pdu(Command.BIND_RECEIVER, 0, 1, b"shop\0s3cr3t!x\0SMPP\0\x34\0\0\0")


def test_bound_by_the_answer() -> None:
    """A session is of use from the answer to its bind on, and not before."""
    stage = Stage(bound=False)
    stage.post(["a"])
    before = stage.session.writable
    stage.hear(BIND_OK)

    assert (before, stage.session.writable, stage.session.state, stage.said) == (
        0,
        1,
        State.BOUND,
        ["bound", "answered"],
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (Status.ESME_RINVPASWD, AuthenticationError),
        (Status.ESME_RINVSYSID, AuthenticationError),
        (Status.ESME_RBINDFAIL, AuthenticationError),
        (Status.ESME_RALYBND, GatewayUnavailable),
        (Status.ESME_RSYSERR, GatewayUnavailable),
        (0x400, GatewayUnavailable),
    ],
)
def test_bind_refused(status: int, kind: type[GatewayError]) -> None:
    """A refusal ends the session, names the status, and says nothing of the password."""
    stage = Stage(bound=False)
    stage.hear(pdu(TRANSCEIVER | ANSWER, 1, status=status))

    assert type(stage.session.error) is kind
    assert getattr(status, "name", "0x00000400") in str(stage.session.error)
    assert "s3cr3t" not in str(stage.session.error)
    assert (stage.session.state, stage.hung_up, stage.said) == (State.CLOSED, True, ["ended", "answered"])


def test_bind_not_answered() -> None:
    """Silence after the bind ends the session; nothing was sent, and that is said."""
    stage = Stage("timeout=5s", bound=False)
    again = stage.session.tick(stage.now)
    stage.session.tick(stage.now + 5.0)

    assert again == stage.now + 5.0
    assert isinstance(stage.session.error, GatewayUnavailable)
    assert "bind_transceiver was not answered: no answer came within 5 s" in str(stage.session.error)


# Answers


def test_answers_in_any_order() -> None:
    """Each answer goes to the request of its number, wherever its place is."""
    stage = Stage()
    first, second, third = stage.send("abc")
    stage.hear(accepted(third, b"3") + accepted(first, b"1"))
    stage.hear(accepted(second, b"2"))

    assert stage.told == [("c", "3"), ("a", "1"), ("b", "2")]
    assert stage.session.unanswered == 0


def test_answer_twice_counts_once() -> None:
    """The second answer to one number, and answers to numbers that nobody used, meet nobody."""
    stage = Stage()
    (number,) = stage.send("a")
    stage.hear(accepted(number) + accepted(number, b"other") + accepted(4_711) + accepted(0))

    assert stage.told == [("a", "id")]
    assert stage.session.state is State.BOUND


def test_answer_to_another_command_is_not_taken() -> None:
    """A number is no proof: an answer of another command leaves the request where it is."""
    stage = Stage()
    (number,) = stage.send("a")
    stage.hear(
        pdu(QUERY | ANSWER, number, b"id\0\0\2\0") + pdu(ENQUIRE | ANSWER, number) + pdu(UNBIND | ANSWER, number)
    )

    assert (stage.told, stage.session.unanswered, stage.session.state) == ([], 1, State.BOUND)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (Status.ESME_RTHROTTLED, GatewayUnavailable),
        (Status.ESME_RMSGQFUL, GatewayUnavailable),
        (Status.ESME_RINVBNDSTS, GatewayUnavailable),
        (Status.ESME_RINVSRCADR, InvalidSender),
        (Status.ESME_RINVSRCTON, InvalidSender),
        (Status.ESME_RINVSRCNPI, InvalidSender),
        (Status.ESME_RINVDSTADR, InvalidMobile),
        (Status.ESME_RINVDSTTON, InvalidMobile),
        (Status.ESME_RINVDSTNPI, InvalidMobile),
        (Status.ESME_RINVSCHED, InvalidSchedule),
        (Status.ESME_RINVEXPIRY, InvalidSchedule),
        (Status.ESME_RSYSERR, GatewayError),
        (Status.ESME_RSUBMITFAIL, GatewayError),
        (0x4FF, GatewayError),
    ],
)
def test_refusal_names_the_status(status: int, kind: type[GatewayError]) -> None:
    """Each status is the error that fits, with its name; refusals may come with a body or without."""
    stage = Stage()
    stage.send("ab")
    stage.hear(pdu(SUBMIT | ANSWER, 2, status=status) + pdu(SUBMIT | ANSWER, 3, b"\0", status=status))

    assert [(key, type(error)) for key, error in stage.told] == [("a", kind), ("b", kind)]
    assert all(getattr(status, "name", "0x000004FF") in str(error) for _, error in stage.told)
    assert stage.said.count("slow down") == (2 if status in {0x58, 0x14} else 0)


@pytest.mark.parametrize("status", [Status.ESME_RQUERYFAIL, Status.ESME_RINVMSGID])
def test_query_for_nothing(status: int) -> None:
    """A query_sm that finds no message says so."""
    stage = Stage()
    stage.send("q", Command.QUERY_SM)
    stage.hear(pdu(QUERY | ANSWER, 2, status=status))

    assert type(stage.told[0][1]) is NoSuchMessage


def test_generic_nack_refuses_the_request_it_numbers() -> None:
    """A generic_nack is the answer to the request of its number; with number 0 it is nobody's."""
    stage = Stage()
    stage.send("ab")
    stage.hear(pdu(GENERIC_NACK, 0, status=2) + pdu(GENERIC_NACK, 3, status=3))

    assert [(key, type(error)) for key, error in stage.told] == [("b", GatewayError)]
    assert "ESME_RINVCMDID" in str(stage.told[0][1])


def test_query_is_answered_in_its_own_terms() -> None:
    """The answer to a query_sm is read as such."""
    stage = Stage()
    (number,) = stage.send("q", Command.QUERY_SM)
    stage.hear(pdu(QUERY | ANSWER, number, b"id\0\0\2\0"))

    assert stage.told == [("q", QueryResp("id", "", 2, 0))]


@given(cuts=st.lists(st.integers(0, 200), max_size=12))
def test_octets_may_come_in_any_pieces(cuts: list[int]) -> None:
    """Where the network cuts what comes makes no difference."""
    stage = Stage()
    numbers = stage.send("abcde")
    octets = b"".join(accepted(number, b"%d" % number) for number in reversed(numbers)) + pdu(ENQUIRE, 9)
    edges = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
    for begin, end in pairwise(edges):
        stage.hear(octets[begin:end])

    assert stage.told == [(key, str(number)) for key, number in zip("edcba", reversed(numbers), strict=True)]
    assert stage.spoken()[-1] == Pdu(ENQUIRE | ANSWER, 0, 9, b"")


# Window and numbers


def test_window_is_held() -> None:
    """Never more are unanswered than the window has, and each answer makes room for one."""
    stage = Stage("window=3")
    stage.send(range(10))
    full = stage.session.writable
    stage.hear(accepted(3))

    assert (full, stage.session.unanswered, stage.session.writable, len(stage.spoken())) == (0, 2, 1, 3)


def test_window_counts_the_links_own_questions() -> None:
    """An enquire_link is unanswered like any other request, and is not kept back by a full window."""
    stage = Stage("window=1&enquire=10s")
    stage.send("ab")
    stage.now += 10.0
    stage.session.tick(stage.now)
    stage.hear(accepted(2))

    assert (stage.session.unanswered, stage.session.writable) == (1, 0)


def test_room_knows_what_is_promised() -> None:
    """What was reserved takes room before it is posted, and no more once it is."""
    stage = Stage("window=10")
    stage.session.reserve(4)
    reserved = stage.session.room
    stage.post("abc")

    assert (reserved, stage.session.room) == (6, 3)


def test_paused_connection_takes_nothing() -> None:
    """While the connection is full nothing is written."""
    stage = Stage()
    stage.post("ab")
    stage.session.paused = True
    paused = stage.session.writable
    stage.session.paused = False

    assert (paused, stage.session.writable) == (0, 2)


def test_sequence_numbers_begin_again_at_their_end() -> None:
    """Numbers go to 0x7FFFFFFF and from there to 1; those of one message are in a row."""
    stage = Stage()
    stage.session._sequence = LAST_SEQUENCE - 4
    firsts = [stage.session.reserve(count) for count in (2, 3, 1)]

    assert firsts == [LAST_SEQUENCE - 3, 1, 4]
    assert [stage.session.reserve(1) for _ in range(2)] == [5, 6]


def test_last_sequence_number_is_used() -> None:
    """0x7FFFFFFF is a number like any other."""
    stage = Stage()
    stage.session._sequence = LAST_SEQUENCE - 1

    assert [stage.session.reserve(1), stage.session.reserve(1)] == [LAST_SEQUENCE, 1]


# What the other side asks


def test_questions_of_the_other_side_are_answered() -> None:
    """enquire_link is answered in every state; what no client takes is refused, by its name where it has one."""
    stage = Stage(bound=False)
    stage.spoken()
    stage.hear(pdu(ENQUIRE, 5) + pdu(DELIVER, 6) + BIND_OK)
    stage.hear(pdu(ENQUIRE, 7) + pdu(SUBMIT, 8) + pdu(0x0999, 9) + pdu(0x0102, 10) + pdu(0x0B, 11))

    assert stage.spoken() == [
        Pdu(ENQUIRE | ANSWER, 0, 5, b""),
        Pdu(DELIVER | ANSWER, Status.ESME_RINVBNDSTS, 6, b""),
        Pdu(ENQUIRE | ANSWER, 0, 7, b""),
        Pdu(SUBMIT | ANSWER, Status.ESME_RINVBNDSTS, 8, b""),
        Pdu(GENERIC_NACK, Status.ESME_RINVCMDID, 9, b""),
    ]


def test_delivery_is_acknowledged_when_asked_to() -> None:
    """A deliver_sm is handed on and not answered; `acknowledge` answers it, and data_sm by its own name."""
    stage = Stage()
    stage.hear(pdu(DELIVER, 5, b"x") + pdu(0x0103, 6, b"y"))
    before = stage.spoken()
    stage.session.acknowledge([(stage.delivered[0], 0), (stage.delivered[1], 0x14)])

    assert before == []
    assert stage.spoken() == [Pdu(DELIVER | ANSWER, 0, 5, b"\0"), Pdu(0x8000_0103, 0x14, 6, b"\0")]


def test_delivery_of_an_ended_session_cannot_be_acknowledged() -> None:
    """After the end nothing is written: it will come again."""
    stage = Stage()
    stage.hear(pdu(DELIVER, 5, b"x"))
    stage.session.lost("reset")
    stage.session.acknowledge([(stage.delivered[0], 0)])

    assert stage.spoken() == []


# Unbinding


def test_unbind_of_the_other_side_is_answered_and_drained() -> None:
    """What was written may still be answered, what was not is given back, and then the connection is closed."""
    stage = Stage("window=2")
    stage.send("abc")
    stage.spoken()
    stage.hear(pdu(UNBIND, 77))
    answer, told, state = stage.spoken(), stage.kinds(), stage.session.state
    stage.hear(accepted(2, b"A") + accepted(3, b"B"))

    assert answer == [Pdu(UNBIND | ANSWER, 0, 77, b"")]
    assert (told, state) == ([("c", "GatewayUnavailable")], State.UNBINDING)
    assert stage.kinds()[1:] == [("a", "A"), ("b", "B")]
    assert (stage.session.state, stage.hung_up) == (State.CLOSED, True)


def test_unbind_of_the_other_side_with_nothing_open() -> None:
    """Then the connection is closed at once, in good order, so that the answer leaves."""
    stage = Stage()
    stage.hear(pdu(UNBIND, 77) + pdu(ENQUIRE, 78))

    assert stage.spoken()[0] == Pdu(UNBIND | ANSWER, 0, 77, b"")
    assert (stage.session.state, stage.hung_up) == (State.CLOSED, True)


def test_unbinding_session_takes_no_more() -> None:
    """Nothing new is written, receipts are left where they are, and silence ends it by its time-out."""
    stage = Stage("timeout=5s")
    stage.send("a")
    stage.spoken()
    stage.hear(pdu(UNBIND, 77) + pdu(DELIVER, 78, b"x") + pdu(UNBIND, 79))
    stage.session.unbind(stage.now)
    spoken = stage.spoken()
    stage.session.tick(stage.now + 5.0)

    assert [(each.command, each.sequence) for each in spoken] == [(UNBIND | ANSWER, 77), (UNBIND | ANSWER, 79)]
    assert (stage.delivered, stage.session.writable) == ([], 0)
    assert (stage.kinds(), stage.hung_up) == ([("a", "ReplyLost")], False)


def test_own_unbind() -> None:
    """After unbind_resp the connection is closed in good order; what is then unanswered is in doubt."""
    stage = Stage("window=1")
    stage.send("ab")
    stage.spoken()
    stage.session.unbind(stage.now)
    (unbind,) = stage.spoken()
    stage.hear(pdu(UNBIND | ANSWER, unbind.sequence))

    assert unbind.command == UNBIND
    assert stage.kinds() == [("b", "GatewayUnavailable"), ("a", "ReplyLost")]
    assert (stage.session.state, stage.hung_up) == (State.CLOSED, True)


# The end


def test_lost_connection_tells_everybody_once() -> None:
    """Written: may have been carried out and charged. Not written: nothing was sent. And never a second time."""
    stage = Stage("window=2")
    stage.send("abcd")
    stage.session.lost("ConnectionResetError")
    stage.session.lost("again")
    stage.hear(accepted(2))

    assert stage.kinds() == [
        ("a", "ReplyLost"),
        ("b", "ReplyLost"),
        ("c", "GatewayUnavailable"),
        ("d", "GatewayUnavailable"),
    ]
    assert "may have been carried out and charged" in str(stage.told[0][1])
    assert "Nothing was sent" in str(stage.told[2][1])
    assert stage.session.tick(stage.now + 1_000) == math.inf


def test_lost_question_is_not_charged() -> None:
    """Of a query_sm without an answer nobody says that it may have cost something."""
    stage = Stage()
    stage.send("q", Command.QUERY_SM)
    stage.session.lost("reset")

    assert "charged" not in str(stage.told[0][1])


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0\0\0\x05\0\0\0\0",
        b"\xff\xff\xff\xff",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        pdu(SUBMIT | ANSWER, 3, b"id"),
    ],
    ids=["too short", "too long", "HTTP", "no terminator"],
)
def test_garbage_ends_the_session(garbage: bytes) -> None:
    """What came before it counts; what is unanswered then is in doubt, and the connection is cut."""
    stage = Stage()
    stage.send("ab")
    stage.hear(accepted(2, b"A") + garbage)

    assert stage.kinds() == [("a", "A"), ("b", "ReplyLost")]
    assert (stage.session.state, stage.hung_up) == (State.CLOSED, False)
    assert "cannot be read" in str(stage.session.error)


def test_answers_behind_the_end_meet_nobody() -> None:
    """Once a session has ended, the rest of what came with it is not looked at."""
    stage = Stage()
    stage.send("ab")
    stage.hear(pdu(SUBMIT | ANSWER, 2, b"no end") + accepted(3))

    assert stage.kinds() == [("a", "ReplyLost"), ("b", "ReplyLost")]


def test_time_out_ends_the_session() -> None:
    """The oldest request that waits too long ends it, and with it all others."""
    stage = Stage("timeout=5s&enquire=1h")
    stage.send("a")
    stage.now += 3.0
    stage.send("b")
    first = stage.session.tick(stage.now)
    stage.session.tick(stage.now + 1.999)
    still = stage.session.state
    stage.session.tick(stage.now + 2.0)

    assert (first, still) == (stage.now + 2.0, State.BOUND)
    assert (stage.kinds(), stage.hung_up) == ([("a", "ReplyLost"), ("b", "ReplyLost")], False)


def test_answered_requests_do_not_time_out() -> None:
    """The clock runs for what is unanswered only; the next look is never later than the next time-out."""
    stage = Stage("timeout=5s&enquire=1h")
    stage.send("a")
    stage.hear(accepted(2))
    again = stage.session.tick(stage.now + 100.0)

    assert again == stage.now + 105.0
    assert stage.session.state is State.BOUND


def test_silence_is_asked_about() -> None:
    """After so long without a sign the other side is asked, once for each silence."""
    stage = Stage("enquire=10s&timeout=1min")
    early = stage.session.tick(stage.now + 9.9)
    stage.session.tick(stage.now + 10.0)
    stage.session.tick(stage.now + 10.1)
    asked = stage.spoken()
    stage.now += 15.0
    stage.hear(pdu(ENQUIRE | ANSWER, asked[0].sequence))
    again = stage.session.tick(stage.now)

    assert early == stage.now - 5.0
    assert [each.command for each in asked] == [ENQUIRE]
    assert again == stage.now + 10.0


def test_unanswered_question_ends_the_session() -> None:
    """Who does not answer enquire_link is gone."""
    stage = Stage("enquire=10s&timeout=5s")
    stage.session.tick(stage.now + 10.0)
    stage.session.tick(stage.now + 15.0)

    assert (stage.session.state, stage.hung_up) == (State.CLOSED, False)
    assert "no answer came within 5 s" in str(stage.session.error)


def test_log_names_no_number_and_no_password(caplog: pytest.LogCaptureFixture) -> None:
    """What a session logs holds nothing of what it carries."""
    caplog.set_level(logging.DEBUG, "isms_data")
    stage = Stage()
    stage.hear(
        accepted(4_711, b"306970000001") + pdu(0x8000_0999, 1, b"306970000001") + pdu(DELIVER, 1, b"306970000001")
    )
    stage.session.lost("reset")
    stage.hear(pdu(DELIVER, 2, b"306970000001"))

    assert caplog.records
    assert "30697" not in caplog.text
    assert "s3cr3t" not in caplog.text


SAID = {
    "ok": lambda number: accepted(number, b"id of %d" % number),
    "busy": lambda number: pdu(SUBMIT | ANSWER, number, status=0x58),
    "nack": lambda number: pdu(GENERIC_NACK, number, status=3),
    "other": lambda number: pdu(QUERY | ANSWER, number, b"id\0\0\2\0"),
}


@given(
    window=st.integers(1, 5),
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("post"), st.integers(1, 4)),
            st.tuples(st.just("write"), st.integers(1, 9)),
            st.tuples(st.sampled_from(["ok", "busy", "nack", "other", "wait"]), st.integers(0, 40)),
        ),
        max_size=60,
    ),
    end=st.sampled_from(["lost", "garbage", "unbind", "unbound", "time-out"]),
)
def test_each_request_is_told_exactly_once(window: int, steps: list[tuple[str, int]], end: str) -> None:
    """Whatever comes in whatever order: one outcome for each, ids only as the other side gave them, written first."""
    stage = Stage(f"window={window}&timeout=30s&enquire=20s")
    posted: list[int] = []
    for what, number in steps:
        if what == "post":
            posted += stage.post(range(len(posted), len(posted) + number))
        elif what == "write":
            stage.session.write(min(number, stage.session.writable), stage.now)
        elif what == "wait":
            stage.now += number / 10
            stage.session.tick(stage.now)
        else:
            stage.hear(SAID[what](number))
        assert stage.session.unanswered <= window + 1
    written = {each.sequence for each in stage.spoken() if each.command == SUBMIT}
    _bring_to_an_end(stage, end)

    assert sorted(key for key, _ in stage.told) == list(range(len(posted)))
    for key, outcome in stage.told:
        if isinstance(outcome, str):
            assert posted[key] in written
            assert outcome == f"id of {posted[key]}"
        elif isinstance(outcome, ReplyLost):
            assert posted[key] in written


def _bring_to_an_end(stage: Stage, how: str) -> None:
    if how == "garbage":
        stage.hear(b"\xff\xff\xff\xff")
    elif how == "unbind":
        stage.session.unbind(stage.now)
    elif how == "unbound":
        stage.hear(pdu(UNBIND, 1))
    elif how == "time-out":
        stage.session.tick(stage.now + 30.0)
    stage.session.lost("at last")
