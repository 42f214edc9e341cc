"""Templates: what stands in a gap is what the row has, and what has no one spelling is never guessed at."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isms_data.errors import ColumnError, IsmsWarning, TextError
from isms_data.templates import Template, fill

NAMES = ("name", "όνομα", "πρώτο όνομα", "a-b", "τιμή (€)", " ")
characters = st.characters(exclude_categories=["Cs"])
words = st.text(characters, max_size=8)
seen = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=8)


def filled(frame: pd.DataFrame, text: str) -> list[str | None]:
    texts: list[str | None] = fill(frame, Template.of(text)).texts.to_pylist()
    return texts


def spelled(values: Any, dtype: Any = None) -> list[str | None]:
    return filled(pd.DataFrame({"v": pd.Series(values, dtype=dtype)}), "{v}.")


@st.composite
def templates(draw: st.DrawFn) -> str:
    """Texts with gaps, braces doubled, that are not blank."""
    literals = words.map(lambda text: text.replace("{", "{{").replace("}", "}}"))
    parts = draw(st.lists(literals | st.sampled_from(NAMES).map("{{{}}}".format), max_size=6))
    return "".join(["x", *parts])


@given(templates(), st.lists(st.tuples(*[seen] * len(NAMES)), max_size=4))
def test_fill_is_str_format(text: str, rows: list[tuple[str, ...]]) -> None:
    """On columns of text, a template gives what `str.format` gives, names in any script, braces and all."""
    frame = pd.DataFrame(rows, columns=list(NAMES), dtype="str")

    assert filled(frame, text) == [text.format(**dict(zip(NAMES, row, strict=True))) for row in rows]


def test_fill_column_called_by_a_digit() -> None:
    """A gap is a column's name even where `str.format` would take it for a position."""
    assert filled(pd.DataFrame({"0": ["a"]}), "{0}!") == ["a!"]


def test_template_taken_apart() -> None:
    """Doubled braces are braces, also around a gap."""
    assert Template.of("a{{b}}{c}{{{d}}}") == Template(("a{b}", "{", "}"), ("c", "d"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("100% {", r"a lone '\{' at position 5"),
        ("a } b", r"a lone '\}' at position 2"),
        ("{a{b}}", r"a lone '\{' at position 0"),
        ("Hi {name}}", r"a lone '\}' at position 9"),
        ("Hi {}!", r"an empty '\{\}' at position 3 \('Hi \{\}!'\)"),
        ("", "is empty"),
        (" \u00a0\n", "is empty"),
        ("emoji \ud83d", r"U\+D83D at position 6"),
        (None, "is a NoneType"),
        (5, "is a int"),
    ],
)
def test_template_that_is_none(text: Any, problem: str) -> None:
    """What is wrong with a template, where, and how a brace is written."""
    with pytest.raises(TextError, match=problem) as caught:
        Template.of(text)

    assert "brace" not in problem or "'{{'" in str(caught.value)


@pytest.mark.parametrize("gap", ["name!r", "name:>10", "name.title", "name[0]"])
def test_gap_with_more_than_a_name(gap: str) -> None:
    """Formats, conversions, attributes and indexes are refused by name, with how to write a brace."""
    with pytest.raises(TextError, match=r"nothing else.*'\{\{'"):
        filled(pd.DataFrame({"name": ["x"]}), f"{{{gap}}}")


def test_gap_with_an_odd_name_that_there_is() -> None:
    """A column that is really called so is taken."""
    assert filled(pd.DataFrame({"e.mail": ["x"], "9:30": ["y"]}), "{e.mail}{9:30}") == ["xy"]


def test_unknown_column_names_the_known_ones() -> None:
    """A slip in a name is an error that names the columns and the nearest of them."""
    frame = pd.DataFrame({"όνομα": ["x"], "points": [1], 7: [2]})

    with pytest.raises(ColumnError, match=r"'Όνομα'.*Is it 'όνομα'.*'όνομα', 'points', 7"):
        filled(frame, "{Όνομα}")
    with pytest.raises(ColumnError, match=r"no column 'zzz'. The columns are"):
        filled(frame, "{zzz}")
    with pytest.raises(ColumnError, match="2 columns are called 'a'"):
        filled(pd.DataFrame([["x", "y"]], columns=["a", "a"]), "{a}")


