"""Hands what threads have done over to an event loop: all of one moment together, since each waking costs a system call."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from concurrent.futures import Future


class LoopWakeups:
    """Of one event loop, which runs."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._done: deque[tuple[asyncio.Future[None], Future[None]]] = deque()
        self._is_woken = False

    def awaitable(self, future: Future[None]) -> asyncio.Future[None]:
        """Ends as ``future`` does. Cancelling it cancels nothing."""
        waiting = self._loop.create_future()
        future.add_done_callback(lambda done: self._note(waiting, done))
        return waiting

    def _note(self, waiting: asyncio.Future[None], done: Future[None]) -> None:
        with self._lock:
            self._done.append((waiting, done))
            if self._is_woken:
                return
            self._is_woken = True
        # A loop that is closed waits for nothing any more.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._hand_over)

    def _hand_over(self) -> None:
        with self._lock:
            all_done, self._done = self._done, deque()
            self._is_woken = False
        for waiting, done in all_done:
            if waiting.done():
                continue
            error = done.exception()
            if error is None:
                waiting.set_result(None)
            else:
                waiting.set_exception(error)
