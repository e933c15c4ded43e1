"""What the reporter of some events waits for: that all of them are safe."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Lock


class PendingReport:
    """Resolves once each of ``count`` events is on disk or acknowledged; fails with the first that cannot be kept."""

    def __init__(self, count: int) -> None:
        self.future: Future[None] = Future()
        # Nobody can take back an event that was reported.
        self.future.set_running_or_notify_cancel()
        self._left = count
        self._lock = Lock()

    def note_safe(self) -> None:
        with self._lock:
            self._left -= 1
            is_last = self._left == 0 and not self.future.done()
        if is_last:
            self.future.set_result(None)

    def fail(self, error: Exception) -> None:
        with self._lock:
            if self.future.done():
                return
            self.future.set_exception(error)
