"""Pseudonyms in place of numbers, the same for the same number wherever the same key is used; pure.

A pseudonym is a keyed hash (BLAKE2b), so that nobody without the key can tell whose it is, not even by trying every
number there is: there are too few of them for a hash without a key. Whoever has the key can do just that, so a frame
is pseudonymous as long as the key exists, and anonymous, as far as its other columns allow, once it is gone.
"""

from __future__ import annotations

import warnings
from base64 import b32encode
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from isms_data import columns as named
from isms_data.cleaning.dialling import split_code
from isms_data.cleaning.digits import Digits
from isms_data.errors import ColumnError, ConfigurationError, IsmsWarning
from isms_data.networks import home_network

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pandas.arrays import ArrowExtensionArray

MARK: Final = "p_"
"""How a pseudonym begins, so that nobody takes one for a number."""

DIGEST_BYTES: Final = 15
"""Of a billion numbers, two share one with a chance of 1 in 10^18."""

LETTERS: Final = DIGEST_BYTES * 8 // 5
"""Of base 32, so many without a filler."""

KEY_BYTES: Final = 16
"""The shortest key: 128 bits cannot be found by trying."""

IMSI: Final = "imsi"
EXCHANGE: Final = "serving_msc"

PERSONAL: Final = ("msisdn", "other_msisdns", IMSI, EXCHANGE)
"""Columns of this package's tables that name a person or a place; one that is left as it is is remarked upon."""

_MSISDN: Final = r"^[1-9][0-9]{4,14}$"


def pseudonymise(frame: pd.DataFrame, columns: str | Iterable[str], key: bytes | str) -> pd.DataFrame:
    """Put pseudonyms in place of numbers, so that frames can still be joined and nobody can be called.

    The same number under the same key is the same pseudonym, in any column of any frame. Rows, index, order and dtypes
    stay; a null stays null. Columns that are not named stay as they are.

    Parameters
    ----------
    frame : DataFrame
        The caller's frame is not changed.
    columns : str or list of str
        Columns of MSISDNs, as text, words or lists of text. Two kinds are shortened instead, by their names: `imsi` to
        its MCC-MNC, and `serving_msc` to its country's calling code; with a prefix (`hlr_imsi`) too.
    key : bytes or str
        At least 16 bytes; make it with `secrets.token_bytes(32)` and keep it apart from the data. It is written
        nowhere.

    Returns
    -------
    DataFrame
        The named columns with, in their dtypes: `p_` and 24 letters or digits for a number; five or six digits for an
        IMSI, null where no table knows how long its network code is; one to three digits for an exchange, null where no
        country has its address.

    Raises
    ------
    ConfigurationError   the key is too short, or neither bytes nor text. It is not quoted.
    ColumnError          a column is missing, or holds anything but text.

    Warns
    -----
    IsmsWarning   a named column has values that are no MSISDNs: the same number in another spelling gets another
                  pseudonym, so clean it first. Or a column of numbers, IMSIs or exchanges was not named.

    Notes
    -----
    Cost: none; each distinct value is hashed once. Repeatable: yes, the same key gives the same pseudonyms. A text may
    name a person too (`text` of a personal message, names, comments): nothing is looked for in it. Drop such columns.
    Source: docs/privacy.md.

    Examples
    --------
    >>> frame = pd.DataFrame({"msisdn": ["306970000001", None], "imsi": ["202011234567890", None]})
    >>> pseudonymise(frame, ["msisdn", "imsi"], key=b"an example of a key")
                           msisdn   imsi
    0  p_7dq47vool6f7b5pidrfazjbb  20201
    1                         NaN    NaN
    """
    chosen = [columns] if isinstance(columns, str) else list(columns)
    pseudonyms = _Pseudonyms(key)
    found = frame.copy(deep=False)
    for name in chosen:
        found[name] = _replaced(named.pick(frame, name), name, pseudonyms)
    for remark in [*pseudonyms.remarks, *_left_out(found, chosen)]:
        warnings.warn(remark, IsmsWarning, stacklevel=2)
    return found


