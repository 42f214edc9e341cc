"""Read a list of people as its owner has it: any Greek encoding, any separator, any spreadsheet, every cell as text.

How a text file is understood, in this order:

1. Encoding: a byte order mark states it; else UTF-16 shows in where its zero bytes stand; else what is valid UTF-8
   from the first byte to the last is UTF-8. The rest is Windows-1253 or ISO-8859-7, which
   give nearly all letters the same byte: each is scored by how many of the file's words it makes plausible Greek
   (`_score`), and the few bytes that they read differently (`_DISPUTED`: Ά, €, quotes) decide.
2. Separator: the one that cuts the first records into the most columns, as many in each as in the header.
3. Cells: Arrow reads what is regular. What is not (ragged rows, odd quotes) goes to Python's `csv` in strict mode,
   which is slower and knows the line to name. Both give the same cells where both can read; the tests say so.

What was understood is told: one sentence in the log "isms_data", and `frame.attrs["read_list"]`.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import logging
import re
import warnings
from contextlib import suppress
from itertools import chain, count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from isms_data.errors import ConfigurationError, IsmsWarning, ListError
from isms_data.parquet.places import Place, place

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence

    from python_calamine import CalamineWorkbook

_log = logging.getLogger("isms_data")

_SAMPLE: Final = 1 << 20
"""Bytes or characters that a guess looks at: enough for thousands of words, little against a file of 100 MB."""

_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_CODECS: Final = ("windows-1253", "iso-8859-7")
"""The one-byte codecs of Greek lists; the first wins where both read the same."""

_ASCII: Final = bytes(range(0x80))
_TOKEN: Final = re.compile(rb"(?<![A-Za-z])[A-Za-z]*+[\x80-\xff][A-Za-z\x80-\xff]*")
_DISPUTED: Final = re.compile(rb"[\x80-\xa2\xa4\xa5\xaa\xae\xb5\xb6]")
_UTF8_LETTER: Final = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}")

_LETTERS: Final = re.compile(r"[^\W\d_]+")
_GREEK: Final = re.compile(
    r"(?!.*ς.)(?!.+σ$)"  # final sigma ends a word, and no other sigma does
    r"(?!Ά[αΑ])"  # an apostrophe before Α, misread
    r"(?:[Α-ΫΆΈ-Ώ]?[ά-ώΐ]*|[Α-Ϋ]*[ΆΈ-Ώ]?[Α-Ϋ]*)"
)
_MISPLACED: Final = re.compile(r"’[ΒΓΔΖΘΚΛΜΝΞΠΡΣΤΦΧΨβγδζθκλμνξπρστφχψ]|(?<!\w)’[αεηιουωά-ώ]")
"""An apostrophe stands where a vowel fell out before a vowel, or as a tonos typed before a capital one."""
_CLOSE: Final = 3
"""A lead that one symbol or one short word gives: too little to be sure of."""
_SYMBOLS: Final = frozenset("\u00a0«»·°²³½±©®™§€‘’“”„–—…•‰†")
"""What stands between words in real lists; any other symbol speaks against the codec that reads it."""

_SEPARATORS: Final = (";", "\t", "|", ",")
"""In order of preference where two explain a file equally well; the comma last, since texts and decimals have it."""
_SEP_LINE: Final = re.compile(r'"?sep=([^\r\n"])"?(?:\r\n?|\n|\Z)', re.IGNORECASE)
_NO_SEPARATOR: Final = "\x1f"
"""What the readers are told to cut at when a file has one column: the ASCII unit separator, which no list has."""

_WORKBOOK_MARKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_WORKBOOK_NAMES: Final = frozenset({".xlsx", ".xlsm", ".xlsb", ".ods"})
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_WEB_PAGE: Final = re.compile(r"\s*<(?:!doctype|html|head|body|table|\?xml)", re.IGNORECASE)

_Cell = str | bool | int | float | dt.datetime | dt.date | dt.time | dt.timedelta

_EXACT_FLOAT: Final = 2.0**53
"""Up to here a float holds every integer; beyond it digits would be invented."""


class _Known(NamedTuple):
    """One property of the file, and how we know it: "given", "stated" (by the file itself), "guessed" or "none"."""

    value: str | None = None
    source: str = "none"


class _Reading(NamedTuple):
    """A list as it was understood, before its columns have their final names."""

    header: list[str]
    cells: list[pa.ChunkedArray]
    encoding: _Known = _Known()
    sep: _Known = _Known()
    sheet: _Known = _Known()
    remarks: tuple[str, ...] = ()


def read_list(
    path: str | os.PathLike[str],
    *,
    encoding: str | None = None,
    sep: str | None = None,
    sheet: str | int | None = None,
) -> pd.DataFrame:
    r"""Read a list from a text file or a workbook, each cell as the text that stands there.

    One row of the file in, one row out, in the same order, under a fresh index; a line with nothing on it is no row.
    An empty cell is NaN; `NA`, `null`, `None` and `nan` are text like any other. Nothing is stripped from cells.
    Column names lose surrounding blanks; empty ones become `column_3`, repeated ones `mobile_2`.

    Parameters
    ----------
    path : str or path
        Text as UTF-8, UTF-16, Windows-1253 or ISO-8859-7, separated by `;`, `,`, tab or `|`; or a workbook: xlsx,
        xls, ods. The content decides, not the name.
    encoding, sep : str, optional
        A codec that Python knows, and the one character between cells; win over the guess. Text only.
    sheet : str or int, optional
        The sheet's name, or its position counted from 0; by default the first visible one. Workbooks only.

    Returns
    -------
    DataFrame
        every column    str   as in the file; NaN where the cell is empty

        `frame.attrs["read_list"]` is a dict: `file`, `rows`; `encoding`, `sep` and `sheet`, each with `..._source`
        ("given", "stated" by the file itself, "guessed", "none"); `renamed`, the columns whose name had to change.

    Raises
    ------
    ListError            the file is missing, empty, broken, or not as the options say; names the line.
    ConfigurationError   an option that does not exist or apply; or reading workbooks is not installed.

    Notes
    -----
    Warns with IsmsWarning where a close guess changes the text, where two columns share a name, and where quotes are
    not CSV quotes. From workbooks a whole number comes as its digits alone, any other number with a decimal point,
    a date as 2026-03-01, a truth value as TRUE or FALSE, and a cell in error is empty.
    Cost: nothing is sent. Repeatable: yes. Source: the file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "πελάτες.csv")
    ...     _ = file.write_bytes("όνομα;mobile\nΆννα;0069\nΗλίας;\n".encode("windows-1253"))
    ...     people = read_list(file)
    >>> people
       όνομα mobile
    0   Άννα   0069
    1  Ηλίας    NaN
    >>> people.attrs["read_list"]["encoding"], people.attrs["read_list"]["encoding_source"]
    ('windows-1253', 'guessed')
    """
    file = place(path)
    content = _content(file)
    if content.startswith(_WORKBOOK_MARKS) or file.suffix.lower() in _WORKBOOK_NAMES:
        if encoding is not None or sep is not None:
            msg = f"{file} is a workbook: encoding= and sep= are for text files. Leave them out; sheet= picks a sheet."
            raise ConfigurationError(msg)
        reading = _read_workbook(content, file, sheet)
    else:
        if sheet is not None:
            msg = f"{file} is a text file: it has no sheet {sheet!r}. Leave sheet= out."
            raise ConfigurationError(msg)
        reading = _read_text(content, file, encoding, sep)
    return _frame(reading, file)


def _content(file: Place) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        msg = f"{file} cannot be read ({error.strerror or 'not found'}). Check the name; paths start in {Path.cwd()}."
        raise ListError(msg) from None


def _frame(reading: _Reading, file: Place) -> pd.DataFrame:
    """The reading as a frame, and what is to be told about it told."""
    names = _unique_names(reading.header)
    renamed = {new: old for old, new in zip(reading.header, names, strict=True) if old.strip() != new}
    frame: pd.DataFrame = pa.table(reading.cells, names=names).to_pandas()
    facts = {"encoding": reading.encoding, "sep": reading.sep, "sheet": reading.sheet}
    frame.attrs["read_list"] = {
        "file": str(file),
        "rows": len(frame),
        **{name: fact.value for name, fact in facts.items()},
        **{f"{name}_source": fact.source for name, fact in facts.items()},
        "renamed": renamed,
    }
    told = [f"{name} {fact.value!r} ({fact.source})" for name, fact in facts.items() if fact.value]
    told += [f"a column {old!r} is called {new!r} here" for new, old in renamed.items()]
    _log.info("read %d rows of %d columns from %s: %s", len(frame), len(names), file, ", ".join(told))
    remarks = list(reading.remarks)
    doubles = ", ".join(repr(new) for new, old in renamed.items() if old.strip())
    if doubles:
        remarks.append(f"columns whose name was taken are now called {doubles}. Check which one you mean.")
    for remark in remarks:
        warnings.warn(f"{file}: {remark}", IsmsWarning, stacklevel=3)
    return frame


def _unique_names(header: Sequence[str]) -> list[str]:
    names: list[str] = []
    for position, cell in enumerate(header, start=1):
        wanted = cell.strip() or f"column_{position}"
        spellings = chain([wanted], (f"{wanted}_{again}" for again in count(2)))
        names.append(next(name for name in spellings if name not in names))
    return names


def _read_text(content: bytes, file: Place, encoding: str | None, sep: str | None) -> _Reading:
    known, remarks = (_Known(encoding, "given"), []) if encoding is not None else _guess_encoding(content)
    text = _decode(content, str(known.value), file).removeprefix("\ufeff")
    if "\0" in text:
        line = _line(text.partition("\0")[0])
        msg = f"{file}: line {line} holds a NUL character, so this is no text list. Export it again as CSV UTF-8."
        raise ListError(msg)
    if _WEB_PAGE.match(text):
        msg = f"{file} is a web page, whatever its name says. Open it in a spreadsheet and save it as xlsx or CSV."
        raise ListError(msg)
    separator, text = _separator(text, sep)
    if not text or text.isspace():
        msg = f"{file} holds no text, not even a header. Export the list again."
        raise ListError(msg)
    header, cells, more = _cells(text, separator.value or _NO_SEPARATOR, file)
    return _Reading(header, cells, known, separator, remarks=(*remarks, *more))


def _decode(content: bytes, encoding: str, file: Place) -> str:
    """The whole file, strictly: a byte that the codec does not know is an error that says where it stands."""
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = _line(content[: error.start].decode(encoding, "replace"))
        msg = (
            f"{file}: byte {content[error.start]:#04x} at position {error.start} (line {line}) is not {encoding}. "
            "Repair that place, give another encoding=, or save the list again as CSV UTF-8."
        )
        raise ListError(msg) from None
    except LookupError:
        msg = f"encoding={encoding!r} is not a text encoding. Usual ones here: utf-8, windows-1253, iso-8859-7, utf-16."
        raise ConfigurationError(msg) from None


def _line(before: str) -> int:
    return len(re.findall(r"\r\n?|\n", before)) + 1


def _guess_encoding(content: bytes) -> tuple[_Known, list[str]]:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return _Known(encoding, "stated"), []
    wide = _utf16_without_mark(content[:_SAMPLE]) if 0 in content else None
    if wide or _is_utf8(content):
        return _Known(wide or "utf-8", "guessed"), []
    encoding, remarks = _guess_codec(content)
    return _Known(encoding, "guessed"), remarks


def _utf16_without_mark(sample: bytes) -> str | None:
    """Greek and Latin letters have a high byte of 0x00, 0x03, 0x1f or 0x20, and a low byte that is hardly ever 0."""
    for encoding, high, low in (("utf-16-le", sample[1::2], sample[::2]), ("utf-16-be", sample[::2], sample[1::2])):
        odd = len(high.translate(None, b"\x00\x03\x1f\x20"))
        if high and odd <= len(high) // 20 and low.count(0) <= len(low) // 100:
            return encoding
    return None


def _is_utf8(content: bytes) -> bool:
    """Broken UTF-8 counts: read otherwise, every Greek letter would be two wrong ones; decoding will name the place."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        around = content[max(0, error.start - _SAMPLE // 2) : error.start + _SAMPLE // 2]
        foreign = len(around.translate(None, _ASCII))
        return foreign - sum(map(len, _UTF8_LETTER.findall(around))) <= foreign // 10
    return True


