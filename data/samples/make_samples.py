"""Make the sample lists: synthetic Greek customers, as messy as real lists are, in every kind of file.

    python data/samples/make_samples.py [folder]

Seeded: the same libraries make the same bytes again. Beside what is written into a cell, each row knows what a
reader must find there (`Row.read`), what kind of mobile cell it is (`Row.kind`) and which number it was made from
(`Row.number`), so that tests have a truth that no code of the package had a hand in:

    rows("customers.xlsx")[0].read        one text or None for each column of header("customers.xlsx")

README.md, beside this file, says where the numbers come from.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
import re
import sys
import unicodedata
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ODS_PARTS: Final = ("office", "table", "text", "manifest")
_ODS_BLANKS: Final = re.compile(r"^ +| +$")
"""Blanks at the edges of a paragraph, which count in OpenDocument as elements only."""

Cell = str | float | bool | dt.date | None


class Row(NamedTuple):
    """One customer: what is written, what must be read, and the truth about the mobile cell."""

    written: tuple[Cell, ...]
    read: tuple[str | None, ...]
    kind: str
    """A key of GOOD, BAD or WORKBOOK_ONLY."""
    number: str | None
    """The international digits that the cell was made from; None where no single number stands behind it."""


class Sample(NamedTuple):
    """How one file is written."""

    rows: int
    encoding: str = ""
    separator: str = ""
    line_end: str = "\r\n"
    first_line: str = ""
    ragged: bool = False


SAMPLES: Final = {
    "customers_cp1253.csv": Sample(2000, "cp1253", ";"),
    "customers_utf8.csv": Sample(5000, "utf-8", ",", "\n", ragged=True),
    "customers_utf8_bom.csv": Sample(800, "utf-8-sig", ";", first_line="sep=;"),
    "customers_iso8859_7.csv": Sample(600, "iso8859_7", "|", "\n"),
    "customers_utf16.csv": Sample(500, "utf-16", "\t"),
    "customers.xlsx": Sample(1500),
    "customers.xls": Sample(400),
    "customers.ods": Sample(200),
}
HEADER: Final = ("κωδικός", "επώνυμο", "όνομα", "mobile", "πόλη", "email", "ποσό")
WORKBOOK_HEADER: Final = (*HEADER, "εγγραφή", "συγκατάθεση")
MOBILE: Final = HEADER.index("mobile")

_WORDS: Final = """
Παπαδόπουλος Γεωργίου Ιωάννου Νικολάου Οικονόμου Αντωνίου Αγγελόπουλος Χατζής Δημητρίου Κωνσταντίνου Βασιλείου Ψαρράς
Θεοδώρου Ξανθάκης Λάμπρου Ζαφείρης Φωτίου Ρούσσος Ηλιάδης Ευαγγέλου Υφαντής Έξαρχος Άγας Καΐρης Μαυρίδης Τσιρώνης
/
Μαρία Άννα Γιώργος Ελένη Δημήτρης Κώστας Γιάννης Σοφία Κατερίνα Νίκος Βασίλης Ιωάννα Χρήστος Όλγα Έλλη Ήρα Ίρις Ζωή
Ραΐσα Άρης Θανάσης Άγγελος
/
Αθήνα Θεσσαλονίκη Πάτρα Ηράκλειο Λάρισα Βόλος Ιωάννινα Άρτα Χανιά Ξάνθη Άμφισσα Σύρος Λεμεσός
"""
SURNAMES, FIRST_NAMES, CITIES = (tuple(group.split()) for group in _WORDS.split("/"))
COMPANIES: Final = (
    'Αφοί "Γεωργίου" & Σία; Ο.Ε.',
    "Ταβέρνα «Το Κύμα», Α.Ε.",
    "Ξανθάκης\nκαι Υιός",
    "Ιωάννου | Λάμπρου",
    "null",
)

OFTEN: Final = ("697", "698", "694", "695", "693", "699")
SELDOM: Final = ("690", "691", "685", "686", "687", "688", "689")
BLOCKS: Final = ("000", "555")
CYPRIOT: Final = ("99000", "97000", "96000", "95000", "99555", "97555")
FOREIGN: Final = ("570006", "570110", "570156", "570157", "570158", "570159", "570313", "570737", "571266", "571491")
"""Tails of Australian mobile numbers (61491...) that their regulator keeps free for fiction: valid, and nobody's."""