class _Pseudonyms:
    """Makes pseudonyms under one key."""

    def __init__(self, key: bytes | str) -> None:
        if not isinstance(key, (bytes, str)):
            msg = f"key is a {type(key).__name__}. Give bytes, as secrets.token_bytes(32) makes them."
            raise ConfigurationError(msg)
        raw = key.encode() if isinstance(key, str) else key
        if len(raw) < KEY_BYTES:
            msg = f"key has {len(raw)} bytes, fewer than {KEY_BYTES}. Make one with secrets.token_bytes(32)."
            raise ConfigurationError(msg)
        fitting = raw if len(raw) <= blake2b.MAX_KEY_SIZE else blake2b(raw).digest()
        self.remarks: list[str] = []
        """What the caller should know."""
        self._keyed = blake2b(key=fitting, digest_size=DIGEST_BYTES, person=b"isms_data number")

    def of(self, numbers: Iterable[str]) -> list[str]:
        """The pseudonym of each number; all digests are spelt in one go, which is quicker than one by one."""
        letters = b32encode(b"".join(map(self._digest, numbers))).decode("ascii").lower()
        return [MARK + letters[at : at + LETTERS] for at in range(0, len(letters), LETTERS)]

    def _digest(self, number: str) -> bytes:
        hashed = self._keyed.copy()
        hashed.update(number.encode())
        return hashed.digest()


def _replaced(series: pd.Series, name: str, pseudonyms: _Pseudonyms) -> pd.Series:
    """The column with something else in place of each value, in its own dtype."""
    if isinstance(series.dtype, pd.ArrowDtype) and pa.types.is_list(series.dtype.pyarrow_dtype):
        return pd.Series(_lists(series, name, pseudonyms), index=series.index)
    texts = named.pick_text(series.to_frame(name), name)
    if texts.isna().all():
        return series
    codes, distinct = pd.factorize(texts)
    others = _others(pa.array(distinct, pa.large_string()), name, pseudonyms)
    values = others.take(pa.array(codes, mask=codes < 0)).to_pylist()
    if isinstance(series.dtype, pd.CategoricalDtype):
        words = pd.Index(sorted(set(others.drop_null().to_pylist())), dtype="str")
        return pd.Series(pd.Categorical(values, categories=words), index=series.index)
    return pd.Series(values, index=series.index, dtype=series.dtype)


def _lists(series: pd.Series, name: str, pseudonyms: _Pseudonyms) -> ArrowExtensionArray:
    lists = pa.chunked_array(pa.array(series)).combine_chunks()
    if not _is_text(lists.type.value_type):
        msg = f"column {name!r} holds lists of {lists.type.value_type}. Clean it first with isms.clean_numbers."
        raise ColumnError(msg)
    encoded = pc.dictionary_encode(lists.flatten())
    values = _others(encoded.dictionary, name, pseudonyms).cast(lists.type.value_type).take(encoded.indices)
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    offsets = pa.array(np.append(0, np.cumsum(lengths)), pa.int32())
    return pd.arrays.ArrowExtensionArray(pa.ListArray.from_arrays(offsets, values, lists.type, mask=lists.is_null()))


def _others(values: pa.Array, name: str, pseudonyms: _Pseudonyms) -> pa.Array:
    """What stands in place of each of the distinct values of a column of that name."""
    if name == IMSI or name.endswith(f"_{IMSI}"):
        homes = map(home_network, values.to_pylist())
        return pa.array([f"{home.mcc}{home.mnc}" if home.mnc else None for home in homes], pa.large_string())
    if name == EXCHANGE or name.endswith(f"_{EXCHANGE}"):
        codes = split_code(Digits.of(values.cast(pa.large_string()))).code.tolist()
        return pa.array([str(code) if code else None for code in codes], pa.large_string())
    pseudonyms.remarks += _spellings(values, name)
    return pa.array(pseudonyms.of(values.to_pylist()), pa.large_string())


def _spellings(values: pa.Array, name: str) -> list[str]:
    """A number that is spelt in two ways gets two pseudonyms, and nobody would see it."""
    odd = len(values) - (pc.sum(pc.match_substring_regex(values, _MSISDN)).as_py() or 0)
    remark = (
        f"{odd:,} of {len(values):,} distinct values in column {name!r} are no MSISDNs (digits, calling code first). "
        "They got pseudonyms as they are, and the same number in another spelling gets another one. Clean the column "
        "first with isms.clean_numbers."
    )
    return [remark] if odd else []


def _left_out(frame: pd.DataFrame, chosen: list[str]) -> list[str]:
    left = [name for name in PERSONAL if name in frame.columns and name not in chosen]
    remark = f"not named, and so left with their personal data: {', '.join(left)}. Name them too, or drop them."
    return [remark] if left else []


def _is_text(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.large_string())
