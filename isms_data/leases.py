"""Whether a run lives: its process where that can be looked for, else a lease that it renews.

Times are whole microseconds since 1970 (UTC), as in the journal.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Final

LEASE_S: Final = 60.0
"""A run that has not renewed its lease for so long is taken for dead by another machine."""

LIVE: Final[set[str]] = set()
"""The runs of this very process, so that a run that ended here is not taken for alive because the process is."""


def lease_end() -> int:
    """When a lease that is renewed now runs out."""
    return _now() + int(LEASE_S * 1_000_000)


def lives(host: str, pid: int, born: str, lease_end: int) -> bool:
    """Whether the process of another run lives: on this machine it is looked for, elsewhere its lease decides.

    A process that is stopped lives, however old its lease: it may yet send the call that it has claimed.
    """
    if host != socket.gethostname():
        return lease_end > _now()
    if pid == os.getpid():
        return False
    return born_of(pid) == born if born else lease_end > _now()


def born_of(pid: int) -> str:
    """What tells a process from a later one of the same number: boot and start; empty where it cannot be known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()  # from field 3 on, behind the name in parentheses
    return "" if fields[0] in "ZX" else f"{boot}/{fields[19]}"  # a zombie is dead, though nobody has reaped it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=LIVE.clear)


def _now() -> int:
    return time.time_ns() // 1000
