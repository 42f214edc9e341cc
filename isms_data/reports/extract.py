"""An extract of the data with other groups: the largest under their names, all others as one.

What does not add up, percentiles and curves, needs the messages themselves to be worked out for several groups
together. So they are written once more, as Parquet in a temporary folder: only what a metric counts, no numbers and no
texts.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pyarrow as pa

from isms_data import tables
from isms_data.parquet.arrow_frames import to_arrow
from isms_data.parquet.files import METADATA_KEY
from isms_data.reports.delivery import NEEDS, SENT
from isms_data.reports.groups import listed, names_of
from isms_data.reports.merging import other, too_many, too_small
from isms_data.reports.nameless import holds_number
from isms_data.reports.source import ATHENS, ROWS, opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from isms_data.reports.merging import Marks
    from isms_data.reports.source import Source
    from isms_data.reports.stored import Data
    from isms_data.reports.wording import Language

GROUP: Final = "group"
"""What the one column to count by is called in an extract."""

KEPT: Final[Mapping[str, tuple[str, ...]]] = {
    "sent": ("outcome", "submitted_at", "scheduled_for"),
    "delivery": ("status", "final", "resolved_at", "latency"),
}
"""What delivery metrics count."""


@contextmanager
def in_few_groups(
    data: Data, by: str | Sequence[str], speak: Language, *, limit: int, fewest: int = 0, timezone: str = ATHENS
) -> Iterator[tuple[Data, list[str]]]:
    """Delivery data and what to count them by, so that groups are at most `limit`, and none smaller than `fewest`.

    With `fewest` groups in whose names a number is are not told apart either.
    Data that have few groups already are given back as they are.
    """
    keys = listed(by)
    with opened(data, needs=NEEDS, wants=KEPT, by=keys, timezone=timezone) as source:
        groups = _groups(source) if keys else pd.DataFrame({"messages": []})
        hidden = names_of(groups, keys, speak).map(holds_number).to_numpy(bool) if fewest else None
        marked = _marked(groups["messages"], limit, fewest, hidden)
        if marked.any():
            with TemporaryDirectory(prefix="isms_") as folder:
                path = Path(folder) / "rows.parquet"
                _write(source, _names(groups, keys, marked, speak), path)
                yield path, [GROUP]
            return
    yield data, keys


def _marked(sizes: pd.Series, limit: int, fewest: int, hidden: Marks | None) -> Marks:
    """The groups to put together; the small ones take no place away from the others."""
    small = too_small(sizes, fewest=fewest)
    if hidden is not None:
        small |= hidden
    return small | too_many(sizes.mask(small, 0), limit)


def _groups(source: Source) -> pd.DataFrame:
    return source.restored(source.query(_groups_sql(source)), then=["isms_place"])


def _groups_sql(source: Source) -> str:
    counted_by = f"SELECT {source.keys}, count(*) AS messages FROM {ROWS} WHERE {SENT} GROUP BY ALL"  # noqa: S608 - ours
    return f"SELECT *, row_number() OVER (ORDER BY {source.keys}) AS isms_place FROM ({counted_by})"  # noqa: S608 - ours


def _names(groups: pd.DataFrame, keys: list[str], marked: Marks, speak: Language) -> pd.Categorical[Any]:
    """Each group's name by its place, the largest first and what was put together last."""
    names = names_of(groups, keys, speak)
    last = other(int(marked.sum()), speak)
    largest = groups["messages"].mask(marked, -1).sort_values(ascending=False, kind="stable").index
    order = [*dict.fromkeys(names[largest][~marked[largest]]), last]
    by_place = names.mask(marked, last).set_axis(groups["isms_place"]).sort_index()
    return pd.Categorical(by_place, categories=list(dict.fromkeys(order)))


def _write(source: Source, names: pd.Categorical[Any], path: Path) -> None:
    """The messages with the names of their groups, batch by batch."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - importing the package must stay cheap

    columns = {name: tables.SCHEMAS[table].field(name).type for table, named in KEPT.items() for name in named}
    categories = pa.array(names.categories.tolist(), pa.large_string())
    schema = pa.schema([*columns.items(), (GROUP, pa.dictionary(pa.int32(), pa.large_string()))], _layout(names))
    alike = " AND ".join(f"r.{key} IS NOT DISTINCT FROM g.{key}" for key in source.keys.split(", "))
    listed_sql = ", ".join(f"r.{name}" for name in columns)
    joined = f"{ROWS} AS r JOIN ({_groups_sql(source)}) AS g ON {alike}"
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer:
        for batch in source.batches(f"SELECT {listed_sql}, g.isms_place FROM {joined} WHERE {SENT}"):  # noqa: S608 - ours
            places = batch.column("isms_place").to_numpy() - 1
            group = pa.DictionaryArray.from_arrays(pa.array(names.codes[places], pa.int32()), categories)
            arrays = [batch.column(name).cast(kind) for name, kind in columns.items()]
            writer.write_batch(pa.record_batch([*arrays, group], schema=schema))


def _layout(names: pd.Categorical[Any]) -> dict[bytes, bytes]:
    """What keeps the order of the groups, as `tables.save_table` writes it down."""
    ours = {name: tables.empty(table, 0)[name] for table, named in KEPT.items() for name in named}
    _, layout = to_arrow(pd.DataFrame(ours | {GROUP: names[:0]}))
    return {METADATA_KEY: json.dumps({"layout": layout}).encode()}
