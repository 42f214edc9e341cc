"""Each picture shows exactly what its metric counted: bars, dots, intervals, labels, colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import isms_data as isms
from isms_data.reports import drawing, figures
from isms_data.reports.alerts import delivery_alerts
from isms_data.reports.curves import cumulative_delivery
from isms_data.reports.delivery import delivery_rates, delivery_times
from isms_data.reports.lists import operator_shares
from isms_data.vocabulary import Verdict, words
from tests.messages import as_stored, made_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from matplotlib.axes import Axes

mpl.use("Agg")

LEFT = pd.Timestamp("2026-10-05 09:00", tz="UTC")
NETWORKS = ["Cosmote"] * 6 + ["Nova"] * 3 + [None]
STATUSES = ["Delivered"] * 4 + ["Failed", "Pending", "Delivered", "Failed", "Failed", "Delivered"]


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    """Figures do not outlive their test."""
    yield
    plt.close("all")


def messages() -> pd.DataFrame:
    """Ten messages: of six to Cosmote four are delivered and one is pending, of three to Nova one, one to nowhere."""
    frame = pd.DataFrame({"outcome": "accepted", "status": STATUSES, "network": NETWORKS, "segments": 2})
    frame["final"] = frame["status"].ne("Pending")
    frame["submitted_at"] = LEFT + pd.to_timedelta(range(10), unit="D")
    frame["latency"] = pd.Series(pd.to_timedelta([1, 2, 4, 8, 9, 0, 16, 3, 3, 32], unit="s")).where(frame["final"])
    return frame.assign(resolved_at=frame["submitted_at"] + frame["latency"])


def many(groups: int = 200) -> pd.DataFrame:
    """Messages to 200 networks: the first with 201, the last with 2, all delivered at a second but one of each."""
    sizes = np.arange(groups, 0, -1) + 1
    names = np.repeat([f"N{place:03}" for place in range(groups)], sizes)
    first = pd.Series(names).duplicated()
    frame = pd.DataFrame({"outcome": "accepted", "network": names, "final": True, "segments": 1, "submitted_at": LEFT})
    frame["status"] = first.map({True: "Delivered", False: "Failed"})
    frame["latency"] = pd.to_timedelta(np.where(first, 1, 9), unit="s").as_unit("us")
    return frame.assign(resolved_at=frame["submitted_at"] + frame["latency"])


def lookups() -> pd.DataFrame:
    """Ten lookups in two networks, one of them abroad."""
    replies = [
        *["Delivered;GR;Cosmote;202010000000001;306970000000;0"] * 5,
        *["Delivered;GR;Nova;202090000000001;4917000000;0"] * 2,
        *["Undelivered;GR;Nova;202090000000001;;27"] * 2,
        "Undelivered;GR;;;;1",
    ]
    holders = ["Cosmote"] * 6 + ["Nova"] * 4
    numbers = [f"30697000000{place}" for place in range(10)]
    return isms.parse_hlr(pd.Series(replies)).assign(range_operator=holders, msisdn=numbers)


def later() -> pd.DataFrame:
    """The same numbers a month later: the first two are dead."""
    dead = isms.parse_hlr(pd.Series(["Undelivered;GR;;;;1"] * 2)).assign(msisdn=["306970000000", "306970000001"])
    return pd.concat([dead, lookups().iloc[2:]], ignore_index=True)


def labels(drawn: Axes) -> list[str]:
    return [label.get_text() for label in drawn.get_yticklabels()]


def written(drawn: Axes) -> list[str]:
    return [text.get_text() for text in drawn.texts]


def bars(drawn: Axes) -> list[Any]:
    return [round(bar.get_width(), 6) for bar in drawn.patches]  # type: ignore[attr-defined]


def segments(drawn: Axes, place: int) -> list[Any]:
    """The ends of the lines of a collection, as (from, to) along the longer side; nulls have no line."""
    lines = [np.asarray(line) for line in drawn.collections[place].get_segments() if len(line)]  # type: ignore[attr-defined]
    return [line[:, int(np.ptp(line[:, 0]) < np.ptp(line[:, 1]))].round(6).tolist() for line in lines]


def legend(drawn: Axes) -> list[str]:
    found = drawn.get_legend()
    return [] if found is None else [text.get_text() for text in found.get_texts()]


# Delivery


def test_funnel_shows_each_stage() -> None:
    """A bar for each stage as long as its messages, with its share of the stage before; what was delivered is green."""
    drawn = figures.plot_delivery_funnel(messages())

    assert bars(drawn) == [10, 10, 9, 6]
    assert labels(drawn) == ["planned", "sent", "final", "delivered"]
    assert written(drawn) == ["10", "10 (100.0% of planned)", "9 (90.0% of sent)", "6 (66.7% of final)"]
    assert mpl.colors.to_hex(drawn.patches[-1].get_facecolor()).upper() == figures.COLOURS["deliverable"]


def test_rates_show_interval_and_what_pending_can_do() -> None:
    """A dot at each rate, a line for its interval, a lighter one for its bounds; n are the final ones; 0 to 100 %."""
    drawn = figures.plot_delivery_rates(messages(), by="network")
    rates = delivery_rates(messages(), by="network")

    assert drawn.lines[0].get_xdata() == pytest.approx((100 * rates["rate"]).tolist())
    assert segments(drawn, 1)[:2] == (100 * rates[["low", "high"]]).round(6).to_numpy().tolist()[:2]
    assert segments(drawn, 0)[0] == pytest.approx([400 / 6, 500 / 6])
    assert labels(drawn) == ["Cosmote (n = 5)", "Nova (n = 3)", "not known (n = 1)"]
    assert drawn.get_xlim() == (-2, 102)
    assert legend(drawn)[1:] == ["95% interval", "if all pending fail … arrive"]


def test_rates_of_many_groups_put_the_small_ones_together() -> None:
    """Of 200 networks the 19 largest have a row, and the messages of all others the last one, with their rate."""
    drawn = figures.plot_delivery_rates(many(), by="network")
    rest = many().groupby("network").filter(lambda rows: len(rows) < 183)

    assert labels(drawn)[0] == "N000 (n = 201)"
    assert labels(drawn)[19:] == [f"other (181 groups) (n = {len(rest):,})"]
    assert drawn.lines[0].get_xdata()[-1] == pytest.approx(100 * rest["status"].eq("Delivered").mean())


def test_rates_by_day_are_in_time() -> None:
    """Ten days, ten dots, each with its interval; that of the pending message has neither, but bounds."""
    drawn = figures.plot_delivery_rates(messages(), by="day")

    assert len(drawn.lines[0].get_xdata()) == 10
    assert len(segments(drawn, 1)) == 9
    assert [0, 100] in segments(drawn, 0)
    assert drawn.get_ylim() == (-2, 102)


def test_rates_by_hour_of_a_year_stay_readable() -> None:
    """A year of hours becomes a dot for each week, and says so; the first has the rate of that week."""
    left = pd.date_range("2026-01-05", periods=365 * 24, freq="h", tz="Europe/Athens")
    frame = pd.DataFrame({"outcome": "accepted", "submitted_at": left.tz_convert("UTC"), "final": True})
    frame["status"] = np.where(np.arange(len(left)) < 84, "Failed", "Delivered")
    drawn = figures.plot_delivery_rates(frame, by="hour")

    assert len(drawn.lines[0].get_xdata()) == 53
    assert drawn.lines[0].get_ydata()[0] == 50
    assert drawn.get_xlabel() == "a dot for each 7 d"
    assert drawn.xaxis.get_major_formatter()(mpl.dates.date2num(left[5_000].tz_localize(None))) == "Aug 2026"


def test_rates_by_hour_of_week_are_a_map() -> None:
    """Monday noon in Athens is row 0, column 12; a rate of which little is known stands in brackets."""
    drawn = figures.plot_delivery_rates(messages().head(8), by="hour_of_week")
    image = drawn.collections[0].get_array()

    assert image is not None
    assert image.shape == (7, 24)
    assert image[0, 12] == 50
    assert written(drawn)[12] == "(50)"
    assert image.mask.sum() == 168 - 7 + 1


def test_curves_are_the_metrics() -> None:
    """Each curve ends at the incidence of its group, which the legend counts; its band is the interval."""
    drawn = figures.plot_cumulative_delivery(messages(), by="network")
    curves = cumulative_delivery(messages(), by="network")
    last = curves.groupby("network", dropna=False)["incidence"].last()

    assert [line.get_ydata()[-1] for line in drawn.lines] == pytest.approx((100 * last).tolist())
    assert legend(drawn) == ["Cosmote (n = 6)", "Nova (n = 3)", "not known (n = 1)"]
    assert len(drawn.collections) == 3


@pytest.mark.parametrize("form", ["frame", "file"])
def test_curve_of_the_others_is_that_of_their_messages(form: str, tmp_path: Path) -> None:
    """Of 200 networks seven have a curve, and the eighth is the one of all other messages, not a mean of curves."""
    data: Any = many() if form == "frame" else as_stored(many(), tmp_path)["file"]
    drawn = figures.plot_cumulative_delivery(data, by="network")
    rest = many().loc[lambda frame: frame["network"] > "N006"]
    curve = cumulative_delivery(rest)

    assert len(drawn.lines) == 8
    assert drawn.lines[-1].get_ydata()[1:-1] == pytest.approx(100 * curve["incidence"])
    assert legend(drawn)[-1] == f"other (193 groups) (n = {len(rest):,})"


def test_extract_keeps_nulls_and_buckets() -> None:
    """Groups of two columns, nulls and a bucket of time among them, are the same few messages put together or not."""
    frame = made_up(4_000, seed=3)
    drawn = figures.plot_delivery_times(frame, by=["network", "hour"])
    counted = delivery_times(frame, by=["network", "hour"])
    shown = [int(label.rsplit("= ", 1)[1].rstrip(")").replace(",", "")) for label in labels(drawn)]

    assert len(counted) > 20
    assert len(shown) == 20
    assert sum(shown) == counted["delivered"].sum()


def test_times_are_percentiles() -> None:
    """A mark for each percentile of each group, at its time in seconds."""
    drawn = figures.plot_delivery_times(messages(), by="network", percentiles=[0.5, 0.9])
    times = delivery_times(messages(), by="network", percentiles=[0.5, 0.9])

    assert drawn.lines[0].get_xdata() == pytest.approx(times["p50"].dt.total_seconds())
    assert drawn.lines[1].get_xdata() == pytest.approx(times["p90"].dt.total_seconds())
    assert legend(drawn) == ["50% arrived", "90% arrived"]
    assert drawn.get_xscale() == "log"


def test_times_without_percentiles_are_empty() -> None:
    """No percentile, no mark."""
    assert list(figures.plot_delivery_times(messages(), percentiles=[]).lines) == []


def test_costs_are_for_a_delivered_message() -> None:
    """A bar as long as a delivered message of the group was dear; n are the delivered ones."""
    drawn = figures.plot_delivery_costs(messages(), by="network", credits_per_segment=0.5)

    assert bars(drawn) == [1.5, 3, 1]
    assert labels(drawn)[0] == "Cosmote (n = 4)"
    assert written(drawn) == ["1.50", "3.00", "1.00"]


def test_alerts_are_flagged() -> None:
    """The hours with an alarm have the colour of failure, the expected share is a line, the alarm says its count."""
    left = pd.date_range("2026-03-02", periods=4 * 7 * 24, freq="h", tz="UTC").repeat(20)
    failed = (pd.RangeIndex(len(left)) % 20 == 0) | ((left >= "2026-03-20 10:00") & (left < "2026-03-20 11:00"))
    frame = pd.DataFrame({"network": "Nova", "outcome": "accepted", "submitted_at": left, "final": True})
    frame["status"] = np.where(failed, "Failed", "Delivered")
    drawn = figures.plot_delivery_alerts(frame)
    alerts = delivery_alerts(frame)
    usual, alarms = drawn.lines[1], drawn.lines[2]

    assert usual.get_ydata() == pytest.approx(100 * alerts["expected"] / alerts["final"])
    assert alarms.get_ydata().tolist() == [100]
    assert alarms.get_color() == drawing.FAILED
    assert written(drawn) == ["20 Mar 12:00: 20 of 20"]
    twice = frame.assign(status=np.where(failed | (left == "2026-03-10 10:00"), "Failed", "Delivered"))
    assert len(written(figures.plot_delivery_alerts(twice))) == 1, "the words of two alarms would cover each other"


# Lists


def test_quality_shows_what_was_counted() -> None:
    """One bar for each count that is not zero, as long as its share, labelled with both."""
    drawn = figures.plot_list_quality(lookups())

    assert bars(drawn) == [70, 20, 10, 50, 40, 10]
    assert labels(drawn) == ["deliverable", "retry later", "dead", "Cosmote", "Nova", "unknown"]
    assert "7 (70.0%)" in written(drawn)
    assert "(n = 10)" in drawn.get_title(loc="left")


def test_errors_have_the_colour_of_their_class() -> None:
    """The most frequent error is on top; temporary and permanent ones are told apart by colour and legend."""
    drawn = figures.plot_error_breakdown(lookups())
    colours = [mpl.colors.to_hex(bar.get_facecolor()).upper() for bar in drawn.patches]

    assert labels(drawn) == ["absentSubscriber", "unknownSubscriber"]
    assert written(drawn) == ["2 (20.0%)", "1 (10.0%)"]
    assert colours == [drawing.ERRORS["temporary"], drawing.ERRORS["permanent"]]
    assert legend(drawn) == ["permanent", "temporary"]


def test_networks_have_intervals() -> None:
    """A bar for each network with the interval of its share; numbers without a network have a count and no share."""
    drawn = figures.plot_operator_shares(lookups())
    shares = operator_shares(lookups()).dropna(subset="share")

    assert bars(drawn)[:2] == (100 * shares["share"]).round(6).tolist()
    assert segments(drawn, 0)[:2] == (100 * shares[["low", "high"]]).round(6).to_numpy().tolist()
    assert written(drawn)[-1] == "1"
    assert labels(drawn)[-1] == "not known"


def test_portability_is_a_map_with_counts() -> None:
    """Rows are first holders, columns networks now; cells have counts, and what stayed is framed."""
    drawn = figures.plot_portability(lookups())

    assert labels(drawn) == ["Cosmote (n = 6)", "Nova (n = 4)"]
    assert [label.get_text() for label in drawn.get_xticklabels()] == ["Cosmote", "Nova", "not known"]
    assert written(drawn) == ["5", "1", "", "", "3", "1"]
    assert len(drawn.patches) == 2


def test_long_names_do_not_run_into_each_other() -> None:
    """Names too long to stand side by side under a map are written aslant."""
    frame = pd.concat([lookups().assign(network=f"A network with quite a long name {place}") for place in range(4)])
    drawn = figures.plot_portability(frame)

    assert {label.get_rotation() for label in drawn.get_xticklabels()} == {35}
    assert {label.get_rotation() for label in figures.plot_portability(lookups()).get_xticklabels()} == {0}


def test_roaming_counts_phones_abroad() -> None:
    """A bar for each foreign country."""
    drawn = figures.plot_roaming_countries(lookups())

    assert labels(drawn) == ["DE"]
    assert written(drawn) == ["2 (28.6%)"]


def test_decay_is_a_map_in_the_order_of_verdicts() -> None:
    """Rows are verdicts before, columns after; shares are of those before."""
    drawn = figures.plot_list_decay(lookups(), later())
    image = drawn.collections[0].get_array()

    assert labels(drawn) == ["deliverable (n = 7)", "retry later (n = 2)", "dead (n = 1)"]
    assert image is not None
    assert image[0].tolist() == pytest.approx([500 / 7, None, 200 / 7])
    assert written(drawn)[:3] == ["5", "", "2"]


# All of them

OF_DELIVERY: dict[str, Callable[..., Axes]] = {
    "funnel": figures.plot_delivery_funnel,
    "rates": figures.plot_delivery_rates,
    "network": lambda data, **more: figures.plot_delivery_rates(data, by="network", **more),
    "day": lambda data, **more: figures.plot_delivery_rates(data, by="day", **more),
    "week": lambda data, **more: figures.plot_delivery_rates(data, by="hour_of_week", **more),
    "cumulative": figures.plot_cumulative_delivery,
    "times": figures.plot_delivery_times,
    "costs": figures.plot_delivery_costs,
    "alerts": figures.plot_delivery_alerts,
}
OF_LISTS: dict[str, Callable[..., Axes]] = {
    "quality": figures.plot_list_quality,
    "errors": figures.plot_error_breakdown,
    "operators": figures.plot_operator_shares,
    "portability": figures.plot_portability,
    "roaming": figures.plot_roaming_countries,
    "decay": lambda data, **more: figures.plot_list_decay(data, later(), **more),
}
ALL = OF_DELIVERY | OF_LISTS


def sample(name: str) -> pd.DataFrame:
    return messages() if name in OF_DELIVERY else lookups()


@pytest.mark.parametrize("name", ALL)
def test_figure_of_nothing(name: str) -> None:
    """An empty frame gives axes with their words, which say that there is nothing to show."""
    drawn = ALL[name](sample(name).iloc[:0])
    drawn.figure.draw_without_rendering()

    assert drawn.get_title(loc="left")
    assert drawn.get_xlabel() or drawn.get_ylabel()
    assert "nothing to show" in written(drawn)


@pytest.mark.parametrize("name", ALL)
def test_figure_of_one_row(name: str) -> None:
    """One row is enough to draw."""
    drawn = ALL[name](sample(name).head(1))
    drawn.figure.draw_without_rendering()

    assert drawn.get_title(loc="left")


@pytest.mark.parametrize("name", ALL)
def test_figure_of_nulls(name: str) -> None:
    """Rows of which nothing is known can be drawn."""
    frame = sample(name)
    known = {"msisdn", "segments", "outcome"} if name in OF_LISTS else {"outcome"}
    for column in frame.columns.difference(list(known)):
        frame[column] = frame[column].where(pd.Series(data=False, index=frame.index))
    drawn = ALL[name](frame)
    drawn.figure.draw_without_rendering()

    assert drawn.get_title(loc="left")


@pytest.mark.parametrize("name", ALL)
def test_figure_in_given_axes(name: str) -> None:
    """Axes that are given are drawn in, and no figure is made; without them each picture has a figure of its own."""
    _, given = plt.subplots()
    before = plt.get_fignums()

    assert ALL[name](sample(name), ax=given) is given
    assert plt.get_fignums() == before
    assert ALL[name](sample(name)).figure is not ALL[name](sample(name)).figure


@pytest.mark.parametrize("name", ALL)
def test_figure_in_greek(name: str) -> None:
    """All words are Greek, and no setting of matplotlib is changed."""
    before = dict(mpl.rcParams)
    drawn = ALL[name](sample(name), language="el")
    title = drawn.get_title(loc="left")

    assert any("α" <= sign <= "ω" for sign in title)
    assert not set(title.replace("n =", "").replace("Cosmote", "").replace("Nova", "")) & set(
        "abcdefghijklmnopqrstuvwxyz"
    )
    assert dict(mpl.rcParams) == before


def test_figure_in_an_unknown_language() -> None:
    """A language that there is not is refused by name."""
    with pytest.raises(isms.ConfigurationError, match="'de'"):
        figures.plot_delivery_funnel(messages(), language="de")


def test_names_are_text_in_pictures() -> None:
    """A name with signs of mathematics, a line break, an underscore in front or a turning mark is but a name."""
    names = [r"$\frac{1}{0}$", "two\nlines", "_hidden", "a\u202ereversed", "x" * 99]
    frame = pd.concat([messages().assign(network=name) for name in names])
    drawn = figures.plot_cumulative_delivery(frame, by="network")
    drawn.figure.draw_without_rendering()

    assert sorted(legend(drawn)) == sorted(
        [
            r"$\frac{1}{0}$ (n = 10)",
            "two lines (n = 10)",
            " _hidden (n = 10)",
            "areversed (n = 10)",
            f"{'x' * 30}… (n = 10)",
        ]
    )


def test_every_state_has_one_colour() -> None:
    """States are told apart by colour, the same in every figure; what is not known is grey; groups have others."""
    known = [word for word in words(Verdict) if word != Verdict.UNKNOWN]
    states = {*figures.COLOURS.values(), figures.NOT_KNOWN, figures.NETWORK}

    assert sorted(figures.COLOURS) == sorted(known)
    assert len(states) == len(known) + 2
    assert not states & set(drawing.GROUPS)
