"""Make delivery.parquet: eight weeks of messages of a made-up shop, as the sandbox gateway carried them.

    python data/samples/make_delivery_sample.py [folder]

The sandbox runs on a clock that this script moves by hand, which no real run can: so the calls are made to it directly,
and the frame is built from its ledger, with the columns that `delivery_status` gives. What becomes of a message, and
when, is the sandbox's doing. The script decides who is written to, when, and what goes wrong:

    phones that are off for days     half of the absent subscribers
    an outage                        two hours of an evening in which hardly a message into one network arrives
    a lost reply                     one call of which nobody knows whether it was carried out

Seeded: the same libraries make the same frame again. README.md, beside this file, says what is in it.
"""

from __future__ import annotations

import random
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd

import isms_data as isms
from isms_data import tables
from isms_data.simulator.simulator import Simulator
from isms_data.vocabulary import SendOutcome, Source, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isms_data.simulator.ledger import Message

FILE: Final = "delivery.parquet"
SEED: Final = 7
WEEKS: Final = 8
CUSTOMERS: Final = 3_600

ATHENS: Final = ZoneInfo("Europe/Athens")
FIRST_DAY: Final = datetime(2026, 9, 3, tzinfo=ATHENS)
"""A Thursday; the file ends on the evening of the Thursday eight weeks later, after the night the clocks go back."""

PREFIXES: Final = ("697", "698", "694", "695", "693", "699", "690")
BLOCKS: Final = ("000", "555")
"""As in make_samples.py. 690 555 is AMD Telecom's, which answers lookups without looking."""

LAST_EVENING: Final = timedelta(hours=20, minutes=51)
"""When the table was made: a minute after the last call, so that some of its messages are pending."""

MEDIAN_LATENCY_S: Final = 30.0
OFF_SHARE: Final = 0.5
OFF_HOURS: Final = (6, 96)

OUTAGE_NETWORK: Final = "Vodafone"
OUTAGE_WEEK: Final = 6
OUTAGE_HOURS: Final = range(18, 20)
OUTAGE_SHARE: Final = 0.85

LOST_WEEK: Final = 3
"""In which the reply to one call of the offer is lost."""

SENDER: Final = "MyShop"
REMINDER: Final = "Το ραντεβού σου είναι αύριο. Αλλαγή ή ακύρωση: myshop.gr/r"
OFFERS: Final = (
    "Μόνο για σένα: 20% σε όλα έως το Σάββατο, στα καταστήματα και στο myshop.gr. Διαγραφή: myshop.gr/x",
    "MONO ΓIA ΣENA: 20% ΣE OΛA EΩΣ TO ΣABBATO, ΣTA KATAΣTHMATA KAI ΣTO myshop.gr. ΔIAΓPAΦH: myshop.gr/x",
)
"""The same words, in Greek letters and in capitals that the GSM alphabet has; each goes to half of the customers."""


class Call(NamedTuple):
    """One call that is to be made: the messages of one text."""

    at: datetime
    campaign: str
    text: str
    numbers: tuple[str, ...]
    week: int


class Told(NamedTuple):
    """A message as the sandbox knows it, and what the sender knows of the call."""

    call: Call
    message: Message
    call_id: str | None


def frame(*, seed: int = SEED, weeks: int = WEEKS, customers: int = CUSTOMERS) -> pd.DataFrame:
    """The messages, in the order in which they left, as they stood on the last evening."""
    chance = random.Random(seed)
    numbers = _numbers(chance, customers)
    clock = [FIRST_DAY.timestamp()]
    simulator = Simulator(
        seed=seed, credits=1_000_000, median_latency_s=MEDIAN_LATENCY_S, clock=lambda: clock[0], log_limit=0
    )
    answers = _looked_up(simulator, clock, numbers)
    _switch_off(simulator, numbers, chance)
    told = [each for call in _calls(chance, numbers, weeks) for each in _sent(simulator, clock, call, answers, chance)]
    ends = FIRST_DAY + timedelta(weeks=weeks) + LAST_EVENING
    return _as_frame(told, answers, ends, seed)


