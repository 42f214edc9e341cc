"""The plain doors: each public coroutine as a function that waits for it.

A loop of our own runs in one background thread, so the functions work in scripts and inside Jupyter's running loop
alike. Stop (Ctrl-C, the notebook's button) cancels the coroutine and then waits until it has put its affairs in order,
`STOP_WITHIN_S` at most: without that, messages would go on leaving behind the user's back.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import functools
import os
import threading
from concurrent.futures import CancelledError, Future, wait
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, TypeVar

from isms_data.progress import REDRAW_S, drawn_here

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from isms_data.progress import Progress

P = ParamSpec("P")
T = TypeVar("T")

STOP_WITHIN_S: Final = 9.0
"""How long a stop waits for the journal; the contract says that an interrupted cell ends within 10 s."""


def blocking(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """The coroutine function as a plain function with the same signature and docstring."""

    @functools.wraps(function)
    def plain(*args: P.args, **kwargs: P.kwargs) -> T:
        if threading.current_thread() is _thread.thread:
            msg = f"{function.__name__} was called inside a coroutine of this package; await isms.aio there instead."
            raise RuntimeError(msg)
        with drawn_here() as progress:
            return _Running(function(*args, **kwargs)).wait(progress)

    return plain


class _Running(Generic[T]):
    """A coroutine in the loop thread, and the future that holds its end."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self._task: asyncio.Task[T] | None = None
        self._end: Future[T] = Future()

    def wait(self, progress: Progress) -> T:
        """Its result. An interrupt, or any error out here, cancels it and waits until it has ended."""
        loop = _thread.running_loop()
        try:
            loop.call_soon_threadsafe(self._begin, context=contextvars.copy_context())
            while not self._end_within(REDRAW_S):
                progress.draw()
        except BaseException:
            loop.call_soon_threadsafe(self._cancel)
            self._end_within(STOP_WITHIN_S)
            raise
        return self._end.result()

    def _end_within(self, seconds: float) -> bool:
        return bool(wait([self._end], seconds).done)

    def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._coroutine)
        self._task.add_done_callback(self._settle)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _settle(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self._end.set_exception(CancelledError())
        elif (error := task.exception()) is not None:
            self._end.set_exception(error)
        else:
            self._end.set_result(task.result())


class _LoopThread:
    """One daemon thread with one event loop, made on first use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.thread: threading.Thread | None = None

    def running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                loop = _new_loop()
                self.thread = threading.Thread(target=loop.run_forever, name="isms_data", daemon=True)
                self.thread.start()
                self._loop = loop  # not before the thread runs: an interrupt in between would leave a loop that stands
            return self._loop

    def stop(self) -> None:
        """End the thread, at the interpreter's exit; what still runs is cancelled and comes to its end first."""
        if self._loop is not None and self.thread is not None:
            ended = asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop)
            wait([ended], STOP_WITHIN_S)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self.thread.join(STOP_WITHIN_S)
            if not self.thread.is_alive():
                self._loop.close()

    def forget(self) -> None:
        """In a forked child, where the thread does not exist: make a new one on the next use."""
        self._lock = threading.Lock()
        self._loop = self.thread = None


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _new_loop() -> asyncio.AbstractEventLoop:
    """A loop of uvloop where it is installed (a fifth less CPU per call), else asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 - an optional extra
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


_thread = _LoopThread()
atexit.register(_thread.stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_thread.forget)
