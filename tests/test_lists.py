"""Lists are read as they stand: each cell as text, whatever the encoding, the separator, or the kind of file."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import logging
import random
import re
import sys
import unicodedata
import warnings
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from isms_data import lists
from isms_data.errors import ConfigurationError, IsmsWarning, ListError
from isms_data.lists import read_list

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
ENCODINGS = ("utf-8", "utf-8-sig", "windows-1253", "iso-8859-7", "utf-16", "utf-16-le", "utf-16-be")
SEPARATORS = (";", ",", "\t", "|")
LINE_ENDS = ("\n", "\r\n", "\r")

SURNAMES = "Παπαδόπουλος Γεωργίου Οικονόμου Άγγελος Χατζής Ψαρράς Θεοδώρου Ζαφείρης Ηλιάδης Έξαρχος Παπαδάκης".split()  # noqa: SIM905  a list of names reads best as a line
NAMES = "Μαρία Άννα Γιώργος Ελένη Κώστας Όλγα Έλλη Ήρα Ίρις Ζωή Άρης Βασίλης".split()  # noqa: SIM905
CITIES = "Αθήνα Θεσσαλονίκη Πάτρα Λάρισα Βόλος Άρτα Χανιά Ξάνθη Άμφισσα Σύρος".split()  # noqa: SIM905


def without_accents(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))


STYLES = {
    "accents": str,
    "capitals": lambda text: without_accents(text).upper(),
    "accented capitals": str.upper,
    "no accents": without_accents,
    "small letters": str.lower,
}


def greek_list(chance: random.Random, size: int, style: str, sep: str, end: str = "\r\n") -> str:
    spell = STYLES[style]
    point = "." if sep == "," else ","
    rows = [("επώνυμο", "όνομα", "mobile", "πόλη", "ποσό")]
    for _ in range(size):
        surname, name, city = (spell(chance.choice(words)) for words in (SURNAMES, NAMES, CITIES))
        rows.append((surname, name, f"697000{chance.randrange(10_000):04d}", city, f"{chance.randrange(99)}{point}50"))
    return "".join(sep.join(row) + end for row in rows)


def cells_of(frame: pd.DataFrame) -> list[list[str | None]]:
    return [[None if pd.isna(cell) else cell for cell in row] for row in frame.itertuples(index=False)]


@pytest.fixture
def write(tmp_path):
    """A function that stores text or bytes as a list and gives its path."""

    def store(content: str | bytes, name: str = "list.csv", encoding: str = "utf-8") -> Path:
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return file

    return store


@pytest.fixture
def workbook(tmp_path):
    """A function that stores sheets of rows as xlsx and gives the path."""

    def store(**sheets: list[list[object]]) -> Path:
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(row)
        book.save(tmp_path / "book.xlsx")
        return tmp_path / "book.xlsx"

    return store


# Encodings


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("size", [3, 30])
@pytest.mark.parametrize("style", [*STYLES, "accents again"])
def test_encoding_of_a_greek_list_is_found(write, encoding: str, size: int, style: str) -> None:
    """84 lists, as short as three rows and as poor as unaccented capitals, read to their own text without a hint."""
    chance = random.Random(f"{encoding} {size} {style}")
    sep = chance.choice(SEPARATORS)
    text = greek_list(chance, size, style.removesuffix(" again"), sep)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IsmsWarning)
        frame = read_list(write(text, encoding=encoding))

    assert [list(frame.columns), *cells_of(frame)] == [line.split(sep) for line in text.splitlines()]


@given(
    st.randoms(use_true_random=False), st.sampled_from(sorted(STYLES)), st.integers(1, 12), st.sampled_from(ENCODINGS)
)
def test_wrong_guess_is_never_silent(chance: random.Random, style: str, size: int, encoding: str) -> None:
    """However short a Greek list is, its text is right, or the doubt is told."""
    text = greek_list(chance, size, style, ";")
    content = text.encode(encoding)
    known, remarks = lists._guess_encoding(content)

    assert remarks or content.decode(known.value).removeprefix("\ufeff") == text


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_valid_utf8_is_read_as_utf8(text: str) -> None:
    """Bytes that are UTF-8 from first to last are never taken for anything else."""
    content = text.encode()
    assume(not content.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")))
    known, _ = lists._guess_encoding(content)

    assert known == ("utf-8", "guessed")


@pytest.mark.parametrize(("encoding", "other"), [("windows-1253", "iso-8859-7"), ("iso-8859-7", "windows-1253")])
def test_close_guess_that_changes_the_text_is_told(write, encoding: str, other: str) -> None:
    """A lone disputed byte (yen or drachma sign) decides nothing, so the reader says so and how to settle it."""
    file = write("όνομα;ποσό\nΜαρία;5 ".encode(encoding) + b"\xa5\n")
    with pytest.warns(IsmsWarning, match="fits nearly as well.*encoding=") as told:
        read_list(file)

    assert told[0].filename == __file__
    assert read_list(file, encoding=other)["ποσό"][0] == b"5 \xa5".decode(other)


def test_close_guess_that_changes_nothing_is_not_told(write) -> None:
    """Without a disputed byte both codecs give one text, and no warning troubles anybody."""
    frame = read_list(write("όνομα;πόλη\nΜαρία;Πάτρα\n", encoding="iso-8859-7"))

    assert cells_of(frame) == [["Μαρία", "Πάτρα"]]


@pytest.mark.parametrize("encoding", ["windows-1253", "iso-8859-7"])
@pytest.mark.parametrize("cell", ["Άννα", "50 €", "σ’ αγαπώ", "απ’ όλα", "ΑΝΝΑ «Ο ΚΗΠΟΣ»", "‘Αστήρ’"])
def test_disputed_characters_decide_for_their_codec(write, encoding: str, cell: str) -> None:
    """The characters that the two Greek codecs store differently come back as they were typed."""
    frame = read_list(write(f"όνομα;ποσό\n{cell};Πάτρα\n", encoding=encoding))

    assert frame["όνομα"][0] == cell


def test_text_in_no_greek_codec_is_told(write) -> None:
    """A Western European list is not taken for Greek without a word."""
    file = write("name;city\nMüller;Köln\nJosé;Málaga\n", encoding="windows-1252")
    with pytest.warns(IsmsWarning, match="no Greek words"):
        read_list(file)

    assert cells_of(read_list(file, encoding="windows-1252")) == [["Müller", "Köln"], ["José", "Málaga"]]


def test_no_break_blank_alone_is_no_doubt(write) -> None:
    """A list in Latin letters with one no-break blank among the digits reads the same in both codecs."""
    frame = read_list(write(b"name;mobile\nMaria\xa0K;697\xa00001234\n"))

    assert cells_of(frame) == [["Maria\u00a0K", "697\u00a00001234"]]


@pytest.mark.parametrize("name", ["utf-8", "ascii", "utf-16-le"])
def test_wrong_encoding_names_the_place(write, name: str) -> None:
    """An encoding that was given is never replaced: the error names byte, position and line."""
    file = write("name;city\nMaria;Πάτρα\n", encoding="windows-1253")

    with pytest.raises(ListError, match=rf"byte 0x.. at position \d+ \(line \d\) is not {name}"):
        read_list(file, encoding=name)


def test_broken_utf8_names_the_place(write) -> None:
    """UTF-8 with one bad byte is not read as Windows-1253, where each letter would be two wrong ones."""
    content = greek_list(random.Random(1), 20, "accents", ";", "\n").encode() + b"\xce;x;1;2;3\n"

    with pytest.raises(ListError, match=rf"byte 0xce at position {len(content) - 10} \(line 22\) is not utf-8"):
        read_list(write(content))


def test_byte_order_mark_states_the_encoding(write) -> None:
    """A mark is evidence, not a guess, and never part of the first column's name, given encoding or not."""
    file = write("\ufeffmobile;x\n1;2\n")

    assert read_list(file).attrs["read_list"]["encoding_source"] == "stated"
    assert list(read_list(file, encoding="utf-8").columns) == ["mobile", "x"]


