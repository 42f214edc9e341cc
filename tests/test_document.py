"""The report: one file that stands alone, tells what the metrics tell, and holds no person and no foreign code."""

from __future__ import annotations

import base64
import csv
import io
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import isms_data as isms
from isms_data.reports.delivery import delivery_rates
from isms_data.reports.document import write_report
from isms_data.reports.lists import operator_shares, portability
from isms_data.reports.merging import FEWEST, too_many
from isms_data.reports.nameless import holds_number, shown, shown_cells, without_numbers
from isms_data.reports.pages import defused, plain
from isms_data.reports.wording import language
from tests.test_figures import lookups, many, messages

if TYPE_CHECKING:
    from pathlib import Path

mpl.use("Agg")

EN = language("en")
EVIL = [
    "<script>alert(1)</script>",
    "<svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}",
    r"$\frac{1}{0}$",
    "turned\u202eback",
    "two\nlines",
    "=HYPERLINK(0)",
    "+1",
    "-1",
    "@SUM(1)",
    "\t=1",
    "＝1",
    "long" * 500,
    'id="x" url(#y)',
    "😀",
]
VOID = {"meta", "link", "br", "img", "use", "input", "hr"}


@dataclass
class Page(HTMLParser):
    """A page as a browser sees it: elements with their attributes, texts, and what is open around them."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    texts: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((tuple(self.open), data))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def said(self, tag: str) -> list[str]:
        return [text for around, text in self.texts if tag in around and text.strip()]

    @property
    def findings(self) -> list[str]:
        """The sentences; the other items of lists are links."""
        return [text for around, text in self.texts if around[-2:] == ("li", "bdi")]

    @property
    def downloads(self) -> dict[str, str]:
        """The tables in it, as their downloads have them."""
        links = [link for link in self.all("a") if "download" in link]
        found = {link["download"]: base64.b64decode(link["href"].split("base64,")[1]) for link in links}
        assert all(raw.startswith(b"\xef\xbb\xbf") for raw in found.values())
        return {name: raw.decode("utf-8-sig") for name, raw in found.items()}


def report(data: Any, folder: Path, **more: Any) -> tuple[str, Page]:
    """The report's text, and as a browser sees it."""
    text = write_report(data, folder / "report.html", **more).read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    return text, page


def campaign(rows: int = 600) -> pd.DataFrame:
    """Messages to three networks in two campaigns, over three weeks, with numbers and texts."""
    random = np.random.default_rng(5)
    frame = pd.concat([messages()] * (rows // 10), ignore_index=True)
    frame["submitted_at"] += pd.to_timedelta(random.integers(0, 21 * 24, len(frame)), unit="h")
    frame["resolved_at"] = frame["submitted_at"] + frame["latency"]
    numbers = [f"3069{place:08d}" for place in random.integers(0, 10**8, len(frame))]
    text = "Καλημέρα Μαρία Παπαδοπούλου, η παραγγελία σας είναι έτοιμη και σας περιμένει " * 2
    return frame.assign(
        msisdn=numbers, text=text, campaign=np.where(frame.index % 2, "Άνοιξη", "Θέρος"), sender="MyShop"
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, Page]]:
    """The report of one campaign in both languages, made once."""
    folder = tmp_path_factory.mktemp("reports")
    titles = {"en": "Spring", "el": "Άνοιξη"}
    return {code: report(campaign(), folder, language=code, title=title) for code, title in titles.items()}


# The page


@pytest.mark.parametrize("code", ["en", "el"])
def test_report_stands_alone(code: str, told: dict[str, tuple[str, Page]]) -> None:
    """No script, nothing fetched, its own policy; every link is within the page or holds its data."""
    text, page = told[code]
    targets = [each for _, attributes in page.elements for name, each in attributes.items() if name in {"href", "src"}]

    assert not page.all("script") + page.all("link") + page.all("img") + page.all("iframe") + page.all("object")
    assert all(target.startswith(("#", "data:text/csv")) for target in targets)
    assert not re.search(r"https?:|@import|@font-face|javascript:", text)
    assert "default-src 'none'" in next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)