def _guess_codec(content: bytes) -> tuple[str, list[str]]:
    """The one-byte codec that makes the best Greek of the file's words, and what should be said about the choice."""
    tokens = _tokens(content)
    scores = {codec: _score(tokens, codec) for codec in _CODECS}
    best, other = sorted(_CODECS, key=lambda codec: -scores[codec])
    if scores[best] < 0:
        return best, [f"the text makes no Greek words in {best} or {other}; read as {best}. Give its encoding=."]
    if scores[best] - scores[other] < _CLOSE and _words(tokens, best) != _words(tokens, other):
        return best, [f"read as {best}; {other} fits nearly as well and gives another text. Give its encoding=."]
    return best, []


def _tokens(content: bytes) -> list[bytes]:
    """Different words with letters beyond ASCII: the first ones, and the first ones with a disputed byte."""
    disputed = [
        word[0]
        for at in (found.start() for found in islice(_DISPUTED.finditer(content), 2000))
        for word in _TOKEN.finditer(content, max(0, at - 32), at + 32)
        if word.start() <= at < word.end()
    ]
    first = [word[0] for word in islice(_TOKEN.finditer(content), 20_000)]
    return list(dict.fromkeys(disputed + first))


def _score(tokens: Iterable[bytes], codec: str) -> int:
    """How well the words read in this codec: plus their letters where they are words, minus where they are not."""
    score = 0
    for token in _words(tokens, codec):
        for word in _LETTERS.findall(token):
            if not word.isascii():
                score += len(word) if _GREEK.fullmatch(word) else -len(word)
        odd = {symbol for symbol in token if not symbol.isalpha() and not symbol.isascii()} - _SYMBOLS
        score -= _CLOSE * (len(odd) + len(_MISPLACED.findall(token)))
    return score


