"""A frame becomes a plan: of each row its number, its text and what that costs, and why it is left out, if it is.

A row is left out for the first of these reasons that holds:

1. its number: none, invalid, no mobile; what an earlier cleaning said of it; the list given as `suppress=`;
2. what the journal knows of the number (`barred`, handed in: nothing here reads it);
3. its text: no value for a gap, half a character, not in the GSM asked for, too many segments;
4. its verdict, if the frame has one;
5. a row before it is sent to the same number.

The last one is last on purpose: the first row of a number that can be sent is the one that is, and never a second one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from isms_data import tables
from isms_data.cleaning.cells import text_cells
from isms_data.code_points import TEXT
from isms_data.columns import attach, pick, pick_text
from isms_data.errors import ColumnError, ConfigurationError
from isms_data.greek import Rendering, render_column
from isms_data.msisdn import clean_numbers, known_region, numbers_of
from isms_data.plans import checked_campaign
from isms_data.senders import checked_sender
from isms_data.templates import Template, fill
from isms_data.text_segments import count_segments
from isms_data.vocabulary import Action, NumberStatus, Verdict, words

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from isms_data.cleaning.digits import Flags, Ints

SENT_TO: Final = (Verdict.DELIVERABLE, Verdict.RETRY_LATER, Verdict.UNKNOWN, None)
"""The verdicts that are written to unless the caller says otherwise; None stands for rows without one."""

MSISDN: Final = "msisdn"
"""A column of this name holds numbers in international form, as `clean_numbers` makes it."""

_USABLE: Final = (NumberStatus.MOBILE, NumberStatus.DUPLICATE)
_INTERNATIONAL: Final = r"^[1-9][0-9]{6,14}$"

_LARGE: Final = pa.large_string()
_NULL: Final = pa.scalar(None, _LARGE)


@dataclass(frozen=True)
class Wording:
    """What a campaign says and to whom, checked."""

    campaign: str
    sender: str
    template: Template
    coding: str
    greek: str
    flash: bool
    max_segments: int
    only: tuple[str | None, ...] | None
    """The verdicts that are written to; None for all rows."""


class Texts(NamedTuple):
    """The columns of the plan that the text decides, and why it cannot be sent."""

    text: Any
    coding: Any
    segments: Any
    offending: Any
    reason: pa.Array


class Draft(NamedTuple):
    """A plan but for what the journal knows; row by row in position."""

    numbers: Ints
    """0 where there is none."""
    number_reason: pa.Array
    """Null where nothing is wrong."""
    texts: Texts
    verdict_reason: pa.Array

    @property
    def candidates(self) -> list[int]:
        """The distinct numbers that the journal is to be asked about."""
        fine = self.number_reason.is_null().to_numpy(zero_copy_only=False)
        found: list[int] = pd.unique(self.numbers[fine]).tolist()
        return found


def checked_wording(
    *,
    campaign: str,
    sender: str,
    text: str,
    coding: str,
    greek: str,
    flash: bool,
    max_segments: int,
    only: Iterable[str | None] | str | None,
) -> Wording:
    """What the caller of a plan said, before anything is done with it.

    Raises
    ------
    InvalidSender, TextError, ConfigurationError   which of them cannot be used, and why.
    """
    nothing = pd.Series(dtype="str")
    count_segments(nothing, coding=coding)
    render_column(nothing, greek)
    for name, value, kind in (("flash", flash, bool), ("max_segments", max_segments, int)):
        if type(value) is not kind:
            msg = f"{name}={value!r} is a {type(value).__name__}, and must be {kind.__name__}."
            raise ConfigurationError(msg)
    if max_segments < 1:
        msg = f"max_segments={max_segments} lets no message through. Say 1 or more."
        raise ConfigurationError(msg)
    return Wording(
        campaign=checked_campaign(campaign),
        sender=checked_sender(sender),
        template=Template.of(text),
        coding=coding,
        greek=greek,
        flash=flash,
        max_segments=max_segments,
        only=_checked_verdicts(only),
    )


def _checked_verdicts(only: Iterable[str | None] | str | None) -> tuple[str | None, ...] | None:
    if only is None:
        return None
    chosen = (only,) if isinstance(only, str) else tuple(only)
    strange = [word for word in chosen if word is not None and word not in words(Verdict)]
    if strange or not chosen:
        msg = (
            f"only={only!r} {f'names {strange[0]!r}, which is no verdict' if strange else 'lets no message through'}. "
            f"The verdicts are: {', '.join(words(Verdict))}; None among them stands for rows without one."
        )
        raise ConfigurationError(msg)
    return chosen


def drafted(
    frame: pd.DataFrame,
    column: str,
    wording: Wording,
    *,
    region: str,
    suppress: Iterable[Any] | str | os.PathLike[str] | None,
) -> Draft:
    """Everything that the rows tell.

    Raises
    ------
    ColumnError          a column that is missing or cannot be used.
    ConfigurationError   region or suppress cannot be used.
    ListError            the file of suppressed numbers cannot be read.
    """
    region = known_region(region)
    numbers, reason = _numbers(frame, column, region)
    unwanted = pd.Series(numbers).isin(numbers_of(suppress, region)).to_numpy()
    return Draft(
        numbers,
        pc.coalesce(_earlier_reason(frame), reason, _where(unwanted, _sentence("on the list given as suppress="))),
        _texts(frame, wording),
        _verdict_reason(frame, wording.only),
    )


def finished(
    frame: pd.DataFrame, draft: Draft, wording: Wording, *, barred: Mapping[int, str], names: Mapping[str, str]
) -> pd.DataFrame:
    """The frame with the plan's columns; `barred` says of numbers why the journal forbids them."""
    rows = len(frame)
    reason = pc.coalesce(draft.number_reason, _barred_reason(draft.numbers, barred), draft.texts.reason)
    reason = pc.coalesce(reason, draft.verdict_reason)
    reason = pc.coalesce(reason, _repeated_reason(draft.numbers, reason))
    skipped = reason.is_valid().to_numpy(zero_copy_only=False)
    added = {
        "campaign": _same_word(wording.campaign, rows),
        "sender": _same_word(wording.sender, rows),
        "msisdn": pa.array(draft.numbers, mask=draft.numbers == 0).cast(_LARGE),
        "flash": np.full(rows, wording.flash),
        "text": draft.texts.text,
        "coding": draft.texts.coding,
        "segments": draft.texts.segments,
        "offending": draft.texts.offending,
        "action": pa.DictionaryArray.from_arrays(pa.array(skipped.astype(np.int32)), list(words(Action))),
        "reason": reason,
    }
    return attach(frame, {name: tables.column("plan", name, values) for name, values in added.items()}, names)


