"""Lets several processes keep their events below one directory: each locks a folder of its own, ``0``, ``1``, …

A lock ends with its process, however that ends. What a process left behind goes to the next one that looks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import OutboxError

SLOTS_MAX = 256
_LOCK_FILE = "lock"


class DirectorySlot:
    """A locked folder. ``path`` holds the segments."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    def unlock(self) -> None:
        os.close(self._lock)


def lock_slot(root: Path) -> DirectorySlot:
    """The first folder that no other process uses. Makes it where it is missing."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    for number in range(SLOTS_MAX):
        path = root / str(number)
        path.mkdir(exist_ok=True, mode=0o700)
        slot = _try_lock(path)
        if slot is not None:
            return slot
    raise OutboxError(
        "outbox_locked", f"{SLOTS_MAX} processes keep their usage events in {root}: use another directory"
    )


def left_behind(root: Path, own: DirectorySlot) -> Iterator[DirectorySlot]:
    """The other folders that no living process uses, locked until the next one is asked for."""
    for path in sorted(root.iterdir()):
        if path == own.path or not path.name.isdigit():
            continue
        slot = _try_lock(path)
        if slot is None:
            continue
        try:
            yield slot
        finally:
            slot.unlock()


def _try_lock(path: Path) -> DirectorySlot | None:
    # Not on Windows: there the client works without an outbox.
    import fcntl  # noqa: PLC0415

    lock = os.open(path / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except OSError:
        os.close(lock)
        raise
    return DirectorySlot(path, lock)
