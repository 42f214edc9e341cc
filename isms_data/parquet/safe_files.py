"""Files and folders that are replaced whole or not at all.

What is new is written beside the old under a hidden temporary name, forced to the disk, and renamed over it. Whoever
reads meanwhile sees the old one; a crash or a full disk leaves the old one as it was.

In an object store an object appears when it is complete, so a file is replaced whole there too; it is written here
first, and then put there. Nothing in a store can be renamed: the objects of a folder are put under a hidden name, and
when all are there the old ones are deleted and the new ones moved to their places. Whoever reads in those moments sees
a part of them, and a crash in them leaves the whole under the hidden name.
"""

from __future__ import annotations

import os
import shutil
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from isms_data.parquet.places import StorePath

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isms_data.parquet.places import Place

_UNFINISHED: Final = ".tmp"
"""How a hidden temporary name ends."""


@contextmanager
def replaced_file(target: Place, *, make_folder: bool = True) -> Iterator[Path]:
    """A path to write to; it becomes `target` when the block ends well, and vanishes when it does not.

    A folder that is not there is made, unless a task writes that may outlive its caller, who has taken it away.
    """
    if isinstance(target, StorePath):
        with _put(target) as fresh:
            yield fresh
        return
    fresh = _beside(target) if make_folder else target.with_name(_hidden(target))
    try:
        with _said_clearly(target):
            yield fresh
            _to_disk(fresh)
            fresh.replace(target)
            _to_disk(target.parent)
    finally:
        fresh.unlink(missing_ok=True)


def replaced_folder(target: Place) -> AbstractContextManager[Place]:
    """An empty folder to fill; it becomes `target` when the block ends well, and vanishes when it does not.

    Files are written in it by `replaced_file`, perhaps by other processes; what one that was killed left unfinished is
    taken away. A folder cannot be renamed over another that has files, so the old one steps aside first: for an instant
    there is none, and if the second rename fails the old one comes back.
    """
    return _moved(target) if isinstance(target, StorePath) else _swapped(target)


@contextmanager
def _swapped(target: Path) -> Iterator[Path]:
    fresh, aside = _beside(target), _beside(target)
    try:
        with _said_clearly(target):
            fresh.mkdir()
            yield fresh
            clear_unfinished(fresh)
            for path in (*fresh.rglob("*"), fresh):
                _to_disk(path)
            swap(fresh, target, aside)
            _to_disk(target.parent)
            shutil.rmtree(aside, ignore_errors=True)
    finally:
        _remove(fresh)


def clear_unfinished(folder: Place) -> None:
    """Take away what writers of files in this folder left that were killed."""
    for path in folder.rglob(f".*{_UNFINISHED}"):
        path.unlink()


def _remove(folder: Path) -> None:
    """Take a folder away, if it is there; under another name first, so that who still writes in it finds it gone."""
    gone = folder.with_name(_hidden(folder))
    with suppress(OSError):
        folder.rename(gone)
    for each in (gone, folder):
        shutil.rmtree(each, ignore_errors=True)


def swap(fresh: Path, target: Path, aside: Path) -> None:
    """Put one folder in the place of another, which steps aside, and comes back if the first cannot take its place."""
    with suppress(FileNotFoundError):
        target.rename(aside)
    try:
        fresh.rename(target)
    except OSError:
        if aside.exists():
            aside.rename(target)
        raise


@contextmanager
def _put(target: StorePath) -> Iterator[Path]:
    """A path of this machine; what is written to it becomes the object when the block ends well."""
    with TemporaryDirectory(prefix="isms_") as folder:
        fresh = Path(folder, "object")
        yield fresh
        with _said_clearly(target):
            target.store.put_file(str(fresh), target.path)


@contextmanager
def _moved(target: StorePath) -> Iterator[StorePath]:
    """A hidden place in the same store; its objects come to `target` when the block ends well."""
    staged, store = target.with_name(_hidden(target)), target.store
    try:
        yield staged
    except BaseException:
        if staged.exists():
            store.rm(staged.path, recursive=True)
        raise
    with _said_clearly(target):
        fresh = staged.rglob("*")
        if target.exists():
            store.rm(target.path, recursive=True)
        for each in fresh:
            store.mv(each.path, target.joinpath(*each.parts[len(staged.parts) :]).path)


def _beside(target: Path) -> Path:
    """A hidden name in the same folder, which is made if need be: a rename within one file system is one step."""
    with _said_clearly(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    return target.with_name(_hidden(target))


def _hidden(target: Place) -> str:
    return f".{target.name}.{uuid4().hex}{_UNFINISHED}"


@contextmanager
def _said_clearly(target: Place) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"{str(target)!r} could not be written ({error.strerror or error}). What was there before is unchanged."
        raise OSError(error.errno, msg) from error


def _to_disk(path: Path) -> None:
    """Force what was written there out of the caches; only POSIX systems can do that for a folder."""
    if path.is_dir() and os.name != "posix":
        return  # pragma: no cover - the tests run on POSIX systems
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