# The number


def _numbers(frame: pd.DataFrame, column: str, region: str) -> tuple[Ints, pa.Array]:
    """Each row's number, 0 for none, and why it is no mobile to use."""
    cells = pick(frame, column)
    if column == MSISDN:
        told = "number_status" in frame.columns
        cells = as_msisdns(cells, region, known=pick(frame, "number_status").isin(_USABLE) if told else None)
    found = clean_numbers(cells.to_frame(), column, region=region, replace=True)
    numbers = pc.fill_null(_array(found["msisdn"]).cast(pa.int64()), 0).to_numpy()
    usable = found["number_status"].isin(_USABLE)
    return numbers, _array(found["number_problem"].mask(usable))


def as_msisdns(cells: pd.Series, region: str, *, known: pd.Series | None = None) -> pd.Series:
    """MSISDNs with the plus that says that they are: `35799123456` by itself is no number of Greece.

    `known` says which of them an earlier cleaning found to be mobiles. Without its word, only what is no number of the
    region is read as one, so that `6912345678` stays Greek.

    >>> as_msisdns(pd.Series(["35799123456", "6912345678"]), "GR").tolist()
    ['+35799123456', '6912345678']
    """
    texts, knot = text_cells(cells)
    if knot.any():
        return cells  # a column of numbers that have lost digits was never cleaned
    if known is None:
        known = clean_numbers(cells.to_frame(MSISDN), MSISDN, region=region, replace=True)[MSISDN].isna()
    whole = pc.fill_null(pc.match_substring_regex(texts, _INTERNATIONAL), False)
    with_plus = pc.and_(whole, pa.array(known.to_numpy()))
    spelled = pc.if_else(with_plus, _joined("+", texts), texts)
    return pd.Series(TEXT.__from_arrow__(spelled), index=cells.index, name=cells.name)


