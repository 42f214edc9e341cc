"""Whether a run lives: its process where that can be looked for, else a lease that it renews.

Times are whole microseconds since 1970 (UTC), as in the journal.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

LEASE_S: Final = 60.0
"""A run that has not renewed its lease for so long is taken for dead by another machine."""

LIVE: Final[set[str]] = set()
"""The runs of this very process, so that a run that ended here is not taken for alive because the process is."""


def lease_end(now: int) -> int:
    """When a lease that is renewed now runs out; `now` is by the journal's clock."""
    return now + int(LEASE_S * 1_000_000)


def lives(host: str, pid: int, born: str, lease_end: int, *, here: str, now: int) -> bool:
    """Whether the process of another run lives: on this machine it is looked for, elsewhere its lease decides.

    `here` is what the journal calls this machine, `now` the time by its clock. A process that is stopped lives, however
    old its lease: it may yet send the call that it has claimed.
    """
    if host != here:
        return lease_end > now
    if pid == os.getpid():
        return False
    return born_of(pid) == born if born else lease_end > now


def machine() -> str:
    """The name of this machine, and within it of this world of process numbers, as no other is called.

    Several machines may have one name, and containers on one machine count their processes each for themselves: where
    they share a journal, a process must not be looked for in the wrong one.
    """
    marks = [socket.gethostname(), _boot()]
    with suppress(OSError):
        marks.append(str(Path("/proc/self/ns/pid").readlink()))
    return "/".join(filter(None, marks))


def born_of(pid: int) -> str:
    """What tells a process from a later one of the same number: boot and start; empty where it cannot be known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()  # from field 3 on, behind the name in parentheses
    boot = _boot()
    return f"{boot}/{fields[19]}" if boot and fields[0] not in "ZX" else ""  # a zombie is dead, though not reaped


def _boot() -> str:
    """What tells this boot of the machine from another, and from other machines; empty where it cannot be known."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=LIVE.clear)