def test_report_can_be_read_aloud(told: dict[str, tuple[str, Page]]) -> None:
    """Language, landmarks, headings in order, tables with captions and scopes, names of pictures, own ids."""
    _, page = told["el"]
    headings = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    named = {name for tag in ("svg", "section") for each in page.all(tag) for name in each["aria-labelledby"].split()}
    targets = {
        each["href"][1:] for tag in ("a", "use") for each in page.all(tag) if each.get("href", "").startswith("#")
    }

    assert page.all("html")[0]["lang"] == "el"
    assert {tag: len(page.all(tag)) for tag in ("header", "main", "footer", "nav", "h1")} == dict.fromkeys(
        ("header", "main", "footer", "nav", "h1"), 1
    )
    assert all(below - above <= 1 for above, below in pairwise(headings))
    assert len(page.all("caption")) == len(page.all("table")) > 5
    assert all(each.get("scope") in {"row", "col"} for each in page.all("th"))
    assert all(each["role"] == "img" for each in page.all("svg"))
    assert len(set(ids)) == len(ids)
    assert named | targets <= set(ids)


def test_report_says_what_the_metrics_say(told: dict[str, tuple[str, Page]]) -> None:
    """The sentences, the table of networks and its download have the counts of `delivery_rates`."""
    _, page = told["en"]
    rates = delivery_rates(campaign(), by="network")
    rows = list(csv.reader(io.StringIO(page.downloads["rates_by_network.csv"])))

    assert page.findings[0].startswith(
        f"Delivery rate: 66.7% (360 of {rates['final'].sum()} messages with a final status"
    )
    assert any("60 messages. They are not counted as failed" in sentence for sentence in page.findings)
    assert [row[:5] for row in rows[1:]] == [
        [str(name), *map(str, counts)]
        for name, counts in zip(
            ["Cosmote", "Nova", "not known"],
            rates[["messages", "final", "delivered", "failed"]].to_numpy().tolist(),
            strict=True,
        )
    ]
    assert float(rows[1][7]) == pytest.approx(rates["rate"].iloc[0], abs=1e-6)


def test_report_tells_of_both_parts(tmp_path: Path) -> None:
    """Delivery and lookups in one frame are both told of, the lookup by its own outcome, not by that of sending."""
    sent = messages()
    looked_up = lookups().assign(outcome=["done"] * 9 + ["pending"])
    looked_up.loc[9, "verdict"] = None
    both = pd.concat([looked_up.rename(columns={name: f"hlr_{name}" for name in {*looked_up} & {*sent}}), sent], axis=1)
    path = tmp_path / "both.parquet"
    isms.save_table(both, path)
    _, page = report(path, tmp_path)

    assert {"Delivery", "The list"} <= set(page.said("h2"))
    assert any(sentence.startswith("Without a verdict: 1 rows") for sentence in page.findings)
    assert "Data" in page.said("dt")
    assert "both.parquet" in page.said("dd")


def test_outcome_of_sending_is_none_of_a_lookup(tmp_path: Path) -> None:
    """Where the data have only the outcome of sending, a row without a verdict is one without an answer."""
    verdicts = lookups().drop(columns=[*{*lookups()} & {*messages()} - {"network"}])
    both = pd.concat([messages().drop(columns="network"), verdicts], axis=1).assign(number_status="mobile")
    both.loc[:5, "verdict"] = None
    _, page = report(both, tmp_path)

    assert "Without a verdict: 6 rows (no answer 6). They count neither as good nor as bad." in page.findings


