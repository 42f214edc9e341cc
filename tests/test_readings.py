"""Cells read to the end, in blocks, alone and apart."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from isms_data.cleaning.readings import BLOCK, numbers_in, read_cells
from isms_data.cleaning.spelling import Knot

CELLS = ["6912345678", "6912345678 / 6971234567", None, "210/1234567", "6912345678/7", "691/2", "x6y9"]


def read(*cells: str | None, split: bool = False) -> tuple[list[int], list[Knot]]:
    reading = read_cells(pa.array(cells, pa.large_string()), np.zeros(len(cells), np.int64), "GR", split=split)
    return reading.number.tolist(), [Knot(knot) for knot in reading.knot]


def test_pieces_decide_what_a_cell_is() -> None:
    """A whole that is a number is one; two numbers, or a number and more, are refused; so is what is none."""
    numbers, knots = read(*CELLS)

    assert numbers == [306912345678, 0, 0, 302101234567, 0, 0, 0]
    assert knots == [
        *(Knot.NONE, Knot.TWO_NUMBERS, Knot.EMPTY, Knot.NONE, Knot.MORE_DIGITS),
        *(Knot.NONE, Knot.LETTERS),
    ]


def test_splitting_takes_what_there_is() -> None:
    """With `split` the same cells give their first mobile."""
    assert read(*CELLS, split=True)[0] == [306912345678, 306912345678, 0, 302101234567, 306912345678, 0, 0]


def test_others_come_with_their_rows_over_all_blocks() -> None:
    """The further numbers know their row in the whole column, not in its block."""
    cells = pa.array([*["x"] * BLOCK, "6912345678 / 6971234567 / 2101234567"], pa.large_string())
    reading = read_cells(cells, np.zeros(len(cells), np.int64), "GR", split=True)

    assert reading.others.tolist() == [306971234567, 302101234567]
    assert reading.others_row.tolist() == [BLOCK, BLOCK]
    assert len(reading.problem) == len(reading.number) == len(cells)


def test_knot_from_before_stays() -> None:
    """What was wrong with a value before it was text is not forgotten."""
    reading = read_cells(pa.array([None], pa.large_string()), np.array([Knot.TOO_LARGE]), "GR", split=False)

    assert reading.knot.tolist() == [Knot.TOO_LARGE]
    assert reading.problem.to_pylist() == ["larger than a float holds exactly, so digits are missing"]


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("6912345678", [306912345678]),
        ("6912345678; +30 697 1234567", [306912345678, 306971234567]),
        ("210/1234567", [302101234567]),
        ("447911123456", [447911123456]),
        ("Μαρία, 6912345678, 2026", [306912345678]),
        ("6.91E+09", []),
        ("x", []),
        (None, []),
    ],
)
def test_every_number_in_a_cell_is_found(cell: str | None, numbers: list[int]) -> None:
    """A suppression list gives every number it holds, in international form without a plus too."""
    assert numbers_in(pa.array([cell], pa.large_string()), "GR").tolist() == numbers
