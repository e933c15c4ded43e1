"""Two threads: one writes events to disk by group commit, the other sends them in batches. Neither waits for the other, and no
event loop waits for a disk or a network.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import ParamSpec

from ..calls import Rejection
from ..errors import OutboxError, Refused
from ..log import log, reason_of
from ..usage_event import EVENTS_MAX, UsageEvent
from .disk import Disk
from .disk_store import DiskStore
from .pending_report import PendingReport
from .segment import Record

P = ParamSpec("P")

Deliver = Callable[[Sequence[bytes]], Sequence[Rejection]]
"""Hands events over as JSON. Returns those that are refused for good, raises where all of them should be sent again."""
OnFailure = Callable[[Exception], None]
"""Called, in a thread of the outbox, for every delivery or write that failed and will be tried again."""
OnRefused = Callable[[UsageEvent, Refused], None]
"""Called, in a thread of the outbox, with an event that Tally refuses for good: it will not be charged."""

GATHER_SECONDS = 0.05
BACKOFF_SECONDS_MIN = 0.1
BACKOFF_SECONDS_MAX = 5.0
IDLE_SECONDS = 1.0
"""After this long without an event, what Tally has is deleted."""
ADOPT_SECONDS = 10.0
"""How often the outbox looks for what processes left behind that are gone."""
LAST_WRITE_SECONDS_MAX = 5.0
_FINAL_STATUSES = (400, 413, 422)


def log_failure(error: Exception) -> None:
    code = getattr(error, "code", type(error).__name__)
    log(logging.WARNING, "usage events wait in the outbox", code=code, reason=reason_of(error))


def log_refused(event: UsageEvent, error: Refused) -> None:
    fields = {"event_id": event["id"], "subject": event["subject"], "code": error.code, "reason": str(error)}
    log(logging.ERROR, "Tally refused a usage event", **fields)


class Outbox:
    """Events below ``directory``, in a folder of this process's own.

    ``bytes_max`` bounds what is on disk, ``waiting_count_max`` what no fsync has covered yet. Beyond them ``add`` raises
    ``outbox_full``.
    """

    def __init__(
        self,
        directory: str | Path,
        deliver: Deliver,
        *,
        bytes_max: int = 1024**3,
        waiting_count_max: int = 20_000,
        gather_seconds: float = GATHER_SECONDS,
        on_failure: OnFailure = log_failure,
        on_refused: OnRefused = log_refused,
        disk: Disk | None = None,
    ) -> None:
        self._deliver = deliver
        self._gather_seconds = gather_seconds
        self._on_failure = on_failure
        self._on_refused = on_refused
        self._store = DiskStore(
            Path(directory),
            disk=disk if disk is not None else Disk(),
            bytes_max=bytes_max,
            waiting_count_max=waiting_count_max,
            on_failure=on_failure,
        )
        self._pid = os.getpid()
        self._closing = threading.Event()
        """No more events are taken."""
        self._abandoned = threading.Event()
        """No more events are sent."""
        self._writer = threading.Thread(target=self._write_all, name="tally-outbox-writer", daemon=True)
        self._sender = threading.Thread(target=self._send_all, name="tally-outbox-sender", daemon=True)
        self._writer.start()
        self._sender.start()
        atexit.register(self.close, 0.0)

    @staticmethod
    def encode(event: UsageEvent) -> bytes:
        return json.dumps(event, separators=(",", ":"), allow_nan=False).encode()

    def add(self, events: Sequence[UsageEvent]) -> Future[None]:
        """Resolves when the events are safe. Takes microseconds, so an event loop may call it."""
        if self._closing.is_set():
            raise OutboxError("outbox_closed", "The outbox is closed")
        if self._pid != os.getpid():
            raise OutboxError(
                "outbox_closed", "The outbox was opened before a fork: open one in each process"
            )
        report = PendingReport(len(events))
        if not events:
            report.future.set_result(None)
            return report.future
        self._store.add([Record(self.encode(event), report) for event in events])
        return report.future

    def fill_ratio(self) -> float:
        """From 0 to 1. Admit no more requests above 0.9, say, before their events find no room."""
        return self._store.fill_ratio()

    def close(self, seconds: float = 10.0) -> None:
        """Writes what is not written, and delivers for at most ``seconds``. What is then left is sent by the next process."""
        if self._closing.is_set():
            return
        atexit.unregister(self.close)
        self._closing.set()
        self._wake()
        self._sender.join(seconds)
        self._abandoned.set()
        self._wake()
        self._writer.join(LAST_WRITE_SECONDS_MAX)
        with self._store.lock:
            lost = [record for _, record in self._store.unsynced if not record.is_settled]
        for record in lost:
            if record.report is not None:
                record.report.fail(
                    OutboxError("outbox_closed", "The outbox closed before the event was safe")
                )

    def _wake(self) -> None:
        with self._store.lock:
            self._store.to_write.notify_all()
            self._store.to_send.notify_all()

    def _write_all(self) -> None:
        store, failures = self._store, 0
        while True:
            with store.lock:
                store.to_write.wait_for(lambda: store.unsynced or self._abandoned.is_set())
                group = store.next_group()
            if group is None:
                return
            try:
                store.write(*group)
                failures = 0
            except Exception as error:
                self._tell(self._on_failure, error)
                if self._abandoned.wait(_backoff(failures)):
                    return
                failures += 1

    def _send_all(self) -> None:
        try:
            self._send_until_closed()
        finally:
            # The folder is another process's from here on.
            self._writer.join()
            self._store.retire_settled(seals=True)
            self._store.close()

    def _send_until_closed(self) -> None:
        """One batch at a time, oldest first. A batch that is refused as a whole is halved until the event at fault is alone."""
        store, failures, batch_count = self._store, 0, EVENTS_MAX
        adopted_at = -ADOPT_SECONDS
        while not self._abandoned.is_set():
            batch: list[Record] = []
            try:
                if time.monotonic() - adopted_at >= ADOPT_SECONDS:
                    adopted_at = time.monotonic()
                    store.adopt()
                if not self._gather():
                    if self._closing.is_set():
                        self._abandoned.set()
                        self._wake()
                    continue
                batch = store.oldest(batch_count)
                rejected = self._deliver([record.json for record in batch]) if batch else []
            except Exception as error:
                self._tell(self._on_failure, error)
                if not _is_final(error):
                    self._abandoned.wait(_backoff(failures))
                    failures += 1
                elif len(batch) > 1:
                    batch_count = -(-len(batch) // 2)
                else:
                    self._settle(batch, [Rejection(0, getattr(error, "code", "refused"), str(error))])
                continue
            if batch and not self._abandoned.is_set():
                self._settle(batch, rejected)
            failures, batch_count = 0, EVENTS_MAX

    def _gather(self) -> bool:
        """Waits until events are there, and a moment for more. False where none came within ``IDLE_SECONDS``."""
        store = self._store
        with store.lock:
            store.to_send.wait_for(lambda: not store.is_empty() or self._closing.is_set(), IDLE_SECONDS)
            is_idle, is_busy = store.is_empty(), store.is_busy()
        if is_idle:
            store.retire_settled(seals=True)
        elif not is_busy:
            self._closing.wait(self._gather_seconds)
        return not is_idle

    def _settle(self, batch: Sequence[Record], rejected: Sequence[Rejection]) -> None:
        """The one place where an event leaves the outbox after its delivery."""
        reasons = {rejection.index: rejection for rejection in rejected}
        unsafe = set(map(id, self._store.settle(batch)))
        for index, record in enumerate(batch):
            reason = reasons.get(index)
            is_told = record.report is None or id(record) not in unsafe
            if reason is None:
                if record.report is not None and not is_told:
                    record.report.note_safe()
                continue
            error = Refused(reason.code, reason.message)
            if record.report is not None and not is_told:
                record.report.fail(error)
            self._tell(self._on_refused, json.loads(record.json), error)

    def _tell(self, callback: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception as error:
            log(logging.ERROR, "a callback of the outbox failed", reason=repr(error))


def _backoff(failures: int) -> float:
    ceiling = min(BACKOFF_SECONDS_MIN * 2.0 ** min(failures, 16), BACKOFF_SECONDS_MAX)
    return ceiling * (0.5 + random.random() / 2)  # noqa: S311 -- no secret


def _is_final(error: Exception) -> bool:
    """The same events would get these answers again. Anything else, even a revoked key, may be put right while they wait."""
    return isinstance(error, Refused) and error.status in _FINAL_STATUSES