@pytest.mark.parametrize(
    ("values", "dtype", "texts"),
    [
        (["Μαρία", " x "], "str", ["Μαρία.", " x ."]),
        (["a", pd.NA], "string", ["a.", None]),
        (["a", None], "string[pyarrow]", ["a.", None]),
        (["a", "b", None, "a"], "category", ["a.", "b.", None, "a."]),
        ([3, 4, 3], "category", ["3.", "4.", "3."]),
        ([12, -3], "int64", ["12.", "-3."]),
        ([2**63], "uint64", ["9223372036854775808."]),
        ([12, None], "Int64", ["12.", None]),
        ([12, None], "int64[pyarrow]", ["12.", None]),
        ([Decimal("12.50"), Decimal("1E+3"), Decimal("NaN")], object, ["12.50.", "1000.", None]),
        (
            ["x", 5, np.int32(7), Decimal("0.1"), None, np.nan, pd.NaT],
            object,
            ["x.", "5.", "7.", "0.1.", None, None, None],
        ),
        ([None, np.nan], object, [None, None]),
        ([np.nan, np.nan], "float64", [None, None]),
        ([], "float64", []),
        ([], "bool", []),
        ([], "int64", []),
    ],
)
def test_values_that_have_a_spelling(values: list[object], dtype: Any, texts: list[str | None]) -> None:
    """Text as it is, whole numbers as digits, Decimals with their decimals; null for a null, whatever the dtype."""
    assert spelled(values, dtype) == texts


def test_values_of_arrows_decimals() -> None:
    """Decimals that Arrow holds keep their decimals."""
    assert spelled(pd.array([Decimal("5.10"), None], dtype=pd.ArrowDtype(_decimal()))) == ["5.10.", None]


def _decimal() -> Any:
    import pyarrow as pa  # noqa: PLC0415 - one test

    return pa.decimal128(6, 2)


@pytest.mark.parametrize(
    ("values", "dtype", "kind", "row"),
    [
        ([12.0, 13.0], None, "float64", 0),
        ([None, 12.0], None, "float64", 1),
        ([1.5, None], "Float64", "Float64", 0),
        ([12.0], "category", "float64", 0),
        ([True], None, "bool", 0),
        ([None, True], "boolean", "boolean", 1),
        (["a", True], object, "bool", 1),
        (["a", 12.0], object, "float", 1),
        ([Decimal("Infinity")], object, "Decimal", 0),
        ([b"a"], object, "bytes", 0),
        (["a", ["b"]], object, "list", 1),
        ([dt.date(2026, 5, 1)], object, "date", 0),
        (["2026-05-01"], "datetime64[us]", "datetime64", 0),
        (["2026-05-01"], "datetime64[us, UTC]", "datetime64", 0),
        ([dt.timedelta(1)], None, "timedelta64", 0),
        ([1.0], "double[pyarrow]", "double", 0),
    ],
)
def test_values_without_a_spelling(values: list[object], dtype: Any, kind: str, row: int) -> None:
    """Floats (12.0 comes of gaps), truth values, times and the like are refused: which, where, what to do."""
    with pytest.raises(ColumnError, match=rf"column 'v' holds {kind}.*\(row {row}, label .*Make it text first"):
        spelled(values, dtype)


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA, "", "  ", "\u00a0\t", "\u200b\ufeff"])
def test_missing_value_is_a_reason(nothing: object) -> None:
    """A null, an empty text or one of blanks only leaves the row without a text, and the reason names the column."""
    frame = pd.DataFrame({"όνομα": pd.Series([nothing, "x"], dtype=object), "b": ["y", None]})
    texts, reasons = fill(frame, Template.of("Γεια {όνομα} {b}"))

    assert texts.to_pylist() == [None, None]
    assert reasons.to_pylist() == ["no value in column 'όνομα'", "no value in column 'b'"]


def test_half_a_character_is_a_reason() -> None:
    """A value that is half an emoji leaves its own row out, not the others."""
    frame = pd.DataFrame({"v": pd.Series(["a", "b\ud83d", None, 3], dtype=object)})
    texts, reasons = fill(frame, Template.of("{v}"))

    assert texts.to_pylist() == ["a", None, None, "3"]
    assert reasons.to_pylist() == [None, "half a character in column 'v'", "no value in column 'v'", None]


def test_value_with_braces_is_not_filled_again() -> None:
    """What a customer calls himself is no template."""
    assert filled(pd.DataFrame({"a": ["{b}", "{{"], "b": ["x", "y"]}), "{a}") == ["{b}", "{{"]


def test_template_without_gaps() -> None:
    """A text that is the same for everybody is in each row, also where there is none."""
    assert filled(pd.DataFrame(index=range(3)), "5 {{x}}") == ["5 {x}"] * 3
    assert filled(pd.DataFrame(), "5") == []


def test_doubled_braces_around_a_column_warn() -> None:
    """Other tools write gaps with two braces; here that would send the word in braces to everybody."""
    frame = pd.DataFrame({"name": ["Μαρία"]})
    with pytest.warns(IsmsWarning, match=r"says \{name\} to everybody.*write '\{name\}'"):
        texts = filled(frame, "Γεια {{name}}, {{points}}")

    assert texts == ["Γεια {name}, {points}"]