def _numbers(chance: random.Random, count: int) -> list[str]:
    """Distinct Greek mobile numbers of blocks that look made up."""
    pool = [f"30{prefix}{block}{tail:04d}" for prefix in PREFIXES for block in BLOCKS for tail in range(10_000)]
    return chance.sample(pool, count)


def _looked_up(simulator: Simulator, clock: list[float], numbers: list[str]) -> pd.DataFrame:
    """What the lookups of all numbers answer, by number; asked a day after they were made."""
    ids = {number: _call(simulator, "hlr.php", mobiles=number).removeprefix("ID:") for number in numbers}
    clock[0] += 86_400
    replies = pd.Series(
        {number: _call(simulator, "hlrquery.php", mid=ids[number], mobile=number) for number in numbers}
    )
    clock[0] -= 86_400
    return isms.parse_hlr(replies, msisdn=pd.Series(numbers, index=numbers))


def _switch_off(simulator: Simulator, numbers: list[str], chance: random.Random) -> None:
    for number in numbers:
        if simulator.world.subscriber(number).kind == "absent" and chance.random() < OFF_SHARE:
            simulator.pin(number, latency_s=3_600 * chance.randint(*OFF_HOURS))


def _calls(chance: random.Random, numbers: list[str], weeks: int) -> list[Call]:
    """A week begins with the offer on Thursday evening; reminders go out from Friday on, to others."""
    calls: list[Call] = []
    for week in range(1, weeks + 1):
        shuffled = chance.sample(numbers, len(numbers))
        third = len(numbers) // 3
        calls += _offer(week, FIRST_DAY + timedelta(weeks=week - 1), shuffled[:third], chance)
        calls += _reminders(week, FIRST_DAY + timedelta(weeks=week - 1, days=1), shuffled[third : 2 * third], chance)
    evening = FIRST_DAY + timedelta(weeks=weeks)
    last = chance.sample(numbers, len(numbers))[: len(numbers) // 6]
    return [*calls, *_offer(weeks + 1, evening, last, chance)]


def _offer(week: int, day: datetime, numbers: list[str], chance: random.Random) -> Iterator[Call]:
    """Every ten minutes from 17 to 21 h, one call for each of the two texts."""
    times = [timedelta(hours=17, minutes=10 * step) for step in range(24)]
    for place, after in enumerate(times):
        for variant, text in enumerate(OFFERS):
            at = day + after + timedelta(seconds=20 * variant + chance.randrange(15))
            part = tuple(numbers[2 * place + variant :: 2 * len(times)])
            yield Call(at, f"offer-{week}", text, part, week)


def _reminders(week: int, first: datetime, numbers: list[str], chance: random.Random) -> Iterator[Call]:
    """A call each hour from 9 to 20 h, from Friday to Wednesday without the Sunday."""
    times = [timedelta(days=day, hours=hour) for day in (0, 1, 3, 4, 5) for hour in range(9, 20)]
    for place, after in enumerate(times):
        at = first + after + timedelta(seconds=chance.randrange(3_000))
        yield Call(at, f"reminders-{week}", REMINDER, tuple(numbers[place :: len(times)]), week)


def _sent(
    simulator: Simulator, clock: list[float], call: Call, answers: pd.DataFrame, chance: random.Random
) -> list[Told]:
    """Make the call, with what goes wrong at that hour; the messages that the sandbox made of it."""
    clock[0] = call.at.timestamp()
    is_offer = call.text in OFFERS
    cut_off = _cut_off(call, answers, chance) if is_offer else []
    told = {number: simulator.world.subscriber(number).reply for number in cut_off}
    for number in cut_off:
        simulator.pin(number, reply="Undelivered;;;;;34")
    if is_offer and call.week == LOST_WEEK and (call.at.hour, call.at.minute) == (19, 0) and call.text == OFFERS[0]:
        simulator.faults.script("drop_after_charge", page="send.php")
    before = len(simulator.ledger.messages)
    text = {"message": call.text, "coding": isms.segments(call.text).coding}
    reply = _call(simulator, "send.php", **{"from": SENDER, "to": ",".join(call.numbers)}, **text)
    for number, usual in told.items():
        simulator.pin(number, reply=usual)
    call_id = _new_id(chance) if reply else None
    return [Told(call, message, call_id) for message in simulator.ledger.messages[before:]]


def _cut_off(call: Call, answers: pd.DataFrame, chance: random.Random) -> list[str]:
    """Whom the outage keeps from getting this call's message: most of those who would get it."""
    if call.week != OUTAGE_WEEK or call.at.hour not in OUTAGE_HOURS:
        return []
    there = answers.loc[list(call.numbers)]
    hit = there.index[there["network"].eq(OUTAGE_NETWORK) & there["verdict"].eq("deliverable")]
    return [number for number in hit if chance.random() < OUTAGE_SHARE]


def _call(simulator: Simulator, page: str, **params: str) -> str:
    """The reply as it comes over the wire; nothing where the connection was dropped."""
    who = {"username": simulator.username, "password": simulator.password}
    response = simulator.respond(page, who | params)
    return response.body if response.ending == "whole" else ""


def _new_id(chance: random.Random) -> str:
    """In place of the sandbox's own ids, which are new in each run."""
    return "".join(chance.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=10))


