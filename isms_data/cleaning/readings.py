"""Cells read to the end: spelling, dialling and type together, and cells with two numbers taken apart.

A cell whose digits are parted by letters or separators, or are more than any number has, may be two numbers. It is
decided by what its pieces are: two that are numbers by themselves are two; a whole that is one ("210/1234567") is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from isms_data.cleaning.number_patterns import Kind
from isms_data.cleaning.refusals import problems
from isms_data.cleaning.spelling import PARTED, Knot, pieces, read
from isms_data.numbering import Judged, has_holder, holders, is_mobile, judge

if TYPE_CHECKING:
    from isms_data.cleaning.digits import Ints

BLOCK: Final = 1 << 18
"""Rows that are read together: enough to amortise the calls, few enough to stay in the processor's cache."""

_TWO_SHORT_NUMBERS: Final = 14
"""Digits in a row from which on a cell may hold two numbers without a separator that tells."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of each cell; `others` and `others_row` are the further numbers of cells taken apart."""

    number: Ints
    """In international form, 0 where there is none."""
    kind: Ints
    region: Ints
    holder: Ints
    """Who first held the range, as codes of `numbering.operator_dtype`."""
    knot: Ints
    problem: pa.Array
    others: Ints
    others_row: Ints


def read_cells(cells: pa.Array, knot: Ints, region: str, *, split: bool) -> Reading:
    """Every cell of a column, in blocks; `knot` says what is wrong with a cell already."""
    starts = range(0, max(len(cells), 1), BLOCK)
    blocks = [_read_block(cells.slice(at, BLOCK), knot[at : at + BLOCK], region, split=split) for at in starts]
    return Reading(
        number=np.concatenate([block.number for block in blocks]),
        kind=np.concatenate([block.kind for block in blocks]),
        region=np.concatenate([block.region for block in blocks]),
        holder=np.concatenate([block.holder for block in blocks]),
        knot=np.concatenate([block.knot for block in blocks]),
        problem=pa.concat_arrays([block.problem for block in blocks]),
        others=np.concatenate([block.others for block in blocks]),
        others_row=np.concatenate([block.others_row + at for block, at in zip(blocks, starts, strict=True)]),
    )


def numbers_in(cells: pa.Array, region: str) -> Ints:
    """Every number that occurs anywhere in the cells, each once; digits alone count in international form too."""
    spelled = read(cells)
    parts, _ = pieces(cells)
    whole = judge(spelled.digits, spelled.plus, region).number[~np.isin(spelled.knot, PARTED[1:])]
    as_written = judge(parts.digits, parts.plus, region).number
    international = judge(parts.digits, np.ones(len(parts.plus), np.bool_), region).number
    return np.setdiff1d(np.concatenate([whole, as_written, international]), [0])


def _read_block(cells: pa.Array, knot: Ints, region: str, *, split: bool) -> Reading:
    spelled = read(cells)
    knot = np.where(knot, knot, spelled.knot)
    judged = judge(spelled.digits, spelled.plus, region)
    too_long = (judged.kind == Kind.INVALID) & (spelled.digits.length >= _TWO_SHORT_NUMBERS)
    rows = np.flatnonzero(np.isin(knot, PARTED) | ((knot == Knot.NONE) & too_long))
    others = others_row = np.zeros(0, np.int64)
    if len(rows):
        judged, others, others_row = _take_apart(cells, rows, knot, judged, region, split=split)
    problem = problems(cells, knot, judged, spelled, region)
    fine = knot == Knot.NONE
    return Reading(
        number=np.where(fine, judged.number, 0),
        kind=np.where(fine, judged.kind, Kind.INVALID),
        region=np.where(fine, judged.region, -1),
        holder=holders(np.where(fine & has_holder(judged.kind), judged.number, 0), judged.length),
        knot=knot,
        problem=problem,
        others=others,
        others_row=others_row,
    )


def _take_apart(
    cells: pa.Array, rows: Ints, knot: Ints, judged: Judged, region: str, *, split: bool
) -> tuple[Judged, Ints, Ints]:
    """Decide the cells in `rows` by their pieces: `knot` is updated, and the row's number put into `judged`."""
    parts, owner = pieces(cells.take(pa.array(rows)))
    piece = judge(parts.digits, parts.plus, region)
    valid = piece.kind != Kind.INVALID
    good = _each_once(np.flatnonzero(valid), owner, piece.number)
    numbers = np.bincount(owner[good], minlength=len(rows))
    strays = np.bincount(owner[~valid], minlength=len(rows))
    before = knot[rows]
    whole = (before == Knot.SLASHED) & (judged.kind[rows] != Kind.INVALID) & (numbers < 2)
    taken = ~whole & (numbers > 0) & (split | ((numbers == 1) & (strays == 0)))
    knot[rows] = np.select(
        [whole | taken, numbers > 1, numbers == 1, (before == Knot.LETTERS) | (before == Knot.SEVERAL)],
        [Knot.NONE, Knot.TWO_NUMBERS, Knot.MORE_DIGITS, before],
        Knot.NONE,
    )
    good = good[taken[owner[good]]]
    first = _first_mobile(good, owner, piece.kind)
    rest = np.setdiff1d(good, first) if split else first[:0]
    return judged.put(rows[owner[first]], piece.take(first)), piece.number[rest], rows[owner[rest]]


def _each_once(found: Ints, owner: Ints, number: Ints) -> Ints:
    """The pieces without those that repeat a number of the same cell."""
    order = found[np.lexsort((number[found], owner[found]))]
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = (owner[order][1:] != owner[order][:-1]) | (number[order][1:] != number[order][:-1])
    return np.sort(order[fresh])


def _first_mobile(found: Ints, owner: Ints, kind: Ints) -> Ints:
    """One piece for each cell: its first mobile, or its first number where it has none."""
    order = found[np.lexsort((~is_mobile(kind[found]), owner[found]))]
    return order[np.flatnonzero(np.diff(owner[order], prepend=-1))]