def _earlier_reason(frame: pd.DataFrame) -> pa.Array:
    """What an earlier cleaning said, in its words where they are there: it saw the cell as it was written."""
    if "number_status" not in frame.columns:
        return pa.nulls(len(frame), _LARGE)
    statuses = pick(frame, "number_status").astype("str")
    refused = (statuses.notna() & ~statuses.isin(_USABLE)).to_numpy()
    said = _joined("number_status is ", _array(statuses))
    if "number_problem" in frame.columns:
        said = pc.coalesce(_array(pick_text(frame, "number_problem").astype("str")), said)
    return _where(refused, said)


def _barred_reason(numbers: Ints, barred: Mapping[int, str]) -> pa.Array:
    place = pd.Index(list(barred), dtype="int64").get_indexer(pd.Index(numbers))
    return pa.array(list(barred.values()), _LARGE).take(pa.array(place, mask=place < 0))


def _repeated_reason(numbers: Ints, reason: pa.Array) -> pa.Array:
    """Of the rows that could be sent, those whose number stands in one before."""
    rows = np.flatnonzero(reason.is_null().to_numpy(zero_copy_only=False))
    code, distinct = pd.factorize(numbers[rows])
    first = np.empty(len(distinct), np.int64)
    first[code[::-1]] = rows[::-1]
    earlier = np.full(len(numbers), -1)
    earlier[rows] = np.where(first[code] == rows, -1, first[code])
    place = pa.array(earlier, mask=earlier < 0).cast(_LARGE)
    return _joined("the same number as in row ", place)


# The text


def _texts(frame: pd.DataFrame, wording: Wording) -> Texts:
    """Fill, render, count. A text that is the same for all rows is counted once."""
    same = not wording.template.gaps
    filled = fill(frame.iloc[:1] if same else frame, wording.template)
    texts = pd.Series(TEXT.__from_arrow__(filled.texts))
    if wording.greek != Rendering.KEEP:
        texts = render_column(texts, wording.greek)
    counted = count_segments(texts, coding=wording.coding)
    segments = _array(counted["segments"])
    over = pc.fill_null(pc.greater(segments, wording.max_segments), False).to_numpy(zero_copy_only=False)
    limit = f" segments, and max_segments is {wording.max_segments}"
    too_long = _where(over, _joined(segments.cast(_LARGE), limit))
    found = Texts(
        _array(texts),
        _array(counted["coding"]),
        segments,
        _array(counted["offending"]),
        pc.coalesce(filled.reasons, _array(counted["problem"]), too_long),
    )
    if not same:
        return found
    everywhere = pa.array(np.zeros(len(frame), np.int64))
    return Texts(*(column.take(everywhere) for column in found))


# The verdict


def _verdict_reason(frame: pd.DataFrame, only: tuple[str | None, ...] | None) -> pa.Array:
    """Why a row's verdict leaves it out. A frame without verdicts is one of rows without a verdict."""
    if only is None or ("verdict" not in frame.columns and None in only):
        return pa.nulls(len(frame), _LARGE)
    if "verdict" not in frame.columns:
        msg = f"only={only!r} chooses by verdict, and there is no column 'verdict'. Make one with isms.hlr_lookup."
        raise ColumnError(msg)
    verdicts = pick(frame, "verdict").astype("str")
    named = [word for word in only if word is not None]
    left_out = ~verdicts.isin(named) & (verdicts.notna() | (None not in only))
    told = _joined("verdict is ", _array(verdicts), f", and only= names {', '.join(named)}")
    return _where(left_out.to_numpy(), pc.coalesce(told, _sentence("no verdict, and only= does not name None")))


# Columns of reasons


def _array(series: pd.Series) -> pa.Array:
    """A column as one Arrow array."""
    array = pa.array(series, from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _joined(*parts: pa.Array | str) -> pa.Array:
    """Texts put together row by row, null where one of them is."""
    return pc.binary_join_element_wise(*[_sentence(x) if isinstance(x, str) else x for x in parts], _sentence(""))


def _where(rows: Flags, reason: pa.Array | pa.Scalar) -> pa.Array:
    """The reason in these rows, null in the others."""
    return pc.if_else(pa.array(rows), reason, _NULL)


def _same_word(word: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), [word])


def _sentence(text: str) -> pa.Scalar:
    return pa.scalar(text, _LARGE)