@pytest.mark.parametrize("encoding", ["klingon", "hex"])
def test_unknown_encoding_is_a_wrong_setting(write, encoding: str) -> None:
    """A codec that Python does not know, or that gives no text, is the caller's slip and not the file's."""
    with pytest.raises(ConfigurationError, match=f"'{encoding}' is not a text encoding"):
        read_list(write("a;b\n1;2\n"), encoding=encoding)


# Separators


def test_separator_given_wins(write) -> None:
    """`sep=` is obeyed even where another separator fits better."""
    frame = read_list(write("a,b;c\n1,2;3\n"), sep=",")

    assert cells_of(frame) == [["1", "2;3"]]
    assert frame.attrs["read_list"]["sep_source"] == "given"


@pytest.mark.parametrize("header", ["όνομα;ποσό;πόλη", "όνομα, επώνυμο;ποσό, ευρώ;πόλη", '"α,β";"γ,δ";"ε"'])
def test_decimal_commas_do_not_fool_the_separator(write, header: str) -> None:
    """Commas in amounts, even as many in each line, do not outvote the separator that makes more columns."""
    frame = read_list(write(header + "\nΆννα;12,50;Πάτρα, Αχαΐα\nΖωή;3,00;Άρτα, Ήπειρος\n"))

    assert frame.shape == (2, 3)


