"""Files and folders that are replaced whole or not at all.

What is new is written beside the old under a hidden temporary name, forced to the disk, and renamed over it. Whoever
reads meanwhile sees the old one; a crash or a full disk leaves the old one as it was.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def replaced_file(target: Path) -> Iterator[Path]:
    """A path to write to; it becomes `target` when the block ends well, and vanishes when it does not."""
    fresh = _beside(target)
    try:
        with _said_clearly(target):
            yield fresh
            _to_disk(fresh)
            fresh.replace(target)
            _to_disk(target.parent)
    finally:
        fresh.unlink(missing_ok=True)


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """An empty folder to fill; it becomes `target` when the block ends well, and vanishes when it does not.

    A folder cannot be renamed over another that has files, so the old one steps aside first: for an instant there
    is none, and if the second rename fails the old one comes back.
    """
    fresh, aside = _beside(target), _beside(target)
    try:
        with _said_clearly(target):
            fresh.mkdir()
            yield fresh
            for path in (*fresh.rglob("*"), fresh):
                _to_disk(path)
            swap(fresh, target, aside)
            _to_disk(target.parent)
            shutil.rmtree(aside, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


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


def _beside(target: Path) -> Path:
    """A hidden name in the same folder, which is made if need be: a rename within one file system is one step."""
    with _said_clearly(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    return target.with_name(f".{target.name}.{uuid4().hex}.tmp")


@contextmanager
def _said_clearly(target: Path) -> Iterator[None]:
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
