"""What a report tells of a list by its lookups: metrics, as pictures, tables and sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from isms_data.reports import drawing, findings
from isms_data.reports.exhibits import exhibit
from isms_data.reports.groups import spoken
from isms_data.reports.list_figures import (
    MAX_CELLS,
    draw_errors,
    draw_operators,
    draw_portability,
    draw_quality,
    draw_roaming,
)
from isms_data.reports.lists import (
    error_breakdown,
    list_quality,
    never_absent,
    operator_shares,
    portability,
    roaming_countries,
)
from isms_data.reports.merging import FEWEST, MAX_ROWS
from isms_data.reports.nameless import shown, shown_cells
from isms_data.reports.pages import Exhibit, Section, Table
from isms_data.reports.statistics import share
from isms_data.vocabulary import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isms_data.reports.exhibits import Terms
    from isms_data.reports.stored import Data
    from isms_data.reports.wording import Language

NEEDED: Final = frozenset({"verdict", "network"})
"""With these columns data are of lookups."""


def list_section(data: Data, columns: frozenset[str], terms: Terms) -> Section:
    """Everything that these columns allow to tell."""
    speak = terms.speak
    quality = list_quality(data)
    found = findings.of_quality(quality, speak, terms.confidence)
    exhibits = [_quality(quality, terms)]
    for told, shown_exhibit in _parts(data, columns, terms):
        found += told
        exhibits.append(shown_exhibit)
    absent = _empty_absent()
    if "error_code" in columns:
        absent = _known(never_absent(data, confidence=terms.confidence), speak)
        exhibits.append(_absent(absent, terms))
    unknown = findings.unknown_of_list(quality, absent, speak)
    return Section("list", speak.say("report_list"), found, unknown, exhibits)


def _parts(data: Data, columns: frozenset[str], terms: Terms) -> Iterator[tuple[list[str], Exhibit]]:
    yield _operators(data, terms)
    if "range_operator" in columns:
        yield _portability(data, terms)
    if {"error_code", "error_name", "error_class"} <= columns:
        yield _errors(data, terms)
    if {"roaming", "serving_country"} <= columns:
        yield _roaming(data, terms)


def _quality(quality: pd.DataFrame, terms: Terms) -> Exhibit:
    speak = terms.speak
    rows, few = (_states(quality, speak, limit) for limit in (None, MAX_ROWS))
    worded = [
        speak.word(value) if by == "verdict" or value == Verdict.UNKNOWN else value
        for by, value in zip(rows["by"], rows["value"], strict=True)
    ]
    told = rows.assign(by=[speak.word(by) for by in rows["by"]], value=pd.array(worded, dtype="str"))
    table = Table("list_quality", speak.say("caption_quality"), told[["by", "value", "numbers", "share"]], speak)
    height = 1.9 + drawing.ROW * len(few)
    return exhibit("quality", table, terms, lambda ax: draw_quality(few, speak, ax=ax), height=height)


def _states(quality: pd.DataFrame, speak: Language, limit: int | None) -> pd.DataFrame:
    """The rows of `list_quality` with something in them, verdicts and networks apart."""
    seen = quality[quality["numbers"] > 0]
    parts = [
        shown(seen[seen["by"].eq(by)], ["value"], speak, limit=limit).assign(by=by) for by in ("verdict", "network")
    ]
    return pd.concat(parts, ignore_index=True)


def _operators(data: Data, terms: Terms) -> tuple[list[str], Exhibit]:
    speak = terms.speak
    shares = operator_shares(data, confidence=terms.confidence)
    told = shares["share"].notna()
    unknown = shares[~told & shares["numbers"].ge(FEWEST)]
    last = unknown.assign(network=spoken(unknown["network"], speak))
    known, few = (
        shown(shares[told], ["network"], speak, confidence=terms.confidence, limit=limit) for limit in (None, MAX_ROWS)
    )
    rows, drawn_rows = (pd.concat([part, last], ignore_index=True) for part in (known, few))
    table = Table("networks", speak.say("caption_operators"), rows, speak)
    drawn = exhibit(
        "operators",
        table,
        terms,
        lambda ax: draw_operators(drawn_rows, speak, confidence=terms.confidence, ax=ax),
        height=0.3 + drawing.height_of(len(drawn_rows)),
    )
    return findings.of_operators(known, speak, terms.confidence), drawn


def _portability(data: Data, terms: Terms) -> tuple[list[str], Exhibit]:
    speak = terms.speak
    moves = portability(data)
    cells = shown_cells(moves, ("range_operator", "network"), speak)
    known = cells["network"].ne(speak.value(None))
    of_row = cells["numbers"].where(known, 0).groupby(cells["range_operator"]).transform("sum")
    rows = cells.assign(share=np.where(known, share(cells["numbers"], of_row), np.nan))
    rows = rows.sort_values(["range_operator", "numbers"], ascending=[True, False], ignore_index=True)
    table = Table("portability", speak.say("caption_portability"), rows, speak)
    drawn = exhibit(
        "portability",
        table,
        terms,
        lambda ax: draw_portability(cells, speak, ax=ax),
        height=2.0 + 0.4 * min(max(cells["range_operator"].nunique(), 2), MAX_CELLS),
        width=7.4,
    )
    return findings.of_portability(moves, speak, terms.confidence), drawn


def _errors(data: Data, terms: Terms) -> tuple[list[str], Exhibit]:
    speak = terms.speak
    errors = error_breakdown(data)
    texts = errors.assign(error_class=errors["error_class"].astype("str"))
    rows, few = (shown(texts, ["error_name"], speak, limit=limit) for limit in (None, MAX_ROWS))
    told = rows.assign(error_class=rows["error_class"].map(speak.word, na_action="ignore").astype("str"))
    table = Table("errors", speak.say("caption_errors"), told, speak)
    height = 0.3 + drawing.height_of(len(few))
    return [], exhibit("errors", table, terms, lambda ax: draw_errors(few, speak, ax=ax), height=height)


def _roaming(data: Data, terms: Terms) -> tuple[list[str], Exhibit]:
    speak = terms.speak
    countries = roaming_countries(data)
    rows, few = (shown(countries, ["serving_country"], speak, limit=limit) for limit in (None, MAX_ROWS))
    table = Table("abroad", speak.say("caption_roaming"), rows, speak)
    height = drawing.height_of(len(few))
    drawn = exhibit("roaming", table, terms, lambda ax: draw_roaming(few, speak, ax=ax), height=height)
    return findings.of_roaming(countries, speak), drawn


def _absent(absent: pd.DataFrame, terms: Terms) -> Exhibit:
    speak = terms.speak
    words = absent["checked"].map({True: speak.say("yes"), False: speak.say("no")}).astype("str")
    table = Table("never_absent", speak.say("caption_absent"), absent.assign(checked=words), speak)
    return Exhibit("never-absent", table.caption, table)


def _known(absent: pd.DataFrame, speak: Language) -> pd.DataFrame:
    """The networks of more than a few numbers: what is told of one does not hold for several together."""
    named = shown(absent, ["network"], speak)
    return named[named["network"].isin(set(spoken(absent["network"], speak)))].reset_index(drop=True)


def _empty_absent() -> pd.DataFrame:
    return pd.DataFrame({"network": [], "numbers": [], "checked": pd.array([], dtype="boolean")})