@pytest.mark.parametrize("text", ["mobile\n6970001234\n6985551234\n", "mobile (κύριο, άλλο)\n697\n698\n", "mobile\n"])
def test_one_column_needs_no_separator(write, text: str) -> None:
    """A list of numbers alone is one column, and nothing is said of a separator that is not there."""
    frame = read_list(write(text))

    assert frame.shape[1] == 1
    assert frame.attrs["read_list"]["sep"] is None


@pytest.mark.parametrize("line", ["sep=|", "SEP=|", '"sep=|"'])
def test_separator_line_is_obeyed_and_dropped(write, line: str) -> None:
    """The first line that Excel understands states the separator and is no header."""
    frame = read_list(write(f"{line}\r\na|b;c\r\n1|2;3\r\n"))

    assert list(frame.columns) == ["a", "b;c"]
    assert frame.attrs["read_list"]["sep_source"] == "stated"


def test_separator_is_found_though_a_quote_never_ends(write) -> None:
    """A stray quote near the top hides the rest of the sample from the guess, and does not change it."""
    rows = "".join(f"{i};Άννα;697\n" for i in range(20_000))
    with pytest.warns(IsmsWarning, match="quotes"):
        frame = read_list(write('a;b;c\n0;"Ταβέρνα;1\n' + rows))

    assert frame.shape == (20_001, 3)
    assert frame["b"][0] == '"Ταβέρνα'


@pytest.mark.parametrize("sep", ["", ";;", '"', "\n"])
def test_separator_of_another_length_is_refused(write, sep: str) -> None:
    """`sep=` is one character, and none that has another meaning."""
    with pytest.raises(ConfigurationError, match="one character"):
        read_list(write("a;b\n1;2\n"), sep=sep)


# Cells

GREEK_CELLS = st.text(alphabet='ΑάΆ«Ως09 ;,|\t"\n€’', max_size=8)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(GREEK_CELLS, min_size=width, max_size=width), min_size=0, max_size=6)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TABLES, st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]), st.data())
def test_any_table_comes_back(write, table: list[list[str]], quoting: int, data: st.DataObject) -> None:
    """Quotes, separators and line breaks in cells survive in every encoding, separator and line end."""
    encoding, sep, end = (data.draw(st.sampled_from(choices)) for choices in (ENCODINGS, SEPARATORS, LINE_ENDS))
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=sep, lineterminator="\r\n", quoting=quoting)
    writer.writerows([[f"c{i}" for i in range(len(table[0]) if table else 3)], *table])
    file = write(text.getvalue().replace("\r\n", end), encoding=encoding)
    frame = read_list(file, encoding=encoding, sep=sep)

    assert cells_of(frame) == [[cell or None for cell in row] for row in table]
    assert {str(dtype) for dtype in frame.dtypes} == {"str"}


@given(st.text(alphabet='aά;"\n\r ', max_size=30))
def test_both_readers_agree_where_both_can_read(text: str) -> None:
    """Arrow, the fast reader, gives the cells of the careful one for every text whose quotes are regular."""
    text = "x;y\n" + text
    assume(lists._quotes_are_regular(text, ";"))
    try:
        fast = lists._by_arrow(text, ";", 2)
    except pa.ArrowInvalid:
        return
    _, careful = lists._by_csv(text, ";", Path("x"))

    assert [column.to_pylist() for column in fast] == [column.to_pylist() for column in careful]


@pytest.mark.parametrize(
    "cell",
    [
        "0069",
        "+306970001234",
        "6.970001234E9",
        "6970001234.0",
        "1" * 40,
        " x ",
        "NA",
        "null",
        "None",
        "nan",
        "#N/A",
        "'1",
        "True",
    ],
)
def test_cell_stays_as_it_stands(write, cell: str) -> None:
    """No cell is taken for a number, a truth value or a missing value."""
    frame = read_list(write(f"a;b\n{cell};x\n"))

    assert frame["a"].tolist() == [cell]


