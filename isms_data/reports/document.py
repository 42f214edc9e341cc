"""One HTML file that tells what was delivered and what a list is worth, to people who do not program.

It holds everything itself: pictures as SVG, tables as CSV in links, its style; no script, and nothing from elsewhere:
its own security policy forbids both. It holds no person: see `nameless`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import resources
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import pandas as pd

from isms_data.errors import ColumnError
from isms_data.parquet.places import place
from isms_data.parquet.safe_files import replaced_file
from isms_data.reports import delivery_section, list_section
from isms_data.reports.exhibits import Terms
from isms_data.reports.merging import FEWEST
from isms_data.reports.nameless import without_numbers
from isms_data.reports.pages import plain
from isms_data.reports.provenance import Provenance, lookups_of, provenance
from isms_data.reports.source import ATHENS
from isms_data.reports.time_buckets import bucket_sql
from isms_data.reports.wording import Language
from isms_data.reports.wording import language as language_of

if TYPE_CHECKING:
    import os

    from isms_data.parquet.places import Place
    from isms_data.reports.pages import Section
    from isms_data.reports.stored import Data

TEMPLATE: Final = "report.html.j2"


def write_report(
    data: Data,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    language: str = "en",
    confidence: float = 0.95,
    timezone: str = ATHENS,
) -> Place:
    """Write one HTML file with the findings in words, figures, and tables to download. No person is in it.

    Parameters
    ----------
    data : DataFrame or path
        What `delivery_status` or `hlr_lookup` gave, or both in one frame: each part is told of whose columns are there.
        Or Parquet files of it: a file, a folder, a pattern.
    path : path
        The file to write, as `out/report.html`, also in an object store. One that is there is replaced, whole or not at
        all.
    title : str, optional
        Its heading. A number in it is hidden.
    language : {"en", "el"}
        Of the words, numbers and dates. CSV in Greek has semicolons and decimal commas, as spreadsheets there read it.
    confidence : float, default 0.95
        Of all intervals.
    timezone : str, default "Europe/Athens"
        The clock of days and hours.

    Returns
    -------
    Path
        Of the file; its place in the store where it is in one.

    Raises
    ------
    ColumnError          the data are neither of delivery (outcome, status, final) nor of lookups (verdict, network).
    ConfigurationError   there is no such language or time zone, or the confidence is not between 0 and 1.
    FileNotFoundError, TableError   as `load_table`.

    Notes
    -----
    Cost: none. Repeatable: yes. Groups of fewer than 5 messages or numbers are put together with others, and so are
    those with a number in their name. Other names of networks, campaigns and senders are shown as they are. What each
    sentence and picture means is in docs/reports.md.

    Examples
    --------
    >>> import isms_data as isms, tempfile
    >>> hlr = isms.parse_hlr(pd.Series(["Delivered;GR;Nova;;;0"] * 9))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(hlr, f"{folder}/report.html", title="Our list").name
    'report.html'
    """
    bucket_sql("day", "left_at", timezone)  # refuses what is no time zone before anything is read
    terms = Terms(language_of(language), confidence, timezone)
    about = provenance(data, timezone)
    sections = _sections(data, about, terms)
    page = _page(title, about, sections, terms)
    target = place(path)
    with replaced_file(target) as fresh:
        fresh.write_text(page, encoding="utf-8", newline="\n")
    return target


def _sections(data: Data, about: Provenance, terms: Terms) -> list[Section]:
    """What these data allow to tell."""
    sections = []
    if about.columns >= delivery_section.NEEDED:
        sections.append(delivery_section.delivery_section(data, about.columns, terms))
    if about.columns >= list_section.NEEDED:
        with lookups_of(data, about.columns) as (lookups, columns):
            sections.append(list_section.list_section(lookups, columns, terms))
    if not sections:
        msg = (
            "there is nothing to report: the data have neither the columns of delivery (outcome, status, final; from "
            f"isms.delivery_status) nor those of lookups (verdict, network; from isms.hlr_lookup). They have: "
            f"{', '.join(map(repr, sorted(about.columns))) or 'none'}."
        )
        raise ColumnError(msg)
    return sections


def _page(title: str | None, about: Provenance, sections: list[Section], terms: Terms) -> str:
    import jinja2  # noqa: PLC0415 - importing the package must stay cheap

    source = resources.files("isms_data.reports").joinpath(TEMPLATE).read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    heading = plain(without_numbers(title)) if title else terms.speak.say("report_title")
    return environment.from_string(source).render(
        title=heading,
        sections=sections,
        about=_about(about, terms),
        say=terms.speak.say,
        speak=terms.speak,
        fewest=FEWEST,
    )


def _about(about: Provenance, terms: Terms) -> list[tuple[str, str]]:
    """Where the data are from, in words."""
    speak = terms.speak
    made = pd.Timestamp(datetime.now(UTC)).tz_convert(ZoneInfo(terms.timezone))
    told: list[tuple[str, Any]] = [
        ("report_source", _source(about, speak)),
        ("report_rows", speak.number(about.rows)),
        ("report_span" if about.columns >= delivery_section.NEEDED else "report_asked", _span(about, speak)),
        ("report_schema", str(about.schema_version)),
        ("report_confidence", speak.say("report_wilson", confidence=speak.confidence(terms.confidence))),
        (
            "report_made",
            speak.say(
                "report_made_by", moment=speak.moment(made), timezone=terms.timezone, version=version("isms_data")
            ),
        ),
    ]
    return [(speak.say(key), text) for key, text in told]


def _source(about: Provenance, speak: Language) -> str:
    name = plain(without_numbers(about.name)) if about.name else speak.say("report_frame")
    return speak.say("report_files", name=name, n=speak.number(about.files)) if about.files > 1 else name


def _span(about: Provenance, speak: Language) -> str:
    if about.first is None or about.last is None:
        return speak.value(None)
    first, last = speak.day(about.first), speak.day(about.last)
    return first if first == last else speak.say("from_to", low=first, high=last)