GOOD: Final[dict[str, tuple[int, Callable[[str], str]]]] = {
    "plain": (330, lambda n: n[2:]),
    "plus": (80, lambda n: "+" + n),
    "double_zero": (45, lambda n: "00" + n),
    "bare_prefix": (55, lambda n: n),
    "spaces": (70, lambda n: f"{n[2:5]} {n[5:8]} {n[8:]}"),
    "dots": (20, lambda n: f"{n[2:6]}.{n[6:9]}.{n[9:]}"),
    "dashes": (20, lambda n: f"{n[2:5]}-{n[5:]}"),
    "slash": (15, lambda n: f"{n[2:6]}/{n[6:]}"),
    "parentheses": (20, lambda n: f"(+30) {n[2:5]} {n[5:]}"),
    "point_zero": (45, lambda n: n[2:] + ".0"),
    "exact_exponent": (20, lambda n: f"{n[2]}.{n[3:]}E9"),
    "exact_exponent_30": (10, lambda n: f"{n[0]}.{n[1:]}E+11"),
    "apostrophe": (20, lambda n: "'" + n[2:]),
    "nbsp": (20, lambda n: f"{n[2:5]}\u00a0{n[5:]}\u00a0"),
    "zero_width": (10, lambda n: f"\u200b{n[2:]}\u200e"),
    "full_width": (10, lambda n: n[2:].translate({ord("0") + i: ord("０") + i for i in range(10)})),
    "cyprus": (8, lambda n: f"+{n[:3]} {n[3:5]} {n[5:]}"),
    "cyprus_double_zero": (5, lambda n: "00" + n),
    "cyprus_bare_prefix": (5, lambda n: n),
    "foreign": (2, lambda n: "+" + n),
}
"""One mobile number, still all there: how many in a thousand rows, and the spelling."""

BAD: Final[dict[str, tuple[int, Callable[[str], str]]]] = {
    "duplicate": (50, lambda n: f"{n[2:5]} {n[5:]}"),
    "fixed_line": (25, lambda n: "210" + BLOCKS[0] + n[-4:]),
    "fixed_line_plus": (10, lambda n: "+30 2310 000" + n[-3:]),
    "paging": (6, lambda n: "692" + n[5:]),
    "trunked_radio": (6, lambda n: "696" + n[5:]),
    "too_short": (12, lambda n: n[2:-2]),
    "too_long": (10, lambda n: n[2:] + "0"),
    "empty": (20, lambda _: ""),
    "blank": (5, lambda _: "\u00a0"),
    "words": (12, lambda n: ("δεν έχει", "άγνωστο", "-", "NA", "0", "θα πάρει ο ίδιος")[int(n[-1]) % 6]),
    "lossy_exponent": (12, lambda n: f"{n[2]}.{n[3:8]}E+09"),
    "letter_o": (6, lambda n: n[2:5] + n[5:].replace("0", "O").replace("5", "S")),
    "two_slash": (4, lambda n: f"{n[2:]} / {n[2:-1]}{(int(n[-1]) + 5) % 10}"),
    "two_comma": (4, lambda n: f"{n[2:]}, 210000{n[-4:]}"),
    "two_semicolon": (4, lambda n: f"{n[2:]};{n[2:-1]}{(int(n[-1]) + 5) % 10}"),
    "unissued_foreign": (4, lambda n: "+44 7700 900" + n[-3:]),
}
"""Everything else that stands in a mobile column."""

UNICODE_ONLY: Final = frozenset({"zero_width", "full_width"})
WORKBOOK_ONLY: Final = ("numeric", "numeric_30")
"""Cells that hold a number and no text, as a spreadsheet makes them of digits that somebody typed."""

ONE_NUMBER: Final = frozenset({*GOOD, *WORKBOOK_ONLY, "duplicate", "letter_o", "lossy_exponent"})


def header(name: str) -> tuple[str, ...]:
    """The column names of a sample."""
    return HEADER if SAMPLES[name].encoding else WORKBOOK_HEADER


@cache
def rows(name: str) -> tuple[Row, ...]:
    """The customers of a sample, in the order of the file."""
    sample = SAMPLES[name]
    chance = random.Random(name)
    kinds = _kinds(sample, chance)
    pools = {"greek": _greek(chance), "cyprus": _cypriot(chance), "foreign": _foreign(chance)}
    spelled: dict[str, Callable[[str], str]] = {kind: spell for kind, (_, spell) in (GOOD | BAD).items()}
    made: list[Row] = []
    for position, kind in enumerate(kinds):
        if kind == "duplicate":
            number = chance.choice([row.number for row in made if row.number])
        else:
            number = next(pools.get(kind.partition("_")[0], pools["greek"]))
        if kind in WORKBOOK_ONLY:
            read = number if kind == "numeric_30" else number[2:]
            mobile: Cell = float(read)
        else:
            mobile = read = spelled[kind](number)
        written, expected = _customer(position, mobile, read, chance)
        if not sample.encoding:
            written, expected = _with_workbook_columns(written, expected, chance)
        elif sample.ragged and position % 250 == 0:
            written, expected = written[:-2], (*expected[:-2], None, None)
        made.append(Row(written, expected, kind, number if kind in ONE_NUMBER else None))
    return tuple(made)