@pytest.mark.parametrize("content", ["a;b\n", "a;b", "a;b\r\n\r\n\r\n"])
def test_header_alone_gives_an_empty_frame_of_text(write, content: str) -> None:
    """No row is a list too: same columns, same dtypes."""
    frame = read_list(write(content))

    assert frame.shape == (0, 2)
    assert [str(dtype) for dtype in frame.dtypes] == ["str", "str"]


def test_empty_column_is_text_too(write) -> None:
    """A column without a single cell keeps the dtype of the others."""
    frame = read_list(write('a;b\n1;\n2;""\n'))

    assert str(frame["b"].dtype) == "str"
    assert frame["b"].isna().all()


def test_rows_are_counted_from_zero_and_empty_lines_are_none(write) -> None:
    """Lines without anything are skipped wherever they stand; a line of separators is a row."""
    frame = read_list(write("\n\na;b\n\n1;2\n\n;\n3;4\n\n\n"))

    assert cells_of(frame) == [["1", "2"], [None, None], ["3", "4"]]
    assert frame.index.equals(pd.RangeIndex(3))


def test_short_rows_are_padded_with_nothing(write) -> None:
    """Exports that leave out the last empty cells lose no row."""
    frame = read_list(write("a;b;c\n1\n1;2\n1;2;3\n"))

    assert cells_of(frame) == [["1", None, None], ["1", "2", None], ["1", "2", "3"]]


def test_long_rows_are_kept_when_nothing_is_in_their_surplus(write) -> None:
    """A separator at the end of each row, but not of the header, adds no cell."""
    frame = read_list(write("a;b\n1;2;\n3;4;;\n"))

    assert cells_of(frame) == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize(("start", "line"), [("", 3), ("\n\n", 5), ("sep=;\n", 4)])
def test_long_row_is_an_error_that_names_its_line(write, start: str, line: int) -> None:
    """A cell too many means that cells moved: the line is named as an editor counts it, with what to do."""
    with pytest.raises(ListError, match=rf"line {line}: 3 cells, the first line has 2\. Put quotes.*';'"):
        read_list(write(start + "a;b\n1;2\n1;2;3\n"))


@pytest.mark.parametrize("cell", ['"Ο Νίκος" Ταβέρνα', '"Ταβέρνα', '"'])
def test_quotes_that_enclose_nothing_are_kept_and_told(write, cell: str) -> None:
    """Exports that never quote are read as such, where each line then has all its cells."""
    with pytest.warns(IsmsWarning, match="kept as plain characters"):
        frame = read_list(write(f'a;b\n{cell};1\nx "y" z;2\n'))

    assert frame["a"].tolist() == [cell, 'x "y" z']


def test_quote_that_never_ends_is_an_error_that_names_its_line(write) -> None:
    """Where plain reading does not make sense of the file either, the record that swallows the rest is named."""
    with pytest.raises(ListError, match="the record that begins on line 3 "):
        read_list(write('a;b\n1;2\n"1;2\n3;4;5\n'))


def test_names_are_made_unique_and_told(write) -> None:
    """Empty names get their position, repeated ones a number; only the repeated ones need the caller's eye."""
    with pytest.warns(IsmsWarning, match="'mobile_2', 'mobile_2_2', 'mobile_3'"):
        frame = read_list(write(" mobile ;;mobile;mobile_2;mobile\n1;2;3;4;5\n"))

    assert list(frame.columns) == ["mobile", "column_2", "mobile_2", "mobile_2_2", "mobile_3"]
    assert frame.attrs["read_list"]["renamed"] == {
        "column_2": "", "mobile_2": "mobile", "mobile_2_2": "mobile_2", "mobile_3": "mobile",
    }  # fmt: skip


def test_separator_beyond_ascii_is_read_too(write) -> None:
    """`sep=` may be any character of the file's encoding."""
    assert cells_of(read_list(write("a¦b\n1¦2\n"), sep="¦")) == [["1", "2"]]


# Files


