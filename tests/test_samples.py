"""The sample lists read back as the truth that they were made from."""

from __future__ import annotations

import importlib.util
import re
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import isms_data as isms
from isms_data import tables
from isms_data.lists import read_list

if TYPE_CHECKING:
    from types import ModuleType

FOLDER = Path(__file__).parents[1] / "data" / "samples"


def load_script(name: str = "make_samples") -> ModuleType:
    """A script that makes samples, which is no part of the package."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = script
    spec.loader.exec_module(script)
    return script


make_samples = load_script()
make_delivery_sample = load_script("make_delivery_sample")
SAMPLES = list(make_samples.SAMPLES)
TEXT_SAMPLES = [name for name in SAMPLES if name.endswith(".csv")]


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_reads_to_the_truth(name: str) -> None:
    """Every sample, read without a hint, gives the cells that the script wrote, all of them text."""
    frame = read_list(FOLDER / name)

    assert tuple(frame.columns) == make_samples.header(name)
    assert {str(dtype) for dtype in frame.dtypes} == {"str"}
    read = [tuple(None if pd.isna(cell) else cell for cell in row) for row in frame.itertuples(index=False)]
    assert read == [row.read for row in make_samples.rows(name)]


@pytest.mark.parametrize("name", TEXT_SAMPLES)
def test_sample_reads_without_a_warning_and_as_what_it_is(name: str) -> None:
    """No sample is a close call: encoding and separator are found, and nothing is left to warn of."""
    sample = make_samples.SAMPLES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told = read_list(FOLDER / name).attrs["read_list"]

    assert "Ά".encode(told["encoding"]).endswith("Ά".encode(sample.encoding))
    assert told["sep"] == sample.separator
    assert told["rows"] == sample.rows


@pytest.mark.parametrize("name", SAMPLES)
def test_making_a_sample_again_gives_the_same_bytes(name: str) -> None:
    """A sample depends on its seed alone: neither on the clock nor on what was made before."""
    assert load_script().content(name) == make_samples.content(name)


@pytest.mark.parametrize("name", TEXT_SAMPLES)
def test_stored_sample_is_what_the_script_makes(name: str) -> None:
    """The files beside the script are the script's; workbooks may differ by the version of their writer."""
    assert (FOLDER / name).read_bytes() == make_samples.content(name)


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_hold_mostly_good_distinct_mobiles(name: str) -> None:
    """About 80 to 85 rows in 100 have a good mobile number of their own, and every other kind of cell occurs."""
    rows = make_samples.rows(name)
    good = [row.number for row in rows if row.kind in make_samples.GOOD or row.kind in make_samples.WORKBOOK_ONLY]

    assert len(good) == len(set(good))
    assert 0.80 <= len(good) / len(rows) <= 0.85
    assert set(make_samples.BAD) <= {row.kind for row in rows}


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_numbers_are_of_the_blocks_that_the_readme_names(name: str) -> None:
    """No number is of a block that was not chosen for being seen through."""
    block = re.compile(r"30(69[013-5789]|68[5-9])(000|555)\d{4}|3579[5-9](000|555)\d{3}|61491\d{6}")

    assert all(block.fullmatch(row.number) for row in make_samples.rows(name) if row.number)


def test_samples_stay_small() -> None:
    """The repository carries less than 3 MB of samples."""
    assert sum(file.stat().st_size for file in FOLDER.iterdir() if file.is_file()) < 3_000_000


def test_stored_messages_are_what_the_script_makes() -> None:
    """The messages beside the script are the script's, dtypes and attributes included."""
    stored = isms.load_table(FOLDER / make_delivery_sample.FILE)
    made = make_delivery_sample.frame()

    pd.testing.assert_frame_equal(stored, made)
    assert stored.attrs == made.attrs


def test_messages_are_a_delivery_table() -> None:
    """The sample has the columns that `delivery_status` gives, with their dtypes for however few messages."""
    few = make_delivery_sample.frame(seed=3, weeks=1, customers=30)
    ours = {"sent": tables.names("sent"), "delivery": tables.names("delivery"), "plan": ("msisdn", "campaign", "text")}

    for table, names in ours.items():
        expected = pd.DataFrame({name: column for name, column in tables.empty(table, 0).items() if name in names})
        same = {name: str(few[name].dtype) for name in expected}
        assert same == {name: str(column.dtype) for name, column in expected.items()}


def test_messages_hold_what_the_readme_tells() -> None:
    """A number has one message in a campaign; some are pending, one call is in doubt, one evening one network fails."""
    messages = isms.load_table(FOLDER / make_delivery_sample.FILE)
    athens = messages["submitted_at"].dt.tz_convert("Europe/Athens")
    evening = athens.between("2026-10-08 18:00+03:00", "2026-10-08 20:00+03:00")
    failed = messages["status"].eq("Failed")
    then, else_ = (failed[when].groupby(messages["network"], observed=True).mean() for when in (evening, ~evening))

    assert not messages.duplicated(["campaign", "msisdn"]).any()
    assert 19_000 < len(messages) < 21_000
    assert messages["final"].eq(False).sum() > 20
    assert messages.loc[messages["outcome"] == "in_doubt", "final"].isna().all()
    assert then.index[then > 3 * else_].tolist() == ["Vodafone"]
    assert athens.max() <= pd.Timestamp(messages.attrs["as_of"])


def test_message_numbers_are_of_the_blocks_that_the_readme_names() -> None:
    """No message is to a number of a block that was not chosen for being seen through."""
    messages = isms.load_table(FOLDER / make_delivery_sample.FILE)

    assert messages["msisdn"].str.fullmatch(r"3069[03-57-9](000|555)\d{4}").all()
