"""Of reports of every sort none is believed that should not be, and none lost that should not be.

The long mix is held against a model of what must be believed, written here from the contract. ISMS_REPORTS says how
many reports are mixed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import aiohttp
import pytest
from yarl import URL

from isms_data import dlr
from isms_data.dlr_key import secret
from isms_data.journal.calls import Journal
from isms_data.receiver import DeliveryReceiver
from tests.callers import A, B, get, messages, sent, stored, words

if TYPE_CHECKING:
    from pathlib import Path


MIXED = int(os.environ.get("ISMS_REPORTS", "5000"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the receivers of these tests keep their journal."""
    return tmp_path / "home"


def test_report_for_a_number_of_another_batch(home: Path) -> None:
    """A right token is no leave to speak of numbers of another call: kept, not believed."""
    token, _ = sent(home, A), sent(home, B)
    with DeliveryReceiver(port=0) as receiver:
        status = get(receiver, token, mobile=B, status="Delivered")

    assert (status, words(home), receiver.counts.disbelieved) == (200, {A: None, B: None}, 1)
    assert stored(home) == [{"mobile": str(B), "status": "Delivered"}]


def test_report_settles_a_call_in_doubt(home: Path) -> None:
    """A report proves that a call whose reply was lost was accepted, for all its numbers."""
    token = sent(home, A, B, mid=None)
    with DeliveryReceiver(port=0) as receiver:
        get(receiver, token, mobile=A, mid="b2", status="Failed")

    found = messages(home)
    assert {(told.state, told.message_id) for told in found.values()} == {("accepted", "b2")}
    with Journal(home, "me", "settle") as journal:
        assert journal.doubts() == []


@dataclass
class Batch:
    """One call of the mix, and the model of what is to be known of it: written from the contract, not from the code."""

    token: str
    mid: str
    in_doubt: bool
    numbers: list[int]
    final: dict[int, str] = field(default_factory=dict)
    said: dict[int, str] = field(default_factory=dict)

    def says(self, number: int, status: str) -> None:
        self.in_doubt = False
        if number not in self.final:
            self.said[number] = status
            if status in {"Delivered", "Failed"}:
                self.final[number] = status

    def proves(self) -> None:
        self.in_doubt = False


@dataclass
class Mix:
    """Makes seeded reports and tells the model what each is worth; `took` counts what must be in the journal."""

    chance: random.Random
    batch: Batch
    key: bytes
    took: list[str]
    serial: int = 0
    earlier: list[tuple[str, str, bytes | None, str]] = field(default_factory=list)

    def next(self) -> tuple[str, str, bytes | None, str, int]:
        """Method, target, body, kind of body; and the answer that it must get."""
        kind = self.chance.choices(
            ["good", "again", "forged", "foreign", "unread", "nameless", "other_id"], [8, 4, 4, 2, 2, 1, 1]
        )[0]
        if kind == "again" and self.earlier:
            return (*self.chance.choice(self.earlier), 200)  # and the model does not change
        if kind == "forged":
            return ("GET", f"/{self.forged()}?{urlencode(self.report('Delivered'))}", None, "", 404)
        made = self.right(kind)
        self.earlier.append(made)
        return (*made, 200)

    def report(self, status: str) -> dict[str, str]:
        self.serial += 1
        number = self.chance.choice(self.batch.numbers)
        return {
            "mid": self.batch.mid,
            "mobile": str(number),
            "status": status,
            "x": f"{self.batch.token[:12]}{self.serial}",
        }

    def forged(self) -> str:
        token, place = self.batch.token, self.chance.randrange(35)
        other = self.chance.choice([letter for letter in "Aa0_-.%" if letter != token[place]])
        return self.chance.choice(
            [
                token[:place] + other + token[place + 1 :],
                token[:-1],
                dlr.token(bytes(32), token[:12]),
                "health.php",
                "../etc",
            ]
        )

    def right(self, kind: str) -> tuple[str, str, bytes | None, str]:
        status, word = self.chance.choice(
            [
                ("Queued", "queued"),
                ("Pending", "ACCEPTD"),
                ("Delivered", "DELIVRD"),
                ("Failed", "Undelivered"),
                ("Failed", "REJECTD"),
            ]
        )
        report = self.report(word)
        number = int(report["mobile"])
        if kind in {"good", "again"}:
            self.batch.says(number, status)
        elif kind == "foreign":
            report["mobile"] = self.chance.choice([str(number + 500_000), "15551234567"])
        elif kind == "other_id":
            report["mid"] = "not-" + report["mid"]
        elif kind == "unread":
            report |= self.chance.choice(
                [{"status": "7"}, {"status": ""}, {"s": "strange"}, {"mid": "a b"}, {"to": "x"}]
            )
            self.batch.proves()
        else:
            del report["mobile"]
            if len(self.batch.numbers) == 1:
                self.batch.says(self.batch.numbers[0], status)
            self.batch.proves()
        self.took.append(report["x"])
        return self.dressed(report)

    def dressed(self, report: dict[str, str]) -> tuple[str, str, bytes | None, str]:
        """The same report by GET, as a form, or as JSON; the number in one of its spellings, names in any case."""
        if "mobile" in report:
            report["mobile"] = self.chance.choice(["", "+", "00"]) + report["mobile"]
        report = {self.chance.choice([name, name.upper()]): value for name, value in report.items() if name != "x"} | {
            "x": report["x"]
        }
        target, shape = f"/{self.batch.token}", self.chance.randrange(3)
        if shape == 0:
            return ("GET", f"{target}?{urlencode(report)}", None, "")
        if shape == 1:
            return ("POST", target, urlencode(report).encode(), "application/x-www-form-urlencoded")
        return ("POST", target, json.dumps(report).encode(), "application/json")


async def test_mix_of_forged_replayed_reordered_and_malformed_reports(home: Path) -> None:
    """Of thousands of reports of every sort none is believed that should not be, and none lost that should not be."""
    batches, key, took = mixed_batches(home), secret(home), []
    mixes = [Mix(random.Random(2026 + place), batch, key, took) for place, batch in enumerate(batches)]
    answers: Counter[tuple[int, int]] = Counter()
    async with (
        DeliveryReceiver(port=0, max_per_second=1_000_000) as receiver,
        aiohttp.ClientSession(receiver.url) as session,
    ):

        async def deliver(mix: Mix) -> None:
            for _ in range(MIXED // len(mixes)):
                method, target, body, kind, due = mix.next()
                headers = {"Content-Type": kind} if kind else {}
                url = URL(receiver.url + target, encoded=True)
                async with session.request(method, url, data=body, headers=headers) as response:
                    answers[response.status, due] += 1

        await asyncio.gather(*map(deliver, mixes))

    found = messages(home)
    assert all(status == due for status, due in answers), answers
    assert answers[404, 404] > MIXED / 10
    assert sorted(fields["x"] for fields in stored(home)) == sorted(took)
    for batch in batches:
        for number in batch.numbers:
            told = found[number]
            assert (told.reply, told.state) == (batch.said.get(number), "in_doubt" if batch.in_doubt else "accepted")
            assert told.kind == ("final" if number in batch.final else "open" if number in batch.said else None)


def mixed_batches(home: Path) -> list[Batch]:
    """Calls to one number and to several, accepted and in doubt."""
    batches, first = [], 306970000000
    for place in range(20):
        numbers = list(range(first, first + (1 if place % 4 == 0 else 12)))
        first += len(numbers)
        doubt = place % 5 == 0
        token = sent(home, *numbers, mid=None if doubt else f"id{place}")
        batches.append(Batch(token, f"id{place}", doubt, numbers))
    return batches