@pytest.mark.parametrize("content", [b"", b"\r\n\r\n", b"  \n\t\n", b"\xef\xbb\xbf", b"sep=;\r\n"])
def test_empty_file_is_an_error(write, content: bytes) -> None:
    """A file without a header is no list."""
    with pytest.raises(ListError, match="holds no text"):
        read_list(write(content))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a;b\n1;2\0\0\0\n", "line 2 holds a NUL"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "is a web page"),
        (b"\xff\xfea\0;", "is not utf-16"),
    ],
)
def test_file_that_is_no_list_is_an_error_that_says_what_it_is(write, content: bytes, words: str) -> None:
    """What only looks like a list is named for what it is."""
    with pytest.raises(ListError, match=words):
        read_list(write(content, "list.xls"))


def test_missing_file_and_folder_are_errors(tmp_path) -> None:
    """A path that leads nowhere, or to a folder, is named together with where paths start."""
    with pytest.raises(ListError, match=r"No such file.*paths start in"):
        read_list(tmp_path / "none.csv")
    with pytest.raises(ListError, match="cannot be read"):
        read_list(tmp_path)


def test_what_was_understood_is_told(write, caplog) -> None:
    """One sentence in the log and a plain dict in attrs say what was guessed and what was given."""
    file = write("a;b\n1;2\n")
    with caplog.at_level(logging.INFO, logger="isms_data"):
        told = read_list(file, encoding="utf-8").attrs["read_list"]

    assert caplog.messages == [f"read 1 rows of 2 columns from {file}: encoding 'utf-8' (given), sep ';' (guessed)"]
    assert json.loads(json.dumps(told)) == told | {
        "file": str(file), "rows": 1, "encoding": "utf-8", "encoding_source": "given", "sep": ";",
        "sep_source": "guessed", "sheet": None, "sheet_source": "none",
    }  # fmt: skip


# Workbooks


def test_workbook_cells_come_out_exactly(workbook) -> None:
    """Whole numbers have their digits and no more, dates are ISO, truth values are words, text is as typed."""
    cells = [6970001234, 306970001234.0, -5, 12.5, 1e300, "0069", " x ", True, dt.date(2026, 3, 1)]
    cells += [pd.Timestamp("2026-03-01 10:05").to_pydatetime(), dt.time(9, 5), dt.timedelta(days=1, hours=2), None]
    frame = read_list(workbook(Φύλλο=[["a", "b"], *([cell, "x"] for cell in cells)]))

    expected = ["6970001234", "306970001234", "-5", "12.5", "1e+300", "0069", " x ", "TRUE", "2026-03-01"]
    expected += ["2026-03-01 10:05:00", "09:05:00", "P1DT2H0M0S"]
    assert frame["a"].tolist()[:-1] == expected
    assert pd.isna(frame["a"].iloc[-1])