def _kinds(sample: Sample, chance: random.Random) -> list[str]:
    shares = {kind: share for kind, (share, _) in (GOOD | BAD).items()}
    if sample.encoding and "utf" not in sample.encoding:
        shares = {kind: share for kind, share in shares.items() if kind not in UNICODE_ONLY}
    if not sample.encoding:
        shares |= {"plain": 60, "numeric": 250, "numeric_30": 20}
    kinds = [kind for kind, share in shares.items() for _ in range(max(1, share * sample.rows // 1000))]
    kinds = (kinds + ["plain"] * sample.rows)[: sample.rows]
    chance.shuffle(kinds)
    plain = kinds.index("plain")
    kinds[0], kinds[plain] = kinds[plain], kinds[0]  # a duplicate needs something before it
    return kinds


def _greek(chance: random.Random) -> Iterator[str]:
    """Greek mobile numbers, each once, all of blocks that look made up; none ends in 0, which an exponent would eat."""
    seen = set()
    while True:
        prefix = chance.choice(OFTEN * 3 + SELDOM)
        number = f"30{prefix}{chance.choice(BLOCKS)}{chance.randrange(1000):03d}{chance.randrange(1, 10)}"
        if number not in seen:
            seen.add(number)
            yield number


def _cypriot(chance: random.Random) -> Iterator[str]:
    numbers = [f"357{prefix}{tail:03d}" for prefix in CYPRIOT for tail in range(1000)]
    chance.shuffle(numbers)
    yield from numbers


def _foreign(chance: random.Random) -> Iterator[str]:
    numbers = [f"61491{tail}" for tail in FOREIGN]
    chance.shuffle(numbers)
    yield from numbers


def _customer(
    position: int, mobile: Cell, mobile_read: str, chance: random.Random
) -> tuple[tuple[Cell, ...], tuple[str | None, ...]]:
    """The seven columns of a CSV; what is read differs from what is written in empty and numeric cells only."""
    surname, name, city = chance.choice(SURNAMES), chance.choice(FIRST_NAMES), chance.choice(CITIES)
    style = chance.random()
    if style < 0.15:
        surname, name, city = (_capitals(word) for word in (surname, name, city))
    elif style < 0.25:
        surname, name, city = (_without_accents(word) for word in (surname, name, city))
    elif style < 0.28:
        surname, name = chance.choice(COMPANIES), ""
    elif style < 0.31:
        name, city = f" {name} ", "NA"
    code = f"{position + 1:06d}"
    email = f"user{position + 1}@example.com" if chance.random() < 0.8 else ""
    amount = _greek_amount(chance.randrange(0, 250_000)) if chance.random() < 0.95 else ""
    texts = [code, surname, name, mobile_read, city, email, amount]
    read = tuple(text or None for text in texts)
    written: list[Cell] = [*texts]
    written[MOBILE] = mobile
    return tuple(written), read


def _with_workbook_columns(
    written: tuple[Cell, ...], read: tuple[str | None, ...], chance: random.Random
) -> tuple[tuple[Cell, ...], tuple[str | None, ...]]:
    """The amount as a number, and two columns more: a date and a truth value."""
    quarters = chance.randrange(0, 10_000)
    amount, amount_read = quarters / 4, f"{quarters // 4}" + ("", ".25", ".5", ".75")[quarters % 4]
    day = dt.date(2020, 1, 1) + dt.timedelta(days=chance.randrange(2000))
    consent = chance.random() < 0.7
    return (*written[:-1], amount, day, consent), (*read[:-1], amount_read, f"{day:%Y-%m-%d}", str(consent).upper())


def _without_accents(word: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter))


def _capitals(word: str) -> str:
    return _without_accents(word).upper()


def _greek_amount(cents: int) -> str:
    """Euro as Greeks write them: a point for thousands, a comma for cents."""
    euro = f"{cents // 100:,}".replace(",", ".")
    return f"{euro},{cents % 100:02d}"


def content(name: str) -> bytes:
    """The bytes of a sample."""
    if SAMPLES[name].encoding:
        return _text_file(name)
    return {".xlsx": _xlsx, ".xls": _xls, ".ods": _ods}[Path(name).suffix](name)


def _text_file(name: str) -> bytes:
    sample = SAMPLES[name]
    text = io.StringIO(newline="")
    if sample.first_line:
        text.write(sample.first_line + sample.line_end)
    writer = csv.writer(text, delimiter=sample.separator, lineterminator=sample.line_end)
    writer.writerow(header(name))
    writer.writerows(row.written for row in rows(name))
    encoding = "utf-16-le" if sample.encoding == "utf-16" else sample.encoding  # not the machine's own byte order
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    return (mark + text.getvalue()).encode(encoding)


def _xlsx(name: str) -> bytes:
    from openpyxl import Workbook  # noqa: PLC0415  writers are needed for making the samples only, never for reading

    workbook = Workbook()
    sheet = workbook.active
    sheet.title = "Πελάτες"
    sheet.append(header(name))
    for row in rows(name):
        sheet.append(row.written)
    workbook.create_sheet("Σημειώσεις").append(["Συνθετικά στοιχεία"])
    file = io.BytesIO()
    workbook.save(file)
    return _timeless(file.getvalue())


def _xls(name: str) -> bytes:
    from xlwt import Workbook, easyxf  # noqa: PLC0415  as above

    workbook = Workbook(encoding="utf-8")
    sheet = workbook.add_sheet("Πελάτες")
    date = easyxf(num_format_str="YYYY-MM-DD")
    other = easyxf()
    for line, cells in enumerate([header(name), *(row.written for row in rows(name))]):
        for column, cell in enumerate(cells):
            sheet.write(line, column, cell, date if isinstance(cell, dt.date) else other)
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def _ods(name: str) -> bytes:
    """An OpenDocument spreadsheet, written by hand: the one library for it writes other bytes each time."""
    lines = [header(name), *(row.written for row in rows(name))]
    table = "".join(f"<table:table-row>{''.join(map(_ods_cell, line))}</table:table-row>" for line in lines)
    mime = "application/vnd.oasis.opendocument.spreadsheet"
    names = " ".join(f'xmlns:{part}="urn:oasis:names:tc:opendocument:xmlns:{part}:1.0"' for part in _ODS_PARTS)
    members = {
        "mimetype": mime,
        "META-INF/manifest.xml": f'<manifest:manifest {names} manifest:version="1.2"><manifest:file-entry '
        f'manifest:full-path="/" manifest:media-type="{mime}"/><manifest:file-entry manifest:full-path="content.xml" '
        'manifest:media-type="text/xml"/></manifest:manifest>',
        "content.xml": f'<office:document-content {names} office:version="1.2"><office:body><office:spreadsheet>'
        f'<table:table table:name="Πελάτες">{table}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>",
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as container:
        for member, text in members.items():
            packing = zipfile.ZIP_STORED if member == "mimetype" else zipfile.ZIP_DEFLATED
            container.writestr(member, text, compress_type=packing)
    return _timeless(file.getvalue())


def _ods_cell(cell: Cell) -> str:
    if isinstance(cell, bool):
        return f'<table:table-cell office:value-type="boolean" office:boolean-value="{str(cell).lower()}"/>'
    if isinstance(cell, float):
        return f'<table:table-cell office:value-type="float" office:value="{cell!r}"/>'
    if isinstance(cell, dt.date):
        return f'<table:table-cell office:value-type="date" office:date-value="{cell}"/>'
    if not cell:
        return "<table:table-cell/>"
    paragraphs = "</text:p><text:p>".join(_ODS_BLANKS.sub(_ods_blanks, escape(line)) for line in cell.split("\n"))
    return f'<table:table-cell office:value-type="string"><text:p>{paragraphs}</text:p></table:table-cell>'


def _ods_blanks(found: re.Match[str]) -> str:
    return f'<text:s text:c="{len(found[0])}"/>'


def _timeless(container: bytes) -> bytes:
    """The zip container with one fixed time in place of the moment at which it was made."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(container)) as old, zipfile.ZipFile(file, "w") as new:
        for member in old.infolist():
            fixed = zipfile.ZipInfo(member.filename, (1980, 1, 1, 0, 0, 0))
            fixed.compress_type = member.compress_type
            new.writestr(fixed, re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2026-01-01T00:00:00Z", old.read(member)))
    return file.getvalue()


def main(folder: Path) -> None:
    """Write all samples into the folder."""
    for name in SAMPLES:
        made = content(name)
        (folder / name).write_bytes(made)
        good = len({row.number for row in rows(name) if row.kind in GOOD or row.kind in WORKBOOK_ONLY})
        print(f"{name}: {len(made):,} bytes, {len(rows(name))} rows, {good} distinct mobile numbers")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent)
