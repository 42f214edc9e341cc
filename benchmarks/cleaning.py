"""How fast and how right cleaning numbers is, against a plain loop of `phonenumbers` over the same cells.

    python benchmarks/cleaning.py                          rows a second and ratios, three lists of 1,000,000 rows
    python benchmarks/cleaning.py --agreement 1000000      every disagreement with phonenumbers, all regions

Only the ratios mean anything: both ways run on the same cells in the same run, in turns, each on one core; rates are
by processor time, so that other work on the machine counts less. The loop is timed on a sample, since it costs the
same for each row. It comes in two forms: with the first operator, as `clean_numbers` gives it, and without, which is
what most people would write (number, type, country). Neither finds duplicates nor says what is wrong.

Agreement: each case is a number as `phonenumbers` may read it (`plain`) and a cell that holds the same in one of the
spellings of docs/cleaning.md. `phonenumbers` gets the first, `clean_numbers` the second, and they must say the same of
it, but for the ranges of isms_data/data/number_rulings.csv.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections import Counter, defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pandas as pd
import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType, carrier

from isms_data.cleaning.number_patterns import rulings
from isms_data.msisdn import clean_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

REGIONS: Final = sorted(phonenumbers.SUPPORTED_REGIONS)
NUMBER_TYPES: Final = [kind for kind in PhoneNumberType.values() if kind != PhoneNumberType.UNKNOWN]
GREEK_MOBILES: Final = ("690", "691", "693", "694", "695", "697", "698", "699", "685", "687", "689")
SAMPLE: Final = 20_000
"""Rows that the loop is timed on."""


class Case(NamedTuple):
    """One cell, the region it is read in, and the same number as `phonenumbers` gets it."""

    cell: str
    region: str
    plain: str


class Answer(NamedTuple):
    """What is said of a cell."""

    msisdn: str | None
    country: str | None
    status: str
    operator: str | None


REFUSED: Final = Answer(None, None, "invalid", None)


# The spellings: each writes a number otherwise without changing it, or gives None where it cannot.


def _wide(text: str) -> str:
    return "".join(chr(0xFF10 + int(sign)) if sign.isdigit() else sign for sign in text)


def _arabic(text: str) -> str:
    return "".join(chr(0x0660 + int(sign)) if sign.isdigit() else sign for sign in text)


def _scientific(text: str) -> str | None:
    whole = text.isdigit() and text[0] != "0" and text[-1] != "0" and len(text) > 2
    return f"{text[0]}.{text[1:]}E{len(text) - 1}" if whole else None


SPELLINGS: Final[tuple[Callable[[str], str | None], ...]] = (
    lambda text: f"{text}.0" if text.isdigit() else None,
    lambda text: f"'{text}",
    lambda text: text.replace(" ", "\u00a0") + "\u00a0",
    lambda text: f"\u200e{text[:3]}\u200b{text[3:]}\u202c",
    _wide,
    _arabic,
    lambda text: text.replace("-", "\u2011"),
    lambda text: text.replace("0", "O") if text.isdigit() else None,
    lambda text: text.replace("0", "\u03bf") if text.isdigit() else None,
    lambda text: text.replace("1", "l") if text.isdigit() else None,
    _scientific,
    lambda text: f"κιν: {text}",
    lambda text: f"{text} (κινητό)",
    lambda text: f'"{text}"',
)


# The lists whose speed is measured.


def greek_number(rng: random.Random) -> str:
    """Ten digits of a made-up Greek mobile."""
    return f"{rng.choice(GREEK_MOBILES)}{rng.randrange(10_000_000):07d}"


def clean_list(rng: random.Random, rows: int) -> list[str]:
    """Greek mobiles as ten digits."""
    return [greek_number(rng) for _ in range(rows)]


ORDINARY: Final[tuple[Callable[[str], str], ...]] = (
    lambda digits: digits,
    lambda digits: digits,
    lambda digits: f"+30{digits}",
    lambda digits: f"30{digits}",
    lambda digits: f"0030{digits}",
    lambda digits: f"{digits[:3]} {digits[3:6]} {digits[6:]}",
    lambda digits: f"+30 {digits[:3]}-{digits[3:]}",
)
ODD: Final[tuple[Callable[[str], str], ...]] = (
    lambda digits: f"{digits}.0",
    lambda digits: f"'{digits}",
    lambda digits: f"{digits[:3]}\u00a0{digits[3:]}",
    lambda digits: f"\u200e+30{digits}\u202c",
    _wide,
    lambda digits: digits.replace("0", "O"),
    lambda digits: f"{digits[0]}.{digits[1:]}E9",
    lambda digits: f"{int(digits):.5E}",
    lambda digits: f"κιν: {digits}",
    lambda digits: f"{digits} / 210{digits[3:]}",
)


def messy_list(rng: random.Random, rows: int) -> list[str]:
    """The same as people and spreadsheets write them: one in five oddly, in ten ways."""
    return [rng.choice(ODD if rng.random() < 0.2 else ORDINARY)(greek_number(rng)) for _ in range(rows)]


def worldwide_list(rng: random.Random, rows: int) -> list[str]:
    """Numbers of all types and countries in international form, some of them none."""
    made = [_made_up(rng, rng.choice(REGIONS)) for _ in range(min(rows, 100_000))]
    texts = [phonenumbers.format_number(number, rng.randrange(2)) for number in made]
    return rng.choices(texts, k=rows) if rows > len(texts) else texts


# The cases on which the two must agree.


def _examples(region: str) -> list[PhoneNumber]:
    found = (phonenumbers.example_number_for_type(region, kind) for kind in NUMBER_TYPES)
    return [number for number in found if number is not None]


EXAMPLES: Final = {region: _examples(region) for region in REGIONS}


def _made_up(rng: random.Random, region: str) -> PhoneNumber:
    """A number near to one that exists: another tail, now and then a digit more or less."""
    example = rng.choice(EXAMPLES[region])
    digits = phonenumbers.national_significant_number(example)
    kept = rng.randrange(len(digits)) if rng.random() < 0.8 else 0
    digits = digits[:kept] + "".join(rng.choices("0123456789", k=len(digits) - kept))
    change = rng.random()
    digits = digits[:-1] if change < 0.06 else digits + rng.choice("0123456789") if change < 0.12 else digits
    zeros = len(digits) - len(digits.lstrip("0"))
    return PhoneNumber(
        country_code=example.country_code,
        national_number=int(digits),
        italian_leading_zero=zeros > 0 or None,
        number_of_leading_zeros=zeros if zeros > 1 else None,
        extension=rng.choice(("12", "345")) if rng.random() < 0.02 else None,
    )


def _written(rng: random.Random, region: str) -> tuple[str, str]:
    """A number in one of the forms that `phonenumbers` writes or people dial, and the region it is read in."""
    number = _made_up(rng, region)
    form = rng.randrange(5)
    if form == PhoneNumberFormat.NATIONAL:
        return phonenumbers.format_number(number, form), region
    home = rng.choice((region, "GR", rng.choice(REGIONS)))
    if form == 4:
        return phonenumbers.format_out_of_country_calling_number(number, home), home
    text = phonenumbers.format_number(number, form)
    change = rng.random()
    if change < 0.1:
        return text.removeprefix("+"), home
    return (f"0{text}" if change < 0.13 and text[0].isdigit() else text), home


def cases(rng: random.Random, count: int) -> list[Case]:
    """Cases of all regions, forms and spellings."""
    made = []
    for _ in range(count):
        plain, region = _written(rng, rng.choice(REGIONS))
        extended = any(sign.isalpha() or sign == "#" for sign in plain.removeprefix("tel:"))
        cell = rng.choice(SPELLINGS)(plain) if rng.random() < 0.3 and not extended else None
        made.append(Case(cell or plain, region, plain))
    return made


def answers(made: list[Case]) -> list[Answer]:
    """What `clean_numbers` says of the cells, which it gets region by region."""
    found: list[Answer] = [REFUSED] * len(made)
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, case in enumerate(made):
        rows_of[case.region].append(row)
    for region, rows in rows_of.items():
        frame = pd.DataFrame({"cell": pd.Series([made[row].cell for row in rows], dtype="str")})
        cleaned = clean_numbers(frame, "cell", region=region).drop(columns=["cell", "number_problem"])
        texts: list[dict[Any, Any]] = cleaned.astype(object).where(cleaned.notna(), None).to_dict("records")
        for row, text in zip(rows, texts, strict=True):
            status = "mobile" if text["number_status"] == "duplicate" else text["number_status"]
            found[row] = Answer(text["msisdn"], text["country_code"], status, text["range_operator"])
    return found


def expected(case: Case) -> Answer:
    """What `phonenumbers` says, one number at a time."""
    try:
        number = phonenumbers.parse(case.plain, case.region)
    except phonenumbers.NumberParseException:
        return REFUSED
    for candidate in (number, _without_trunk_zero(number)):
        if candidate is not None and (kind := phonenumbers.number_type(candidate)) != PhoneNumberType.UNKNOWN:
            return _answer(candidate, kind)
    return REFUSED


def _answer(number: PhoneNumber, kind: int) -> Answer:
    msisdn = phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:]
    region = phonenumbers.region_code_for_number(number)
    mobile = kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
    status = "mobile" if mobile else "fixed_line" if kind == PhoneNumberType.FIXED_LINE else "other_type"
    operator = carrier.name_for_valid_number(number, "en") if mobile or kind == PhoneNumberType.PAGER else ""
    return Answer(msisdn, None if region == "001" else region, status, operator or None)


def _without_trunk_zero(number: PhoneNumber) -> PhoneNumber | None:
    """The one rule of our own: +30 (0) 691... loses the zero that nobody dials in Greece."""
    digits = phonenumbers.national_significant_number(number)
    code = number.country_code or 0
    main = phonenumbers.region_code_for_country_code(code)
    data = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, main)
    if data is None or data.national_prefix_for_parsing or digits[0] != "0":
        return None
    zeros = len(digits) - len(digits.lstrip("0")) - 1
    return PhoneNumber(
        country_code=number.country_code,
        national_number=number.national_number,
        italian_leading_zero=zeros > 0 or None,
        number_of_leading_zeros=zeros if zeros > 1 else None,
    )


def ruled(case: Case) -> bool:
    """Whether a regulator's range decides this number instead."""
    try:
        number = phonenumbers.parse(case.plain, case.region)
    except phonenumbers.NumberParseException:
        return False
    digits = phonenumbers.national_significant_number(number).lstrip("0")
    return number.country_code == 30 and digits.startswith(tuple(rule.pattern[:3] for rule in rulings()))


