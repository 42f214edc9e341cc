"""How a run shows where it is: numbers answered and credits spent, on one line or as a notebook's bar.

The run counts; the door that was used draws, in the caller's own thread, because a notebook's widgets belong to it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import warnings
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

REDRAW_S: Final = 0.2


@dataclass
class Progress:
    """Where a run is. `shown` is set by the run, from the account's settings."""

    title: str = ""
    total: int = 0
    done: int = 0
    credits: Decimal = Decimal(0)
    shown: bool = False
    _bar: Any = None

    def draw(self) -> None:
        """Bring the bar up to date; the first time there is something to show, make it."""
        if not self.shown or not self.total:
            return
        try:
            self._bar = self._bar if self._bar is not None else _bar(self.title, self.total)
            self._bar.n = self.done
            self._bar.set_postfix_str(f"{self.credits:f} credits", refresh=False)
            self._bar.refresh()
        except Exception as error:  # noqa: BLE001 - a closed terminal, say: no bar is worth breaking off paid work
            self.shown = False
            logging.getLogger("isms_data").info("the progress bar cannot be drawn (%s); the run goes on", error)

    def close(self) -> None:
        """Leave the bar as it is and stop drawing."""
        if self._bar is not None:
            self.draw()
            self._bar.close()
            self.shown = False


_drawn_by_door: ContextVar[Progress | None] = ContextVar("_drawn_by_door", default=None)


@contextmanager
def drawn_here() -> Iterator[Progress]:
    """For a blocking door: the run started in this context counts here, and the door draws."""
    progress = Progress()
    token = _drawn_by_door.set(progress)
    try:
        yield progress
    finally:
        _drawn_by_door.reset(token)
        progress.close()


@asynccontextmanager
async def counted(title: str, *, shown: bool) -> AsyncIterator[Progress]:
    """For a run: where it counts. Where no door draws, a task of the run's own loop does."""
    progress = _drawn_by_door.get()
    if progress is not None:
        progress.title, progress.shown = title, shown
        yield progress
        return
    progress = Progress(title, shown=shown)
    painter = asyncio.create_task(_paint(progress))
    try:
        yield progress
    finally:
        painter.cancel()
        progress.close()


async def _paint(progress: Progress) -> None:
    while True:
        progress.draw()
        await asyncio.sleep(REDRAW_S)


def _bar(title: str, total: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm warns where a notebook has no ipywidgets, and draws text then
        from tqdm.auto import tqdm  # noqa: PLC0415 - costs a tenth of the import of pandas, and only runs need it
    return tqdm(desc=title, total=total, unit=" numbers", disable=not (_in_notebook() or sys.stderr.isatty()))


def _in_notebook() -> bool:
    """Whether a kernel runs this program: only then is there a page to draw on."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")