@pytest.mark.parametrize("data", [messages().drop(columns="final"), pd.DataFrame({"a": [1]})])
def test_report_of_other_data(data: pd.DataFrame, tmp_path: Path) -> None:
    """Data that are neither of delivery nor of lookups are refused with what is missing, and nothing is written."""
    with pytest.raises(isms.ColumnError, match=r"outcome, status, final.*verdict, network"):
        write_report(data, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("setting", [{"language": "de"}, {"timezone": "Nowhere"}, {"confidence": 2}])
def test_report_with_a_setting_that_is_none(setting: dict[str, Any], tmp_path: Path) -> None:
    """A setting that is none is refused, and the old report stays."""
    (tmp_path / "report.html").write_text("old")
    with pytest.raises(isms.ConfigurationError):
        write_report(messages(), tmp_path / "report.html", **setting)
    assert (tmp_path / "report.html").read_text() == "old"


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("make", [messages, lookups])
def test_report_of_next_to_nothing(make: Any, rows: int, tmp_path: Path) -> None:
    """No row or one is enough for a report."""
    _, page = report(make().head(rows), tmp_path)

    assert len(page.findings) >= 2


def test_report_of_nulls(tmp_path: Path) -> None:
    """Columns of which nothing is known make a report that says so."""
    frame = messages()
    for column in frame.columns.difference(["outcome"]):
        frame[column] = frame[column].where(pd.Series(data=False, index=frame.index))
    _, page = report(frame, tmp_path)

    assert "There is no delivery rate: no message has a final status yet." in page.findings
    assert any(sentence.startswith("Pending: 10 messages") for sentence in page.findings)


def test_report_needs_only_what_tells_a_message(tmp_path: Path) -> None:
    """With outcome, status and final alone there are a rate and a funnel."""
    _, page = report(messages()[["outcome", "status", "final"]], tmp_path)

    assert set(page.downloads) == {"funnel.csv"}
    assert page.findings[0].startswith("Delivery rate: 66.7%")


def test_cost_without_networks_is_of_all_messages(tmp_path: Path) -> None:
    """Where no network is known the cost is one row; of capitals nothing is said where they would save nothing."""
    data = messages()[["outcome", "status", "final"]].assign(segments=1, text="sale")
    _, page = report(data, tmp_path)

    assert page.downloads["costs.csv"].splitlines()[1] == "10,10,10,6,1.666667"
    assert "savings.csv" not in page.downloads


def test_report_needs_only_verdict_and_network(tmp_path: Path) -> None:
    """With these two columns alone there are the quality of the list and its networks; a pattern of files will do."""
    isms.save_table(lookups()[["verdict", "network"]], tmp_path / "july.parquet")
    isms.save_table(lookups()[["verdict", "network"]], tmp_path / "june.parquet")
    _, page = report(str(tmp_path / "ju*.parquet"), tmp_path)

    assert set(page.downloads) == {"list_quality.csv", "networks.csv"}
    assert "ju*.parquet (2 files)" in page.said("dd")


def test_column_that_is_called_like_a_bucket_is_the_callers(tmp_path: Path) -> None:
    """Where the data have columns called day or hour of their own, nothing is told by time under those names."""
    _, page = report(campaign(200).assign(day="x", hour=1), tmp_path)

    assert "rates_by_hour_of_week.csv" in page.downloads
    assert not {"rates_by_day.csv", "alerts.csv"} & set(page.downloads)


def test_alarms_are_told_of_shown_networks(tmp_path: Path) -> None:
    """An hour in which all failed is in the table, the picture and a sentence; one of a small network is not."""
    left = pd.date_range("2026-03-02", periods=4 * 7 * 24, freq="h", tz="UTC").repeat(20)
    failed = (pd.RangeIndex(len(left)) % 20 == 0) | ((left >= "2026-03-20 10:00") & (left < "2026-03-20 11:00"))
    frame = pd.DataFrame({"network": "Nova", "outcome": "accepted", "submitted_at": left, "final": True})
    frame["status"] = np.where(failed, "Failed", "Delivered")
    frame.loc[:3, "network"] = "Tiny"
    _, page = report(frame, tmp_path)
    rows = list(csv.DictReader(io.StringIO(page.downloads["alerts.csv"])))

    assert [(row["network"], row["hour"], row["failed"]) for row in rows] == [("Nova", "20 Mar 2026 12:00", "20")]
    assert "20 Mar 12:00: 20 of 20" in page.said("svg")
    assert any(sentence.startswith("Hours with more failures than usual: 1, of 67") for sentence in page.findings)


def test_report_of_a_file_and_of_a_frame_are_equal(tmp_path: Path, told: dict[str, tuple[str, Page]]) -> None:
    """The same data make the same report, but for where they are from and when it was made."""
    isms.save_table(campaign(), tmp_path / "parts", partition_by="campaign")
    (_, from_frame), (_, from_folder) = told["en"], report(tmp_path / "parts", tmp_path)

    assert from_folder.downloads == from_frame.downloads
    assert from_folder.findings == from_frame.findings
    assert "parts (2 files)" in from_folder.said("dd")


def test_report_leaves_matplotlib_alone(tmp_path: Path) -> None:
    """No figure stays open and no setting is changed; what users have set does not change the report."""
    before, figures = dict(mpl.rcParams), plt.get_fignums()
    few = messages()[["outcome", "status", "final", "network"]]
    plain_one = report(few, tmp_path)[1]
    with mpl.rc_context({"axes.facecolor": "black", "svg.fonttype": "path"}):
        styled = report(few, tmp_path)[1]

    assert (dict(mpl.rcParams), plt.get_fignums()) == (before, figures)
    assert [text for text in plain_one.texts if "svg" in text[0]] == [text for text in styled.texts if "svg" in text[0]]
    assert any("100.0% of planned" in text for text in plain_one.said("svg"))


def test_report_in_greek(told: dict[str, tuple[str, Page]]) -> None:
    """Words, numbers and dates are the Greek way, and tables are as Greek spreadsheets read them."""
    _, page = told["el"]
    rows = list(csv.reader(io.StringIO(page.downloads["rates_by_network.csv"]), delimiter=";"))

    assert page.said("h1") == ["Άνοιξη"]
    assert page.findings[0].startswith("Ποσοστό παράδοσης: 66,7% (360 από 540 μηνύματα")
    assert rows[0][:2] == ["δίκτυο", "μηνύματα"]
    assert re.fullmatch(r"0,\d+", rows[1][7])
    assert any(re.fullmatch(r"\d+/10/2026 έως \d+/11/2026", text.strip()) for text in page.said("dd"))


# No person


def spellings(numbers: pd.Series) -> set[str]:
    """Each number with its country's code and without."""
    return {*numbers, *(number[2:] for number in numbers)}


def test_report_holds_no_number_and_no_text(tmp_path: Path) -> None:
    """No number of the data is anywhere in the file, in any spelling, nor in its tables; nor is any text."""
    data = campaign().assign(
        campaign=lambda frame: "for +" + frame["msisdn"].str.replace(r"(\d{4})", r"\1 ", regex=True),
        sender=lambda frame: frame["msisdn"],
        network=lambda frame: (
            frame["msisdn"].str[2:].str.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
        ),
    )
    text, page = report(data, tmp_path, title=f"Report of {data['msisdn'][0]}")
    whole = "".join([re.sub(r"base64,[\w+/=]+", "", text), *page.downloads.values()])
    digits = re.sub(r"(?<=\w)[\s.\-()/]{1,2}(?=\w)", "", whole)

    assert not [number for number in spellings(data["msisdn"]) if number in whole or number in digits]
    assert not re.search("[０-９]", whole)
    assert "Παπαδοπούλου" not in whole
    assert page.said("h1") == ["Report of •••"]


def test_name_with_a_number_is_not_shown_however_many_share_it(tmp_path: Path) -> None:
    """A campaign of hundreds of messages that has a number in its name is among the others, in curves and times too."""
    names = np.array(["Spring", "call 306970000001", "Summer"])
    data = campaign(300).assign(campaign=lambda frame: names[frame.index % 3], network=lambda frame: frame["campaign"])
    text, page = report(data, tmp_path)
    rows = list(csv.DictReader(io.StringIO(page.downloads["rates_by_campaign.csv"])))

    assert [row["campaign"] for row in rows] == ["Spring", "Summer", "other (1 group)"]
    assert rows[2]["messages"] == "100"
    assert "306970000001" not in text + "".join(page.downloads.values())


def test_report_tells_no_small_group_apart(tmp_path: Path) -> None:
    """Networks, campaigns and days of fewer than 5 messages are among the others: in tables, pictures, sentences."""
    data = campaign()
    data.loc[:3, "network"] = "Tiny"
    data.loc[4:6, "campaign"] = "Secret"
    data.loc[7:8, "submitted_at"] = pd.Timestamp("2026-08-01 10:00", tz="UTC")
    text, page = report(data, tmp_path)
    tables = {name: list(csv.DictReader(io.StringIO(table))) for name, table in page.downloads.items()}
    counts = [
        (next(iter(row.values())), int(row["messages"]))
        for name, rows in tables.items()
        if name.startswith("rates")
        for row in rows
    ]

    assert [name for name, count in counts if count < FEWEST and not name.startswith("other")] == []
    assert not re.search("Tiny|Secret|1 Aug 2026,", text + "".join(page.downloads.values()))
    assert sum(int(row["messages"]) for row in tables["rates_by_network.csv"]) == len(data)
    assert tables["rates_by_network.csv"][-1]["network"] == "other (1 group)"
    assert tables["rates_by_campaign.csv"][-1]["messages"] == "3"
    assert not any("Aug" in words for words in page.said("svg"))


def test_report_of_many_networks(tmp_path: Path) -> None:
    """Of 200 networks the table has all but the small ones, and no picture more than it can show."""
    _, page = report(many(), tmp_path)
    rows = list(csv.DictReader(io.StringIO(page.downloads["rates_by_network.csv"])))

    assert len(rows) == 200 - 3 + 1
    assert rows[-1]["network"] == "other (3 groups)"
    assert rows[-1]["messages"] == str(2 + 3 + 4)
    assert len([text for text in page.said("svg") if re.match(r"N\d+ \(n", text)]) < 100


@given(st.lists(st.integers(0, 30), max_size=12), st.integers(1, 5))
def test_rows_of_a_picture_are_the_largest(sizes: list[int], limit: int) -> None:
    """Not more rows than that, the last for all others, none of which is larger than one that is shown."""
    numbers = pd.Series(sizes, dtype="int64")
    marked = too_many(numbers, limit)

    assert (~marked).sum() + marked.any() == min(len(sizes), limit)
    assert not marked.any() or limit == 1 or numbers[marked].max() <= numbers[~marked].min()


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz"), st.integers(1, 9)), max_size=12))
def test_no_cell_is_of_a_few(cells: list[tuple[str, str, int]]) -> None:
    """From one group to another no cell of fewer than 5 has two names; nobody is lost."""
    frame = pd.DataFrame(cells, columns=["range_operator", "network", "numbers"]).astype({"numbers": "int64"})
    told = shown_cells(frame, ("range_operator", "network"), EN)

    assert told["numbers"].sum() == frame["numbers"].sum()
    named = told[told["network"].ne("other groups") & told["range_operator"].ne("other groups")]
    assert (named["numbers"] >= FEWEST).all()


def test_merged_rows_are_counted_anew() -> None:
    """Rate and interval of the others are those of their messages together; shares add up."""
    data = pd.concat(
        [messages().assign(network=name) for name in "ab"] + [messages().head(4).assign(network=name) for name in "cd"]
    )
    rows = shown(delivery_rates(data, by="network"), ["network"], EN)
    rest = delivery_rates(data[data["network"].isin(["c", "d"])])
    list_rows = shown(operator_shares(pd.concat([lookups()] * 2)).dropna(subset="network"), ["network"], EN)

    assert rows["network"].tolist() == ["a", "b", "other (2 groups)"]
    pd.testing.assert_frame_equal(rows.iloc[2:, 1:].reset_index(drop=True), rest)
    assert list_rows["share"].sum() == pytest.approx(1)
    assert (
        portability(lookups())["numbers"].sum()
        == shown_cells(portability(lookups()), ("range_operator", "network"), EN)["numbers"].sum()
    )


@given(
    st.from_regex(r"(\+|00)?30[ -]?69[0-9][ .-]?[0-9]{3}[ .-]?[0-9]{4}", fullmatch=True),
    st.sampled_from(["{}", "a {} b", "2026-05-01 {}"]),
)
def test_number_in_a_name_is_found(number: str, around: str) -> None:
    """A number in any spelling is found and hidden wherever it stands."""
    name = around.format(number)

    assert holds_number(name)
    assert not re.search(r"\d{5}", without_numbers(name).replace("2026-05-01", ""))


@pytest.mark.parametrize(
    "name", ["spring-2026", "2026-05-01", "20260501", "1/5/2026", "31.12.2026 b", "AMD Telecom", "24/7", ""]
)
def test_date_in_a_name_is_no_number(name: str) -> None:
    """Years and dates in names stay."""
    assert not holds_number(name)


# Text that means to be more


@pytest.mark.parametrize("code", ["en", "el"])
def test_text_arrives_as_text(code: str, tmp_path: Path) -> None:
    """Whatever stands in a name is but text: in the page, in the pictures, in the tables, in the sentences."""
    data = campaign(10 * len(EVIL)).assign(network=EVIL * 10, campaign=EVIL * 10, sender="MyShop")
    text, page = report(data, tmp_path, language=code, title=EVIL[0])

    assert not page.all("script")
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert page.said("h1") == [EVIL[0]]
    assert {"<svg onload=alert(1)>", "{{ 7 * 7 }}", r"$\frac{1}{0}$"} <= set(page.said("th"))
    assert any(cell.startswith(EVIL[0]) for cell in page.said("svg"))
    assert max(map(len, page.said("th"))) <= 81
    assert not re.search("[\x00-\x08\x0b-\x1f]", text)


def test_formula_arrives_as_text(tmp_path: Path) -> None:
    """No cell of a download is something that a spreadsheet works out; what is no formula is unchanged."""
    data = campaign(10 * len(EVIL))[["outcome", "status", "final"]].assign(network=EVIL * 10)
    _, page = report(data, tmp_path)
    names = [row[0] for row in csv.reader(io.StringIO(page.downloads["rates_by_network.csv"], newline=""))][1:]

    assert sorted(names) == sorted(f"'{name}" if name.lstrip()[0] in "=+-@＝" else name for name in EVIL)
    assert all(not cell.lstrip()[:1] or cell.lstrip()[0] not in "=+-@＝" for cell in names)


def test_name_of_signs_that_no_page_can_hold() -> None:
    """Control characters and halves of characters are replaced; negative numbers of ours are numbers."""
    assert plain("a\x00\ud800b\n") == "a \ufffdb "
    assert [defused(text) for text in ("", " ", "\r1", " =1", "1=1")] == ["", " ", "'\r1", "' =1", "1=1"]
