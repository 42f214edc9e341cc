"""Replies become typed columns: the same as one by one, never a guess, the same dtypes for nothing and for all."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isms_data import hlr_result, map_errors, tables
from isms_data.errors import ColumnError, GatewayError
from isms_data.hlr_result import parse_hlr
from isms_data.replies import read_hlr
from isms_data.vocabulary import ErrorClass, HlrStatus, Verdict, words

FRAMING = " \t\r\n\ufeff"
SIX = ["status", "country", "operator", "imsi", "serving_msc", "error_code"]
DTYPES = {
    **dict.fromkeys(("country", "operator", "network", "serving_country", "error_name"), "category"),
    **dict.fromkeys(("status", "error_class", "verdict"), "category"),
    **dict.fromkeys(("imsi", "serving_msc", "mcc", "mnc", "problem"), "str"),
    **dict.fromkeys(("ported", "roaming"), "boolean"),
    "error_code": "Int16",
}

# The codes and classes of the field facts that the table must hold, typed here a second time.
PERMANENT = {1, 9, 10, 11, 12, 44}
TEMPORARY = {3, 5, 6, 8, 13, 21, 27, 31, 32, 33, 34, 39, 45, 51}
UNSETTLED = {0, 2, 7, 15, 28, 35, 36, 37, 38, 40, 49, 52, 60, 61, 62, 63, 64, 71, 72}


def one(reply: str | None, **options: object) -> pd.Series:
    """The row of one reply, with None for every null."""
    row = parse_hlr(pd.Series([reply], dtype="str"), **options).iloc[0]  # type: ignore[arg-type]
    return row.where(row.notna(), None)


def plain(column: pd.Series) -> list[object]:
    """A column's values with None for every null."""
    return column.astype(object).where(column.notna(), None).tolist()


def slowly(reply: str | None) -> list[str | None]:
    """The six fields of one reply, straight from the protocol's page: another way than the tested one."""
    nothing = [None] * 6
    text = (reply or "").strip(FRAMING + ";") if (reply or "").strip(FRAMING)[:1] != ";" else ""
    fields = [field.strip(FRAMING) or None for field in text.split(";")]
    first = re.fullmatch(rf"(?:Status:)?[{FRAMING}]*(\w+)", fields[0] or "")
    known = first is not None and first[1] in words(HlrStatus)
    if not known or len(fields) > 6 or "\n" in text or "\r" in text:
        return nothing
    if first[1] in ("Queued", "Pending") and any(fields[1:]):
        return nothing
    return [first[1], *fields[1:], *nothing][:6]


pieces = st.sampled_from(
    [
        *words(HlrStatus),
        "Status:",
        ";",
        ";",
        ";",
        ";;",
        "\r",
        "\n",
        "\ufeff",
        " ",
        "27",
        "0",
        "20201",
        "Wind",
        "Ελλάδα",
        '"',
        "x",
        "NA",
    ]
)
scrambled = st.lists(pieces, max_size=12).map("".join)
fields = st.sampled_from(["", " ", "Greece", "Κύπρος", "a,b", '"q', "NULL", "nan", "\u00a0", "0", "27"])
well_formed = st.builds(
    lambda before, status, rest, after: before + ";".join([status, *rest]) + after,
    st.sampled_from(["", "\ufeff", "\r\n ", "Status: "]),
    st.sampled_from(words(HlrStatus)),
    st.lists(fields, max_size=6),
    st.sampled_from(["", ";", "\r", "\r\n", " ; ", ";;;\n"]),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.none() | scrambled | well_formed, max_size=30))
def test_parse_hlr_agrees_with_a_slow_reading(replies: list[str | None]) -> None:
    """Six fields of any column of replies, whatever their framing, are those of a plain reading one by one."""
    result = parse_hlr(pd.Series(replies, dtype="str"), hexadecimal=False)
    codes = [
        None if code is None or not re.fullmatch("[0-9]+", code) else int(code)
        for code in (slowly(r)[5] for r in replies)
    ]

    for place, name in enumerate(SIX[:5]):
        assert plain(result[name]) == [slowly(r)[place] for r in replies]
    assert plain(result["error_code"]) == codes


@settings(deadline=None, max_examples=60)
@given(st.lists(scrambled | well_formed, min_size=1, max_size=10))
def test_parse_hlr_agrees_with_the_rule_for_one_reply(replies: list[str]) -> None:
    """A column is understood where `read_hlr` understands the reply, but for a line break inside a field."""
    result = parse_hlr(pd.Series(replies, dtype="str"))
    for reply, status in zip(replies, result["status"].astype(object), strict=True):
        try:
            understood = read_hlr(reply)
        except GatewayError:
            assert pd.isna(status)
        else:
            broken = any(mark in reply.strip(FRAMING + ";") for mark in "\r\n")
            assert pd.isna(status) if broken else status == understood.status


