"""Runs that share an account share its limits: together they never use more than the whole."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import isms_data.journal.calls as journal_module
from isms_data.journal.calls import Journal
from isms_data.journal.shares import Limit, Share

if TYPE_CHECKING:
    import pytest

    from isms_data.journal.place import Place

RATE = Limit("smpp", 700, least=0, settle_s=1.2)


def test_run_alone_has_all(place: Place) -> None:
    """A run that finds nobody has the whole at once."""
    with Journal(place, "me", "send") as run:
        assert run.fair_share(RATE) == 700
        assert run.take_share(RATE) == Share(700, 700, 0.0)


def test_run_that_joins_waits_for_the_others_to_give_up(place: Place) -> None:
    """Who comes second has nothing until the first has given up its half, and must wait until that is forgotten."""
    with Journal(place, "me", "send") as first, Journal(place, "me", "send") as second:
        first.take_share(RATE)
        none = second.take_share(RATE)
        fair = first.fair_share(RATE)
        first.take_share(RATE)
        half = second.take_share(RATE)

        assert (none.granted, fair, half.granted) == (0, 350, 350)
        assert 1.0 < half.after_s <= 1.2


def test_share_of_a_run_that_has_ended_is_free(place: Place) -> None:
    """What a run had is free when it ends, once a second is over."""
    with Journal(place, "me", "send") as first:
        with Journal(place, "me", "send") as second:
            for run in (first, second, first, second):
                run.take_share(RATE)
        again = first.take_share(RATE)

        assert again.granted == 700
        assert 1.0 < again.after_s <= 1.2
        assert first.take_share(RATE._replace(settle_s=0.0)).after_s == 0


def test_share_of_a_dead_machine_is_free_when_its_lease_is_over(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run elsewhere keeps its share as long as its lease lasts."""
    with Journal(place, "me", "send") as far:
        far.take_share(RATE)
        monkeypatch.setattr(journal_module, "LIVE", set())
        monkeypatch.setattr("socket.gethostname", lambda: "another-machine")
        with Journal(place, "me", "send") as near:
            before = near.take_share(RATE)
            far._db.execute("UPDATE runs SET lease_end = 1 WHERE run_id = ?", (far.run_id,))
            after = near.take_share(RATE)

            assert (before.granted, after.granted) == (0, 700)
            assert after.after_s > 1.0


def test_accounts_and_limits_do_not_share(place: Place) -> None:
    """Another account, and another limit, have their own."""
    with Journal(place, "me", "send") as mine, Journal(place, "other", "send") as other:
        mine.take_share(RATE)

        assert other.take_share(RATE).granted == 700
        assert mine.take_share(Limit("http", 64, least=1, settle_s=0.0)).granted == 64


def test_what_is_in_use_is_not_given_up(place: Place) -> None:
    """Calls that are out keep their places until they end, so that two runs never have more calls out than allowed."""
    places = Limit("http", 64, least=1, settle_s=0.0)
    with Journal(place, "me", "hlr") as first, Journal(place, "me", "hlr") as second:
        first.take_share(places)
        second.take_share(places)

        assert first.take_share(places, in_use=60) == Share(32, 60, 0.0)
        assert second.take_share(places).held == 4
        assert first.take_share(places, in_use=5).held == 32
        assert second.take_share(places).granted == 32


def test_shares_never_add_up_to_more(place: Place) -> None:
    """Whoever comes, looks and goes in whatever order: the sum is at most the whole, and in the end all is used."""
    chance, runs, shares = random.Random(5), [], {}
    small = RATE._replace(whole=7)
    for _ in range(120):
        if chance.random() < 0.15 and len(runs) < 9:
            runs.append(Journal(place, "me", "send").__enter__())
        elif chance.random() < 0.1 and runs:
            gone = runs.pop(chance.randrange(len(runs)))
            shares.pop(gone.run_id, None)
            gone.__exit__()
        elif runs:
            run = chance.choice(runs)
            shares[run.run_id] = run.take_share(small).granted
        assert sum(shares.values()) <= small.whole
    for _ in range(2):
        shares = {run.run_id: run.take_share(small).granted for run in runs}
    for run in runs:
        run.__exit__()

    assert sum(shares.values()) == small.whole
    assert max(shares.values()) - min(shares.values()) <= 1