def _words(tokens: Iterable[bytes], codec: str) -> list[str]:
    return b"\n".join(tokens).decode(codec, "replace").split("\n")


def _separator(text: str, sep: str | None) -> tuple[_Known, str]:
    """The separator, and the text with an empty line where it was stated, so that lines keep their numbers."""
    stated = _SEP_LINE.match(text)
    text = "\n" + text[stated.end() :] if stated else text
    if sep is not None:
        if len(sep) != 1 or sep in '"\r\n\0':
            msg = f"sep={sep!r} must be one character, such as ';', ',', '|' or '\\t' (a tab)."
            raise ConfigurationError(msg)
        return _Known(sep, "given"), text
    if stated:
        return _Known(stated[1], "stated"), text
    sample = text.lstrip("\r\n")[:_SAMPLE]
    fits = {candidate: _fit(sample, candidate) for candidate in _SEPARATORS}
    best = max(fits, key=lambda candidate: fits[candidate])
    return (_Known(best, "guessed") if fits[best] else _Known()), text


def _fit(sample: str, separator: str) -> float:
    """How well the first records agree with the header on the number of columns; more columns are better evidence."""
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=separator)
    widths: list[int] = []
    with suppress(csv.Error):  # a quote that never ends: reading the file will name its line
        widths.extend(len(record) for record in islice(reader, 500) if record)
    header, *rest = widths or [1]
    if sum(width > 1 for width in rest) < len(rest) / 10:  # it stands in the header alone, as part of a name
        return 0.0
    agreeing = sum(1.0 if width == header else 0.3 if width < header else 0.1 for width in rest)
    return (1 - 1 / header) * (agreeing / len(rest) if rest else 1.0)


