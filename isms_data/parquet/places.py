"""Where a table lies: a path of this machine, or an address in an object store such as `s3://bucket/out/hlr.parquet`.

A store is reached through fsspec and its driver, which read the credentials where the store's own tools have them (the
environment, a profile, the machine's role): none is given here. A `StorePath` answers as `pathlib.Path` does, as far as
this package asks.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from isms_data.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

DRIVERS: Final = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
"""The package that brings the driver of a store."""


@dataclass(frozen=True, order=True)
class StorePath:
    """An object in a store, or what the names of several begin with."""

    path: str
    """As its driver has it: without `s3://`."""
    store: Any = field(compare=False, repr=False)
    """The file system, of fsspec."""

    def __str__(self) -> str:
        return str(self.store.unstrip_protocol(self.path))

    def __truediv__(self, name: str) -> StorePath:
        return StorePath(f"{self.path.rstrip('/')}/{name}", self.store)

    def joinpath(self, *names: str) -> StorePath:
        """As `Path.joinpath`."""
        return self / "/".join(names) if names else self

    @property
    def scheme(self) -> str:
        """What stands before `://`."""
        return str(self).partition("://")[0]

    @property
    def name(self) -> str:
        """As `Path.name`."""
        return PurePosixPath(self.path).name

    @property
    def parts(self) -> tuple[str, ...]:
        """As `Path.parts`."""
        return PurePosixPath(self.path).parts

    @property
    def suffix(self) -> str:
        """As `Path.suffix`."""
        return PurePosixPath(self.path).suffix

    def with_name(self, name: str) -> StorePath:
        """As `Path.with_name`."""
        return StorePath(str(PurePosixPath(self.path).with_name(name)), self.store)

    def resolve(self) -> StorePath:
        """Itself: an address in a store is whole."""
        return self

    def exists(self) -> bool:
        """As `Path.exists`."""
        return bool(self.store.exists(self.path))

    def is_dir(self) -> bool:
        """Whether there are objects below it."""
        return bool(self.store.isdir(self.path))

    def is_file(self) -> bool:
        """Whether there is an object of that name."""
        return bool(self.store.isfile(self.path))

    def mkdir(self, **_: bool) -> None:
        """Nothing: a store has no folders."""

    def rglob(self, pattern: str) -> list[StorePath]:
        """The objects below it whose name fits."""
        below = [StorePath(path, self.store) for path in self.store.find(self.path)]
        return [each for each in below if fnmatchcase(each.name, pattern)]

    def unlink(self) -> None:
        """As `Path.unlink`."""
        self.store.rm_file(self.path)

    def open(self, mode: str) -> Any:
        """As `Path.open`, in binary."""
        return self.store.open(self.path, mode)

    def read_bytes(self) -> bytes:
        """As `Path.read_bytes`."""
        return bytes(self.store.cat_file(self.path))


Place = Path | StorePath
AnyPlace = TypeVar("AnyPlace", bound=Place)


def place(path: str | os.PathLike[str]) -> Place:
    """The place that a path or an address names; `file://` is a path of this machine.

    Raises
    ------
    ConfigurationError   it is in a store whose driver is not installed: what to install.

    Examples
    --------
    >>> place("out/hlr.parquet").name, place("file:///out/hlr.parquet").name
    ('hlr.parquet', 'hlr.parquet')
    """
    text = os.fspath(path)
    scheme, apart, _ = text.partition("://")
    if not apart or not scheme.isalnum():
        return Path(text)
    if scheme == "file":
        return Path(text.removeprefix("file://"))
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - an optional library

        store, inside = url_to_fs(text)
    except (ImportError, ValueError) as error:
        driver = DRIVERS.get(scheme)
        told = f"Install its driver with `pip install {driver}`." if driver else "Its driver for fsspec is missing."
        msg = f"{text!r} is in a store ({scheme}://) that cannot be reached from here: {error}. {told}"
        raise ConfigurationError(msg) from None
    return StorePath(inside, store)


def matches(pattern: str) -> tuple[Place, list[Place]]:
    """What fits a pattern such as `"out/2026-*.parquet"`, sorted, and the folder that its fixed beginning names."""
    root = place(pattern)
    if isinstance(root, StorePath):
        found: list[Place] = [StorePath(path, root.store) for path in sorted(root.store.glob(root.path))]
        fixed = str(next(each for each in PurePosixPath(root.path).parents if not _has_magic(str(each))))
        return StorePath(fixed, root.store), found
    import glob  # noqa: PLC0415 - most paths are no patterns

    found = [Path(path) for path in sorted(glob.glob(str(root), recursive=True))]  # noqa: PTH207 - Path.glob takes no absolute pattern
    return next(each for each in root.parents if not _has_magic(str(each))), found


def below(folder: AnyPlace, pattern: str) -> list[AnyPlace]:
    """What is in a folder, at any depth, under a name that fits; sorted."""
    return cast("list[AnyPlace]", sorted(folder.rglob(pattern), key=lambda each: each.parts))


@contextmanager
def readable(path: Place) -> Iterator[Any]:
    """What Arrow can read from: the path itself, or the object opened."""
    if isinstance(path, Path):
        yield path
        return
    with path.open("rb") as opened:
        yield opened


def _has_magic(text: str) -> bool:
    return any(sign in text for sign in "*?[")