@settings(deadline=None, max_examples=25)
@given(st.lists(st.none() | scrambled | well_formed, max_size=12))
def test_parse_hlr_of_a_column_is_that_of_its_rows(replies: list[str | None]) -> None:
    """No row depends on another, the hexadecimal question aside."""
    whole = parse_hlr(pd.Series(replies, dtype="str"), hexadecimal=False).astype(object)
    rows = [parse_hlr(pd.Series([reply], dtype="str"), hexadecimal=False).astype(object) for reply in replies]

    if rows:
        pd.testing.assert_frame_equal(whole, pd.concat(rows, ignore_index=True))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.none() | well_formed, max_size=5), st.sampled_from([None, "306971234567"]))
def test_parse_hlr_rows_out_are_rows_in(replies: list[str | None], number: str | None) -> None:
    """Index, order, number of rows, columns and dtypes are the same for any input, and verdicts are never missing."""
    index = pd.MultiIndex.from_arrays([["x"] * len(replies), range(len(replies))], names=["a", "b"])
    series = pd.Series(replies, index=index, dtype=object)
    result = parse_hlr(series, msisdn=pd.Series([number] * len(replies), dtype="str"))

    pd.testing.assert_index_equal(result.index, index)
    assert {name: str(kind) for name, kind in result.dtypes.items()} == DTYPES
    assert tuple(result.columns) == hlr_result.COLUMNS
    final = series.notna() & ~result["status"].isin(["Queued", "Pending"])
    assert (result["verdict"].notna() == final).all()
    assert series.tolist() == replies


@pytest.mark.parametrize("values", [[], [None], [None, pd.NA, np.nan], ["Pending"], [np.nan, np.nan]])
def test_parse_hlr_dtypes_of_nothing(values: list[object]) -> None:
    """No row, no reply or no answer gives the dtypes of a full column, fixed categories included."""
    result = parse_hlr(pd.Series(values, dtype=object))

    assert {name: str(kind) for name, kind in result.dtypes.items()} == DTYPES
    assert tuple(result["status"].cat.categories) == words(HlrStatus)
    assert tuple(result["verdict"].cat.categories) == words(Verdict)
    assert tuple(result["error_class"].cat.categories) == words(ErrorClass)
    assert result.drop(columns="status").isna().all(axis=None)


def test_parse_hlr_of_many_rows_keeps_their_order() -> None:
    """A column that is cut up and read in slices comes back in one piece and in order."""
    few = pd.Series(["Pending", None, "?", *(f"Failed;Land {n};Op {n % 7};2020{n % 9};;{n % 99}" for n in range(997))])
    order = np.random.default_rng(0).integers(0, len(few), 150_000)
    many = parse_hlr(few.iloc[order].reset_index(drop=True)).astype("str")

    pd.testing.assert_frame_equal(many, parse_hlr(few).astype("str").iloc[order].reset_index(drop=True))


def test_parse_hlr_takes_categories_and_slices() -> None:
    """A categorical column and a slice of a longer one are read like any other."""
    replies = pd.Series(["x", "Delivered;Greece;Wind;202101234567890;306930000000;0", "Pending"])
    expected = parse_hlr(replies.iloc[1:])

    assert expected["network"].tolist()[0] == "Nova"
    pd.testing.assert_frame_equal(parse_hlr(replies.astype("category").iloc[1:]), expected)
    pd.testing.assert_frame_equal(
        parse_hlr(pd.Series([np.nan, np.nan])), parse_hlr(pd.Series([None, None], dtype="str"))
    )


def test_parse_hlr_refuses_what_is_no_text() -> None:
    """Numbers, lists and columns of unequal length are the caller's mistake, and the error says which."""
    with pytest.raises(ColumnError, match="replies is a list"):
        parse_hlr(["Pending"])  # type: ignore[arg-type]
    with pytest.raises(ColumnError, match="'replies' holds int64"):
        parse_hlr(pd.Series([1]))
    with pytest.raises(ColumnError, match="msisdn has 2 rows and replies 1"):
        parse_hlr(pd.Series(["Pending"]), msisdn=pd.Series(["306971234567", None]))