@given(st.integers(-(2**53), 2**53))
def test_whole_number_in_a_cell_keeps_its_digits(number: int) -> None:
    """What a spreadsheet can hold as a whole number comes out digit for digit."""
    assert lists._cell_text(float(number)) == str(number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_number_in_a_cell_is_neither_rounded_nor_lengthened(number: float) -> None:
    """The text of any number is that number again."""
    assert float(lists._cell_text(number)) == number


def test_sheet_is_taken_by_name_by_position_or_first(workbook, caplog) -> None:
    """The first sheet unless another is named; that there are others is told."""
    file = workbook(Πρώτο=[["a"], ["1"]], Δεύτερο=[["b"], ["2"], ["3"]])
    with caplog.at_level(logging.INFO, logger="isms_data"):
        first = read_list(file)

    assert first.attrs["read_list"]["sheet"] == "Πρώτο"
    assert "2 sheets, 'Πρώτο', 'Δεύτερο'; 'Πρώτο' is read" in caplog.text
    assert list(read_list(file, sheet="Δεύτερο").columns) == list(read_list(file, sheet=1).columns) == ["b"]


@pytest.mark.parametrize("sheet", ["Τρίτο", 2, -1])
def test_unknown_sheet_is_an_error_that_names_the_known(workbook, sheet: str | int) -> None:
    """A sheet that is not there is answered with those that are."""
    with pytest.raises(ListError, match=r"has no sheet .*'Πρώτο', 'Δεύτερο'"):
        read_list(workbook(Πρώτο=[["a"]], Δεύτερο=[["b"]]), sheet=sheet)


def test_hidden_sheet_is_not_the_first(tmp_path) -> None:
    """What the owner does not see in the workbook is not what he means."""
    book = openpyxl.Workbook()
    book.active.append(["hidden"])
    book.active.sheet_state = "hidden"
    book.create_sheet("Πελάτες").append(["mobile"])
    book.save(tmp_path / "book.xlsx")

    assert list(read_list(tmp_path / "book.xlsx").columns) == ["mobile"]


def test_workbook_rows_below_the_last_cell_are_none(workbook) -> None:
    """Empty rows inside are rows, those at the end are not; a header alone gives columns of text."""
    frame = read_list(workbook(Φύλλο=[["a", "b"], ["1", "2"], [None, None], ["3", None], ["", None]]))

    assert cells_of(frame) == [["1", "2"], [None, None], ["3", None]]
    assert [str(dtype) for dtype in read_list(workbook(Φύλλο=[["a", "b"]])).dtypes] == ["str", "str"]


def test_formulas_that_show_nothing_make_no_rows(workbook, write) -> None:
    """Formulas filled down below the list, with an empty text as their result, are no customers."""
    file = workbook(Φύλλο=[["mobile"], ["697"], ['=""'], ['=""']])
    with zipfile.ZipFile(file) as book:
        members = {name: book.read(name) for name in book.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    members[sheet] = re.sub(rb'(<c r="A\d")(><f>)', rb'\1 t="str"\2', members[sheet])  # as Excel stores a text result
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as book:
        for name, content in members.items():
            book.writestr(name, content)

    assert cells_of(read_list(write(changed.getvalue()))) == [["697"]]


def test_empty_sheet_is_an_error(workbook) -> None:
    """An empty sheet is named, with the others of the workbook."""
    with pytest.raises(ListError, match=r"sheet 'Άδειο' is empty\. Its sheets are: 'Άδειο', 'Άλλο'"):
        read_list(workbook(Άδειο=[], Άλλο=[["a"]]))


@pytest.mark.parametrize("name", ["customers.xlsx", "customers.xls", "customers.ods"])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
def test_truncated_workbook_is_an_error(write, name: str, share: float, capfd) -> None:
    """A workbook that was cut off is refused, even where its reader gives up in a panic."""
    content = (SAMPLES / name).read_bytes()

    with pytest.raises(ListError, match="cannot be read as a workbook"):
        read_list(write(content[: int(len(content) * share)], name))
    capfd.readouterr()  # what Rust prints of a panic


def test_workbook_is_known_by_its_content(write) -> None:
    """A workbook under the name of a CSV is read; a text under the name of a workbook is refused."""
    assert read_list(write((SAMPLES / "customers.ods").read_bytes(), "list.csv")).shape[0] == 200
    with pytest.raises(ListError, match="cannot be read as a workbook"):
        read_list(write("a;b\n1;2\n", "list.xlsx"))


def test_workbook_with_a_password_is_an_error_that_says_so(write) -> None:
    """An encrypted workbook is told from a broken one."""
    container = lists._WORKBOOK_MARKS[1] + b"\0" * 1000 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 1000

    with pytest.raises(ListError, match="has a password"):
        read_list(write(container, "list.xlsx"))


def test_interrupt_while_a_workbook_is_read_stays_an_interrupt(workbook, monkeypatch) -> None:
    """Only what the reader itself raises becomes a ListError."""
    file = workbook(Φύλλο=[["a"]])
    monkeypatch.setattr("python_calamine.CalamineWorkbook", InterruptedWorkbook)

    with pytest.raises(KeyboardInterrupt):
        read_list(file)


class InterruptedWorkbook:
    """A reader that the user stops."""

    @staticmethod
    def from_filelike(_: io.BytesIO) -> None:
        raise KeyboardInterrupt


def test_workbook_without_its_reader_says_what_to_install(workbook, monkeypatch) -> None:
    """The optional extra is named by the command that installs it."""
    monkeypatch.setitem(sys.modules, "python_calamine", None)

    with pytest.raises(ConfigurationError, match=r'pip install "isms_data\[excel\]"'):
        read_list(workbook(Φύλλο=[["a"]]))


@pytest.mark.parametrize("option", [{"encoding": "utf-8"}, {"sep": ";"}])
def test_text_options_do_not_apply_to_workbooks(workbook, option: dict[str, str]) -> None:
    """An option that cannot have an effect is refused, so that nobody believes it had one."""
    with pytest.raises(ConfigurationError, match="is a workbook"):
        read_list(workbook(Φύλλο=[["a"]]), **option)


def test_sheet_does_not_apply_to_text(write) -> None:
    """A text file has no sheets to choose from."""
    with pytest.raises(ConfigurationError, match="is a text file"):
        read_list(write("a;b\n1;2\n"), sheet=0)
