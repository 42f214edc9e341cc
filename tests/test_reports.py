"""The summing-up counts every row once, and the picture shows exactly what was counted."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import isms_data as isms
from isms_data.reports import figures, lists
from isms_data.vocabulary import NumberStatus, Outcome, Verdict, words

mpl.use("Agg")

ROW = st.tuples(
    st.sampled_from([*words(Verdict), None]),
    st.sampled_from(["Cosmote", "Nova", None]),
    st.sampled_from([*words(Outcome), None]),
    st.sampled_from([*words(NumberStatus), None]),
)
NAMES = ["verdict", "network", "outcome", "number_status"]


def frame_of(rows: list[tuple[str | None, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=NAMES, dtype="str")


@given(st.lists(ROW, max_size=30))
def test_quality_counts_every_row_once(rows: list[tuple[str | None, ...]]) -> None:
    """Whatever is known of the rows, the counts by verdict or reason add up to their number, the shares to one."""
    quality = isms.list_quality(frame_of(rows))
    by_verdict = quality[quality["by"] == "verdict"]

    assert by_verdict["numbers"].sum() == len(rows)
    assert not rows or by_verdict["share"].sum() == pytest.approx(1)
    assert list(quality.dtypes.astype(str)) == ["category", "str", "int64", "float64"]


def test_quality_says_why_a_row_has_no_verdict() -> None:
    """A row without a verdict counts under its outcome, else under what cleaning said; a duplicate as a duplicate."""
    quality = isms.list_quality(
        frame_of(
            [
                ("dead", "Nova", "done", "mobile"),
                ("dead", "Nova", "done", "duplicate"),
                (None, None, "pending", "mobile"),
                (None, None, "skipped", "empty"),
                (None, None, "done", "mobile"),
            ]
        )
    )
    counts = quality[quality["numbers"] > 0].set_index("value")["numbers"].to_dict()

    assert counts == {"dead": 1, "duplicate": 1, "pending": 1, "empty": 1, "no_answer": 1, "Nova": 1}


def test_quality_of_parsed_replies_alone() -> None:
    """Outcome and number_status are not needed; all seven verdicts are there, in their order."""
    quality = isms.list_quality(isms.parse_hlr(pd.Series(["Delivered;;;;;", "Pending"])))

    assert quality.loc[quality["by"] == "verdict", "value"].tolist() == [*words(Verdict), "no_answer"]


def test_quality_needs_a_verdict() -> None:
    """A frame that was not looked up is refused by the column that is missing."""
    with pytest.raises(isms.ColumnError, match="verdict"):
        isms.list_quality(pd.DataFrame({"a": [1]}))


def test_quality_under_repeated_labels() -> None:
    """Rows are counted by position, whatever their labels."""
    frame = frame_of([("dead", "Nova", "done", "mobile"), ("unknown", None, "done", "mobile")])
    frame.index = pd.Index(["x", "x"])

    assert isms.list_quality(frame)["numbers"].sum() == 4


def test_picture_shows_what_was_counted() -> None:
    """One bar for each count that is not zero, as long as its share, labelled with both."""
    frame = frame_of([("deliverable", "Cosmote", "done", "mobile")] * 3 + [("dead", None, "done", "mobile")])
    ax = isms.plot_list_quality(frame)
    widths = [round(bar.get_width(), 6) for bar in ax.patches]  # type: ignore[attr-defined]
    labels = [label.get_text() for label in ax.get_yticklabels()]
    written = [text.get_text() for text in ax.texts]

    assert widths == [75, 25, 75, 25]
    assert labels == ["deliverable", "dead", "Cosmote", "unknown"]
    assert "3 (75.0%)" in written
    assert "(n = 4)" in ax.get_title(loc="left")
    plt.close("all")


@pytest.mark.parametrize("rows", [0, 1])
def test_picture_of_next_to_nothing(rows: int) -> None:
    """An empty frame gives labelled, empty axes; one row one bar."""
    ax = isms.plot_list_quality(frame_of([("dead", None, "done", "mobile")] * rows))

    assert ax.get_xlabel() == "share of rows (%)"
    assert len(ax.patches) == 2 * rows
    plt.close("all")


def test_picture_in_given_axes() -> None:
    """Axes that are given are drawn in; without them, each picture has a figure of its own."""
    frame = frame_of([("dead", "Nova", "done", "mobile")])
    _, given_axes = plt.subplots()

    assert isms.plot_list_quality(frame, ax=given_axes) is given_axes
    assert isms.plot_list_quality(frame).figure is not isms.plot_list_quality(frame).figure
    plt.close("all")


def test_every_verdict_has_one_colour() -> None:
    """States are told apart by colour, the same in every figure; what is not known is grey."""
    known = [word for word in words(Verdict) if word != Verdict.UNKNOWN]

    assert sorted(figures.COLOURS) == sorted(known)
    assert len({*figures.COLOURS.values(), figures.NOT_KNOWN, figures.NETWORK}) == len(known) + 2
    assert set(lists.QUALITY_ORDER) >= {*words(Verdict), *words(Outcome), *words(NumberStatus)}