@pytest.mark.parametrize(
    ("reply", "verdict", "problem"),
    [
        ("Delivered;;;;;", "deliverable", None),
        ("Delivered;;;;;0", "deliverable", None),
        ("Delivered;;;;;37", "deliverable", "meaning is not settled"),
        ("Delivered;;;;;99", "deliverable", "error code 99"),
        ("Delivered;;;;;27", "unknown", "contradict"),
        ("Undelivered;;;;;27", "retry_later", r"^absentSubscriber \(27\): the phone was off or out of coverage"),
        ("Failed;;;;;1", "dead", r"^unknownSubscriber \(1\)"),
        ("Failed;;;;;9", "dead", "illegalSubscriber"),
        ("Failed;;;;;44", "dead", "numberChanged"),
        ("Failed;;;;;10", "no_sms_service", "bearerService"),
        ("Failed;;;;;11", "no_sms_service", "teleservice"),
        ("Failed;;;;;12", "retry_later", "the handset is barred, not the subscriber"),
        ("Failed;;;;;13", "barred", "callBarred"),
        ("Failed;;;;;63", "unknown", "^error code 63: the standard has no such code"),
        ("Failed;;;;;99", "unknown", "not in the table"),
        ("Failed;;;;;0", "unknown", "without an error code"),
        ("Undelivered", "unknown", "without an error code"),
        ("Failed;;;;;soon", "unknown", "'soon'.*no code"),
        ("Failed;;;;;306971234567", "unknown", "'3069•••567'"),
        ("Unknown;;;;;", "unknown", r"could not be asked \(Unknown\)$"),
        ("Unknown;;;;;1", "unknown", r"names unknownSubscriber \(1\)"),
        ("Queued", None, None),
        ("Pending;;;", None, None),
        ("Pending;Greece", "unknown", "Pending;Greece"),
        ("Error: No such message ID or mobile.", "unknown", "No such message ID"),
        ("Delivered;306971234567;1;2;3;4;5", "unknown", "3069•••567"),
        ("Delivered;a\nb", "unknown", "line break inside"),
        ("", "unknown", "replied ''"),
        (None, None, None),
    ],
)
def test_verdict_and_its_reason(reply: str | None, verdict: str | None, problem: str | None) -> None:
    """Status and code add up to a verdict; whatever is not settled is `unknown`, and the reason is in words."""
    row = one(reply)

    assert row["verdict"] == verdict
    assert row["problem"] is None if problem is None else re.search(problem, row["problem"])


def test_problem_of_a_long_unreadable_reply_is_short() -> None:
    """A page of HTML in place of a reply is quoted in part only."""
    assert len(one("<html>" + "x" * 5_000)["problem"]) < 300


def test_map_errors_hold_the_whole_list() -> None:
    """Every code of the facts is in the table with its class, and no other."""
    table = map_errors.standard_table()

    assert {code for code, error in table.items() if error.error_class == "permanent"} == PERMANENT
    assert {code for code, error in table.items() if error.error_class == "temporary"} == TEMPORARY
    assert {code for code, error in table.items() if error.error_class == "unknown"} == UNSETTLED
    assert all(error.reason for error in table.values())
    assert {error.verdict for error in table.values() if error.error_class == "unknown"} == {"unknown"}


@pytest.mark.parametrize(
    ("codes", "numbers"),
    [
        (["1b", "10"], [27, 16]),
        (["0x1B", "d"], [27, 13]),
        (["10", "27"], [10, 27]),
        (["bad", "27"], [None, 27]),
        (["absentSubscriber", "6"], [None, 6]),
        (["40000", "-1"], [None, -1]),
        (["٢٧", "1.5"], [None, None]),
        (["0000000000000001", "007"], [None, 7]),
    ],
)
def test_error_codes_in_hexadecimal_tell_themselves(codes: list[str], numbers: list[int | None]) -> None:
    """One letter in one code makes the whole column hexadecimal; a word that happens to have such letters does not."""
    result = parse_hlr(pd.Series([f"Failed;;;;;{code}" for code in codes]))

    assert plain(result["error_code"]) == numbers


def test_error_codes_hexadecimal_can_be_said() -> None:
    """The caller's word goes before what the column looks like."""
    replies = pd.Series(["Failed;;;;;1b", "Failed;;;;;10"])

    assert plain(parse_hlr(replies, hexadecimal=False)["error_code"]) == [None, 10]
    assert parse_hlr(replies.iloc[1:], hexadecimal=True)["error_code"].tolist() == [16]