def _cells(text: str, separator: str, file: Place) -> tuple[list[str], list[pa.ChunkedArray], list[str]]:
    """Header, columns and remarks."""
    if separator.isascii() and _quotes_are_regular(text, separator):
        body = text.lstrip("\r\n")
        header = next(_records(body[:_SAMPLE], separator, file))
        with suppress(pa.ArrowInvalid):  # rows of other lengths: the careful way pads them or names the line
            return header, _by_arrow(body, separator, len(header)), []
    try:
        return *_by_csv(text, separator, file), []
    except _QuoteError as error:
        try:
            header, cells = _by_csv(text, separator, file, quoted=False)
        except ListError:
            raise error from None
    return header, cells, ["its quotes do not enclose cells as CSV quotes do, so they were kept as plain characters."]


def _quotes_are_regular(text: str, separator: str) -> bool:
    """Whether every quote belongs to a cell that is quoted from end to end: then all readers agree on the cells."""
    outside = "[^" + re.escape(separator) + r"\r\n]"
    quoted = rf'"(?<!{outside}")[^"]*+(?:""[^"]*+)*+"(?!{outside})'
    return '"' not in re.sub(quoted, "", text)


def _by_arrow(text: str, separator: str, width: int) -> list[pa.ChunkedArray]:
    names = [str(i) for i in range(width)]
    table = arrow_csv.read_csv(
        pa.py_buffer(text.encode()),
        read_options=arrow_csv.ReadOptions(column_names=names, skip_rows_after_names=1),
        parse_options=arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.large_string()), null_values=[""], strings_can_be_null=True
        ),
    )
    return list(table.columns)