def disagreements(made: list[Case]) -> list[tuple[Case, Answer, Answer]]:
    """The cases of which the two say different things: the case, ours, theirs."""
    found = []
    for case, ours in zip(made, answers(made), strict=True):
        theirs = expected(case)
        if (theirs.msisdn or "").startswith(("30", "357")):
            theirs = theirs._replace(operator=ours.operator)
        if ours != theirs and not (ours.msisdn is None and theirs.msisdn is None) and not ruled(case):
            found.append((case, ours, theirs))
    return found


# The two commands.


def plain_loop(cells: Iterable[str], region: str = "GR", *, operator: bool = True) -> None:
    """Number, type, country and, if wanted, first operator of each cell, the way one writes it first."""
    for cell in cells:
        try:
            number = phonenumbers.parse(cell, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            phonenumbers.number_type(number)
            phonenumbers.format_number(number, PhoneNumberFormat.E164)
            phonenumbers.region_code_for_number(number)
            if operator:
                carrier.name_for_number(number, "en")


def rows_a_second(work: Callable[[], object], rows: int) -> float:
    """The rate of one run, by processor time."""
    started = time.process_time()
    work()
    return rows / (time.process_time() - started)


def measure(rows: int, rounds: int, seed: int) -> None:
    """Print rates and ratios; the two ways take turns."""
    print(f"{rows:,} rows; the loop on {SAMPLE:,} of them; medians of {rounds} alternating runs")
    for name, make in (("clean", clean_list), ("messy", messy_list), ("worldwide", worldwide_list)):
        cells = make(random.Random(seed), rows)
        frame = pd.DataFrame({"cell": pd.Series(cells, dtype="str")})
        started = time.process_time()
        cleaned = clean_numbers(frame, "cell")
        first = rows / (time.process_time() - started)
        plain_loop(cells[:1000])
        rates: dict[str, list[float]] = defaultdict(list)
        for _ in range(rounds):
            ours = rows_a_second(partial(clean_numbers, frame, "cell"), rows)
            rates["with operator"].append(ours / rows_a_second(partial(plain_loop, cells[:SAMPLE]), SAMPLE))
            bare = partial(plain_loop, cells[:SAMPLE], operator=False)
            rates["without"].append(ours / rows_a_second(bare, SAMPLE))
            rates["rows/s"].append(ours)
        refused = int((cleaned["number_status"] == "invalid").sum())
        ratios = "   ".join(
            f"{statistics.median(found):4.0f} x loop {way} ({min(found):.0f}-{max(found):.0f})"
            for way, found in rates.items()
            if way != "rows/s"
        )
        own = statistics.median(rates["rows/s"])
        print(f"{name:10} {own:>9,.0f}/s, first call {first:>9,.0f}/s, refused {refused / rows:5.1%}   {ratios}")


def agree(count: int, seed: int) -> int:
    """Print the disagreements on so many cases; how many there were."""
    total = 0
    kinds: Counter[str] = Counter()
    for start in range(0, count, 100_000):
        made = cases(random.Random(seed + start), min(100_000, count - start))
        found = disagreements(made)
        total += len(found)
        kinds.update(case.region for case, *_ in found)
        for case, ours, theirs in found[:20]:
            print(f"{case}\n  ours   {ours}\n  theirs {theirs}")
    print(f"{count:,} cases, {total:,} disagreements {dict(kinds.most_common(10)) or ''}")
    return total


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--agreement", type=int, metavar="CASES", help="compare instead of timing")
    chosen = parser.parse_args()
    if chosen.agreement:
        raise SystemExit(1 if agree(chosen.agreement, chosen.seed) else 0)
    measure(chosen.rows, chosen.rounds, chosen.seed)


if __name__ == "__main__":
    main()