def test_error_codes_of_the_user_replace_ours() -> None:
    """A table of the user's decides names, classes and verdicts; what it lacks is unknown."""
    table = pd.DataFrame({"code": [27.0], "name": [None], "class": ["permanent"], "verdict": ["dead"]})
    result = parse_hlr(pd.Series(["Failed;;;;;27", "Failed;;;;;1"]), error_codes=table)

    assert result["verdict"].tolist() == ["dead", "unknown"]
    assert result["error_class"].tolist() == ["permanent", "unknown"]
    assert result["problem"].tolist()[0] == "error code 27: no reason in the table"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"code": ["x"]}, "code 'x' .row 0. is no whole number"),
        ({"class": ["lasting"]}, "class 'lasting' .row 0. is none of permanent"),
        ({"verdict": [None]}, "verdict '' .row 0. is none of deliverable"),
    ],
)
def test_error_codes_that_cannot_be_used(change: dict[str, list[object]], message: str) -> None:
    """A wrong table is refused with the row and the words that it may have."""
    table = pd.DataFrame({"code": [27], "name": ["a"], "class": ["temporary"], "verdict": ["barred"]} | change)

    with pytest.raises(ColumnError, match=message):
        parse_hlr(pd.Series(["Pending"]), error_codes=table)
    with pytest.raises(ColumnError, match="lacks 'verdict'"):
        parse_hlr(pd.Series(["Pending"]), error_codes=table.drop(columns="verdict"))
    with pytest.raises(ColumnError, match="there twice"):
        parse_hlr(
            pd.Series(["Pending"]),
            error_codes=pd.DataFrame([{"code": 1, "name": "", "class": "unknown", "verdict": "unknown"}] * 2),
        )


@pytest.mark.parametrize(
    ("reply", "msisdn", "expected"),
    [
        (
            "Delivered;Greece;WIND HELLAS;202101234567890;306930000000;0",
            "306931234567",
            ("202", "10", "Nova", False, False, "GR"),
        ),
        (
            "Delivered;Greece;WIND HELLAS;202101234567890;+393351234567;0",
            "306971234567",
            ("202", "10", "Nova", True, True, "IT"),
        ),
        ("Delivered;Cyprus;MTN;;;0", "35796123456", (None, None, "Epic", False, None, None)),
        ("Delivered;;Cosmote;;306970000000;0", None, (None, None, "Cosmote", None, None, "GR")),
        ("Delivered;Italy;TIM;;;0", "306931234567", (None, None, None, None, None, None)),
        (
            "Delivered;Germany;;262011234567890;;0",
            "306971234567",
            ("262", "01", "Telekom Deutschland GmbH", None, None, None),
        ),
        ("Delivered;India;;405025123456789;306970000000;0", None, ("405", None, None, None, True, "GR")),
        ("Delivered;;;junk;nowhere;0", "306971234567", (None, None, None, None, None, None)),
        ("Delivered;Greece;Cosmote;;;0", "306921234567", (None, None, "Cosmote", None, None, None)),
    ],
)
def test_places_follow_from_imsi_exchange_and_range(
    reply: str, msisdn: str | None, expected: tuple[object, ...]
) -> None:
    """Network, portability and roaming come from both sides of a comparison, and are null where one is missing."""
    row = one(reply, msisdn=pd.Series([msisdn], dtype="str"))

    assert tuple(row[["mcc", "mnc", "network", "ported", "roaming", "serving_country"]]) == expected


def test_places_disagreeing_operator_is_flagged() -> None:
    """An operator text that names another network than the IMSI is kept and said, behind the verdict's reason."""
    replies = pd.Series(
        [
            "Delivered;Greece;Vodafone;202011234567890;;0",
            "Failed;Greece;Vodafone;202011234567890;;27",
            "Delivered;Greece;COSMOTE;202011234567890;;0",
            "Delivered;Germany;Vodafone;262021234567890;;0",
        ]
    )
    result = parse_hlr(replies)

    assert result["network"].tolist()[:2] == ["Cosmote", "Cosmote"]
    assert result["problem"][0] == "operator text says Vodafone, IMSI says Cosmote"
    assert re.search("absentSubscriber.*; operator text says Vodafone", result["problem"][1])
    assert result["problem"][2:].isna().all()


def test_six_fields_are_the_tables_own() -> None:
    """The columns have the dtypes that the table of lookups has in Parquet."""
    result = parse_hlr(pd.Series(["Delivered;Greece;WIND;202101234567890;306930000000;0"]))

    for name in result.columns:
        again = tables.column("hlr", name, result[name])
        pd.testing.assert_series_equal(pd.Series(again, name=name), result[name])
