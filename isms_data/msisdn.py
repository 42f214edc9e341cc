"""A column of anything becomes MSISDNs, and words for what is wrong with the rest.

The walk of a column: `cells` (any dtype to text), then `readings` (`spelling`, `dialling`, `numbering`, `refusals`),
then what only the whole column can tell: duplicates and the suppression list. Numbers are 64-bit integers on the
way and text at its end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from isms_data.cleaning.cells import text_cells
from isms_data.cleaning.number_patterns import regions
from isms_data.cleaning.readings import Reading, numbers_in, read_cells
from isms_data.cleaning.spelling import Knot
from isms_data.columns import attach, new_names, pick
from isms_data.errors import ConfigurationError
from isms_data.numbering import countries, is_mobile, operator_dtype, statuses
from isms_data.vocabulary import NumberStatus, words

if TYPE_CHECKING:
    import os

    from pandas.api.extensions import ExtensionArray

    from isms_data.cleaning.digits import Flags, Ints

NUMBER_COLUMNS: Final = ("msisdn", "number_status", "number_problem", "country_code", "range_operator")
"""What `clean_numbers` adds; with `split=True` `other_msisdns` too."""

_TEXT: Final[Any] = pd.StringDtype(na_value=np.nan)
_LIST: Final = pa.list_(pa.string())
_STATUSES: Final = words(NumberStatus)
_SAME: Final = pa.scalar("the same number as in row ", pa.large_string())
_LISTED: Final = pa.scalar("on the suppression list", pa.large_string())
_NOTHING: Final = pa.scalar("", pa.large_string())
_STATUS_DTYPE: Final = pd.CategoricalDtype(pd.Index(_STATUSES, dtype="str"), ordered=False)


def clean_numbers(
    frame: pd.DataFrame,
    column: str,
    *,
    region: str = "GR",
    suppress: Iterable[Any] | str | os.PathLike[str] | None = None,
    split: bool = False,
    # names of the new columns
    prefix: str = "",
    replace: bool = False,
) -> pd.DataFrame:
    """Clean a column of phone numbers: MSISDNs as the API wants them, and what is wrong with the rest.

    One row in, one row out, same index and order. The caller's frame is not changed.

    Parameters
    ----------
    frame : DataFrame
    column : str
        Its column of numbers: text in any spelling, whole numbers, floats as a spreadsheet left them, or a mixture.
    region : str, default "GR"
        ISO 3166 alpha-2: the country whose numbers are written without a calling code.
    suppress : iterable, Series, or path of a file, optional
        Numbers that must not be contacted, in any spelling. Of a file every cell counts, the first line too.
    split : bool, default False
        Take cells with several numbers apart; without it they are refused.
    prefix, replace
        What to do where the frame has a column of that name: put `prefix` before ours, or overwrite it.

    Returns
    -------
    DataFrame
        the frame's columns and
        msisdn          str        digits with calling code, no "+"; null where the cell holds no number
        number_status   category   word of vocabulary.NumberStatus, in fixed order
        number_problem  str        why it is not a mobile to use, in words; null where nothing is wrong
        country_code    category   ISO 3166 alpha-2; null where there is no number, or no country's
        range_operator  category   who first held the range (numbers are portable); null where unknown
        other_msisdns   list[pyarrow], with split=True: the further numbers of the cell; null where there are none

    Raises
    ------
    ColumnError         there is no such column, its type holds no numbers, or a new column's name is taken.
    ConfigurationError  region is no country that has phone numbers; suppress is no list.
    ListError           the suppression file cannot be read.

    Notes
    -----
    Any valid number gets its MSISDN, fixed lines too. Of equal mobiles the first row is `mobile`, later ones are
    `duplicate`. A number on the suppression list is `suppressed`, whatever else it is.
    Categories are the same whatever the rows hold, so cleaned parts of a list can be put together.
    Cost: no paid call; about a microsecond a row. Repeatable: yes. Source: libphonenumber's metadata, and the
    regulator where it says otherwise (docs/cleaning.md).

    Examples
    --------
    >>> people = pd.DataFrame({"mobile": ["691 234 5678", "+306912345678", "6.91235E+09", "2101234567", None]})
    >>> clean_numbers(people, "mobile")[["msisdn", "number_status", "number_problem"]]
             msisdn number_status                                 number_problem
    0  306912345678        mobile                                            NaN
    1  306912345678     duplicate                    the same number as in row 0
    2           NaN       invalid  lost digits: 6.91235E+09 shows 6 of 10 digits
    3  302101234567    fixed_line                     a fixed line, not a mobile
    4           NaN         empty                              the cell is empty
    """
    home = known_region(region)
    names = new_names(frame, (*NUMBER_COLUMNS, *(["other_msisdns"] if split else [])), prefix=prefix, replace=replace)
    cells, knot = text_cells(pick(frame, column))
    unwanted = numbers_of(suppress, home)
    reading = read_cells(cells, knot, home, split=split)
    suppressed = pd.Series(reading.number).isin(unwanted).to_numpy()
    added = _columns(reading, suppressed)
    if split:
        added["other_msisdns"] = _other_numbers(reading, unwanted)
    return attach(frame, added, names)


def known_region(region: str) -> str:
    """The region as it is called in the tables of numbers."""
    found = region.upper() if isinstance(region, str) else region
    if found not in regions()[:-1]:
        msg = f"region={region!r} is no country with phone numbers. Give its ISO 3166 code of two letters, as in 'GR'."
        raise ConfigurationError(msg)
    return found


def numbers_of(suppress: Iterable[Any] | str | os.PathLike[str] | None, region: str) -> Ints:
    """The numbers that must not be contacted, as integers."""
    if suppress is None:
        return np.zeros(0, np.int64)
    if isinstance(suppress, str) or hasattr(suppress, "__fspath__"):
        listed = cells_of_file(suppress)
    elif isinstance(suppress, pd.Series):
        listed = suppress
    elif isinstance(suppress, Iterable) and not isinstance(suppress, (pd.DataFrame, bytes)):
        listed = pd.Series(list(suppress), dtype=object)
    else:
        msg = f"suppress is a {type(suppress).__name__}, no list. Give a Series, a list of numbers, or a file's path."
        raise ConfigurationError(msg)
    return numbers_in(text_cells(listed)[0], region)


def cells_of_file(path: Any) -> pd.Series:
    """Every cell of a file, its first line included: a list of numbers has no header, and a header has no numbers."""
    from isms_data.lists import read_list  # noqa: PLC0415 - the one file this module may read, and only if asked to

    frame = read_list(path)
    cells = [frame.columns.to_series(), *(frame[name] for name in frame.columns)]
    return pd.concat(cells, ignore_index=True)


def _columns(reading: Reading, suppressed: Flags) -> dict[str, ExtensionArray]:
    """The new columns of a reading."""
    status = np.where(reading.knot == Knot.EMPTY, _STATUSES.index(NumberStatus.EMPTY), statuses(reading.kind))
    again, first = _repeated(reading.number, np.flatnonzero(is_mobile(reading.kind) & ~suppressed))
    status[again] = _STATUSES.index(NumberStatus.DUPLICATE)
    status[suppressed] = _STATUSES.index(NumberStatus.SUPPRESSED)
    problem = _replaced(reading.problem, again, pc.binary_join_element_wise(_SAME, _text(first), _NOTHING))
    problem = _replaced(problem, np.flatnonzero(suppressed), _LISTED)
    return {
        "msisdn": _TEXT.__from_arrow__(_msisdns(reading.number)),
        "number_status": pd.Categorical.from_codes(status, dtype=_STATUS_DTYPE),
        "number_problem": _TEXT.__from_arrow__(problem),
        "country_code": countries(reading.region),
        "range_operator": pd.Categorical.from_codes(reading.holder, dtype=operator_dtype()),
    }


def _repeated(number: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """Of these rows those whose number came before, and the row where it came first.

    Sorting finds which numbers are repeated ten times faster than hashing all of them.
    """
    ordered = np.sort(number[rows])
    repeated = pd.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    rows = rows[pd.Series(number[rows]).isin(repeated).to_numpy()]
    code, distinct = pd.factorize(number[rows])
    first = np.empty(len(distinct), np.int64)
    first[code[::-1]] = rows[::-1]
    again = first[code] != rows
    return rows[again], first[code[again]]


def _replaced(texts: pa.Array, rows: Ints, others: pa.Array | pa.Scalar) -> pa.Array:
    """The texts with those of some rows, in ascending order, replaced."""
    mask = np.zeros(len(texts), np.bool_)
    mask[rows] = True
    return pc.replace_with_mask(texts, pa.array(mask), others) if len(rows) else texts


def _other_numbers(reading: Reading, unwanted: Ints) -> ExtensionArray:
    """The further numbers of each cell as lists; those that must not be contacted are left out."""
    wanted = ~pd.Series(reading.others).isin(unwanted).to_numpy()
    numbers, row = reading.others[wanted], reading.others_row[wanted]
    count = np.bincount(row, minlength=len(reading.number))
    ends = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
    offsets = pa.array(ends, mask=np.append(count == 0, False))
    return pd.array(pa.ListArray.from_arrays(offsets, pa.array(numbers).cast(pa.string())), dtype=pd.ArrowDtype(_LIST))


def _msisdns(number: Ints) -> pa.Array:
    return pa.array(number, mask=number == 0).cast(pa.large_string())


def _text(values: Ints) -> pa.Array:
    return pa.array(values).cast(pa.large_string())
