"""What the outbox does with a disk. Each call is durable as far as it says. Tests bring a disk that fails."""

from __future__ import annotations

import os
from pathlib import Path


class Disk:
    def create(self, path: Path) -> int:
        """A new file, whose name survives a crash."""
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.sync_directory(path.parent)
        return file

    def append(self, file: int, content: bytes) -> None:
        """When it returns, the content survives a crash of the machine."""
        view = memoryview(content)
        while view:
            view = view[os.write(file, view) :]
        _sync(file)

    def sync_directory(self, path: Path) -> None:
        directory = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


# macOS has no fdatasync.
_sync = getattr(os, "fdatasync", os.fsync)