def _by_csv(text: str, separator: str, file: Place, *, quoted: bool = True) -> tuple[list[str], list[pa.ChunkedArray]]:
    records = _records(text, separator, file, quoted=quoted)
    header = next(records)
    parts: list[list[pa.Array]] = [[] for _ in header]
    while rows := list(islice(records, 50_000)):
        for part, cells in zip(parts, zip(*rows, strict=True), strict=True):
            part.append(_text_array(cells))
    return header, [pa.chunked_array(part, pa.large_string()) for part in parts]


def _text_array(cells: Iterable[str]) -> pa.Array:
    return pa.array([cell or None for cell in cells], pa.large_string())


class _QuoteError(ListError):
    """The file's quotes make no sense as CSV quotes."""


def _records(text: str, separator: str, file: Place, *, quoted: bool = True) -> Iterator[list[str]]:
    """The records, as wide as the first; where quotes are plain characters, another width is an error."""
    lines = io.StringIO(text, newline="")
    quotechar = '"' if quoted else None
    reader = csv.reader(lines, delimiter=separator, quotechar=quotechar, quoting=0 if quoted else 3, strict=True)
    width, line = 0, 1
    try:
        for record in reader:
            if record:
                width = width or len(record)
                if any(record[width:]) or (len(record) != width and not quoted):
                    msg = (
                        f"{file}, line {line}: {len(record)} cells, the first line has {width}. Put quotes around a "
                        f"cell that holds {separator!r}, remove lines above the header, or give another sep=."
                    )
                    raise ListError(msg)
                yield record[:width] + [""] * (width - len(record))
            line = reader.line_num + 1
    except csv.Error as error:
        msg = (
            f"{file}: the quotes in the record that begins on line {line} do not match ({error}). "
            'Close the quote there, or double a quote that belongs to the text ("").'
        )
        raise _QuoteError(msg) from None


def _read_workbook(content: bytes, file: Place, sheet: str | int | None) -> _Reading:
    try:
        import python_calamine as calamine  # noqa: PLC0415  an optional extra, and only workbooks need it
    except ImportError:
        msg = f'{file} is a workbook, and nothing here reads those yet: pip install "isms_data[excel]"'
        raise ConfigurationError(msg) from None
    if _ENCRYPTED in content:
        msg = f"{file} has a password. Open it, save a copy without one, and read that."
        raise ListError(msg)
    try:
        workbook = calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        chosen = _choose_sheet(workbook, file, sheet)
        rows = workbook.get_sheet_by_name(chosen).to_python()
    except BaseException as error:
        panicked = type(error).__name__ == "PanicException"  # how Rust gives up on some broken files: no Exception
        if not panicked and not isinstance(error, calamine.CalamineError):
            raise
        msg = f"{file} cannot be read as a workbook ({error}). Open it in a spreadsheet and save it again as xlsx."
        raise ListError(msg) from None
    while rows and not any(cell != "" for cell in rows[-1]):
        rows.pop()
    if not rows:
        msg = f"{file}: sheet {chosen!r} is empty. Its sheets are: {', '.join(map(repr, workbook.sheet_names))}."
        raise ListError(msg)
    header, *body = rows
    columns = zip(*body, strict=True) if body else [()] * len(header)
    cells = [pa.chunked_array([_text_array(map(_cell_text, column))]) for column in columns]
    return _Reading(
        [_cell_text(cell) for cell in header], cells, sheet=_Known(chosen, "guessed" if sheet is None else "given")
    )


def _choose_sheet(workbook: CalamineWorkbook, file: Place, wanted: str | int | None) -> str:
    names = workbook.sheet_names
    if wanted is None:
        shown = ("SheetTypeEnum.WorkSheet", "SheetVisibleEnum.Visible")
        first = next(
            (data.name for data in workbook.sheets_metadata if (str(data.typ), str(data.visible)) == shown), names[0]
        )
        if len(names) > 1:
            _log.info("%s has %d sheets, %s; %r is read", file, len(names), ", ".join(map(repr, names)), first)
        return first
    if isinstance(wanted, str) and wanted in names:
        return wanted
    if isinstance(wanted, int) and 0 <= wanted < len(names):
        return names[wanted]
    msg = f"{file} has no sheet {wanted!r}. Its sheets are, counted from 0: {', '.join(map(repr, names))}."
    raise ListError(msg)


def _cell_text(cell: _Cell) -> str:
    """A cell as text: no digit lost, none invented."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, (int, float)):
        return str(int(cell)) if abs(cell) <= _EXACT_FLOAT and cell == int(cell) else repr(cell)
    if isinstance(cell, dt.timedelta):
        return pd.Timedelta(cell).isoformat()
    return str(cell)
