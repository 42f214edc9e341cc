"""The plain doors wait, work inside a running loop, and stop cleanly."""

from __future__ import annotations

import asyncio
import inspect
import signal
import subprocess
import sys
import threading

import pytest

from isms_data.blocking import blocking
from isms_data.progress import Progress


async def _double(number: int, *, plus: int = 0) -> int:
    """Twice the number."""
    await asyncio.sleep(0)
    if number < 0:
        msg = "negative"
        raise ValueError(msg)
    return 2 * number + plus


def test_blocking_returns_and_raises() -> None:
    """The plain function gives the coroutine's result, or its error."""
    double = blocking(_double)

    assert double(4, plus=1) == 9
    with pytest.raises(ValueError, match="negative"):
        double(-1)


def test_blocking_keeps_signature_and_docstring() -> None:
    """Help and completion show the coroutine's own signature."""
    double = blocking(_double)

    assert inspect.signature(double) == inspect.signature(_double)
    assert double.__doc__ == "Twice the number."
    assert not inspect.iscoroutinefunction(double)


async def test_blocking_inside_a_running_loop() -> None:
    """In a notebook a loop is running already; the plain function works all the same."""
    assert blocking(_double)(3) == 6


def test_blocking_inside_our_own_loop_is_refused() -> None:
    """A plain function called by a coroutine of this package would wait for itself for ever; it says so instead."""

    async def outer() -> int:
        return blocking(_double)(1)

    with pytest.raises(RuntimeError, match=r"isms\.aio"):
        blocking(outer)()


def test_blocking_timeout_of_the_coroutine_comes_out() -> None:
    """A TimeoutError of the coroutine is not mistaken for the door's own waiting."""

    async def late() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        blocking(late)()


def test_blocking_interrupt_waits_for_the_coroutine_to_end() -> None:
    """Ctrl-C cancels the coroutine, lets it put its affairs in order, and comes out as KeyboardInterrupt."""
    order: list[str] = []

    async def slow() -> None:
        threading.Timer(0.05, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)).start()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            order.append("in order")

    with pytest.raises(KeyboardInterrupt):
        blocking(slow)()

    assert order == ["in order"]


def test_blocking_error_outside_ends_the_coroutine_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong while waiting, the coroutine is not left running behind the caller's back."""
    order: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            order.append("in order")

    def broken(_: object) -> None:
        msg = "no drawing"
        raise MemoryError(msg)

    monkeypatch.setattr(Progress, "draw", broken)
    with pytest.raises(MemoryError, match="no drawing"):
        blocking(slow)()

    assert order == ["in order"]


def test_blocking_at_exit_ends_what_runs() -> None:
    """A coroutine that still runs when the interpreter ends is cancelled and comes to its end, without a complaint."""
    program = """
import asyncio, threading
from isms_data.blocking import blocking
started = threading.Event()
async def slow():
    started.set()
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.01)
        print("in order")
def waits():
    try:
        blocking(slow)()
    except BaseException:
        pass
threading.Thread(target=waits, daemon=True).start()
started.wait()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)  # noqa: S603

    assert (done.stdout, done.stderr) == ("in order\n", "")