def _as_frame(told: list[Told], answers: pd.DataFrame, ends: datetime, seed: int) -> pd.DataFrame:
    """The columns of `delivery_status`, and what a lookup and the numbering plan say of the number."""
    rows = [_row(each, ends.timestamp()) for each in told if each.call.at < ends]
    table_of = {name: table for table in ("plan", "sent", "delivery") for name in tables.names(table)}
    numbers = [row["msisdn"] for row in rows]
    made = {
        name: tables.column(table_of[name], name, [row[name] for row in rows])
        for name in ("msisdn", *tables.names("sent"), *tables.names("delivery")[:-1])
    }
    made["network"] = tables.column("delivery", "network", answers["network"].astype("str").loc[numbers].tolist())
    made |= {
        name: tables.column("plan", name, [row[name] for row in rows])
        for name in ("campaign", "sender", "text", "coding", "segments", "flash")
    }
    made["range_operator"] = isms.clean_numbers(pd.DataFrame({"msisdn": numbers}), "msisdn", replace=True)[
        "range_operator"
    ].array
    sample = pd.DataFrame(made)
    sample.attrs = {"made_by": "data/samples/make_delivery_sample.py", "seed": seed, "as_of": ends.isoformat()}
    return sample


def _row(told: Told, ends: float) -> dict[str, Any]:
    """One message as its sender knows it: nothing is known yet of one that becomes final after the end."""
    message, in_doubt = told.message, told.call_id is None
    final = message.final_at <= ends and not in_doubt
    left = pd.Timestamp(message.accepted_at, unit="s", tz="UTC")
    resolved = pd.Timestamp(round(message.final_at * 1_000), unit="ms", tz="UTC") if final else None
    waits = not final and not in_doubt
    pending = "Queued" if ends < message.pending_at else "Pending"
    return {
        "msisdn": message.msisdn,
        "outcome": SendOutcome.IN_DOUBT if in_doubt else SendOutcome.ACCEPTED,
        "message_id": told.call_id,
        "submitted_at": left,
        "scheduled_for": None,
        "problem": "the connection ended before the reply; it may have been sent" if in_doubt else None,
        "transport": Transport.HTTP,
        "status": message.status if final else pending if waits else None,
        "state_detail": None,
        "final": None if in_doubt else final,
        "resolved_at": resolved,
        "latency": resolved - left if resolved is not None else None,
        "pending_since": left if waits else None,
        "source": Source.REPORT if final else Source.POLL if waits else None,
        "campaign": told.call.campaign,
        "sender": message.sender,
        "text": message.text,
        "coding": message.coding,
        "segments": len(message.parts),
        "flash": message.flash,
    }


def main(folder: Path) -> None:
    """Write the sample into the folder."""
    made = frame()
    isms.save_table(made, folder / FILE)
    print(f"{FILE}: {(folder / FILE).stat().st_size:,} bytes, {len(made):,} messages")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent)
