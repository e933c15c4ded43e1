"""Events that wait on disk, first in, first out. They are written to segments while they are sent, and a segment is deleted when
Tally has all of it. Acknowledgements are not written down: after a crash, what is in the segments is sent again, and Tally counts
it once.

One lock guards everything. It is never held while a file is read or written.
"""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import OutboxError
from .directory_slot import left_behind, lock_slot
from .disk import Disk
from .segment import Record, Segment
from .segment_format import decode_segment, encode_record, record_length

SEGMENT_BYTES_MAX = 1024 * 1024
READ_COUNT_MAX = 5
_SEGMENT_NAME = re.compile(r"\d{12}\.segment")


class DiskStore:
    def __init__(
        self,
        directory: Path,
        *,
        disk: Disk,
        bytes_max: int,
        waiting_count_max: int,
        on_failure: Callable[[Exception], None],
    ) -> None:
        self.lock = threading.Lock()
        self.to_write = threading.Condition(self.lock)
        self.to_send = threading.Condition(self.lock)
        self.unsynced: deque[tuple[Segment, Record]] = deque()
        """What no fsync has covered, in the order of its segments."""
        self._disk = disk
        self._root = directory
        self._bytes_max = bytes_max
        self._waiting_count_max = waiting_count_max
        self._on_failure = on_failure
        self._segments: deque[Segment] = deque()
        self._bytes = 0
        self._last_number = 0
        self._slot = lock_slot(directory)
        for path in sorted(self._slot.path.iterdir()):
            if _SEGMENT_NAME.fullmatch(path.name):
                self._last_number = int(path.name[:12])
                found = _found(path)
                self._segments.append(found)
                self._bytes += found.bytes

    def add(self, records: Sequence[Record]) -> None:
        """All of them or none. Raises ``outbox_full`` where there is no room."""
        lengths = [record_length(record.json) for record in records]
        with self.lock:
            self._make_room(len(records), sum(lengths))
            for record, length in zip(records, lengths, strict=True):
                segment, waiting = self._segment_for_new()
                waiting.append(record)
                segment.bytes += length
                segment.unsynced_count += 1
                segment.is_sealed = segment.bytes >= SEGMENT_BYTES_MAX
                self._bytes += length
                self.unsynced.append((segment, record))
            self.to_write.notify()
            self.to_send.notify()

    def fill_ratio(self) -> float:
        with self.lock:
            return max(self._bytes / self._bytes_max, len(self.unsynced) / self._waiting_count_max)

    def is_empty(self) -> bool:
        """Nothing waits to be sent. Call it with the lock."""
        return all(segment.is_settled for segment in self._segments)

    def is_busy(self) -> bool:
        """More than one segment waits, so that no batch needs to wait for more. Call it with the lock."""
        return len(self._segments) > 1

    def oldest(self, count_max: int) -> list[Record]:
        """The oldest events; none where nothing waits. Raises where a file cannot be read now."""
        while True:
            with self.lock:
                segment = self._segments[0] if self._segments else None
                if segment is not None and segment.records is not None:
                    records = segment.records[segment.settled_count : segment.settled_count + count_max]
                    if records or not segment.is_sealed:
                        return records
            if segment is None:
                return []
            if segment.records is None:
                segment.records = self._load(segment)
            else:
                self.retire_settled()

    def settle(self, records: Sequence[Record]) -> list[Record]:
        """Tally has these, which ``oldest`` returned. Returns those that were not safe before."""
        with self.lock:
            unsafe = _newly_safe(records)
            for record in records:
                record.is_settled = True
            self._segments[0].settled_count += len(records)
        self.retire_settled()
        return unsafe

    def retire_settled(self, *, seals: bool = False) -> None:
        """Deletes what Tally has. ``seals``: also the last segment, which would otherwise take more events."""
        while True:
            with self.lock:
                segment = self._segments[0] if self._segments else None
                if segment is None or not segment.is_settled or segment.unsynced_count > 0:
                    return
                if segment.is_being_written:
                    return
                if not segment.is_sealed and not (seals and segment.records):
                    return
                segment.is_sealed = True
                self._segments.popleft()
                self._bytes -= segment.bytes
            self._delete(segment)

    def adopt(self) -> None:
        """Takes over what processes left behind that are gone. Call it while nothing is being sent."""
        for slot in left_behind(self._root, self._slot):
            for path in sorted(slot.path.iterdir()):
                if not _SEGMENT_NAME.fullmatch(path.name):
                    continue
                target = self._next_path()
                path.rename(target)
                self._disk.sync_directory(self._slot.path)
                found = _found(target)
                with self.lock:
                    self._segments.appendleft(found)
                    self._bytes += found.bytes

    def next_group(self) -> tuple[Segment, list[Record]] | None:
        """What ``write`` is to write next. Call it with the lock."""
        if not self.unsynced:
            return None
        segment = self.unsynced[0][0]
        segment.is_being_written = True
        return segment, [record for each, record in self.unsynced if each is segment]

    def write(self, segment: Segment, group: Sequence[Record]) -> None:
        """Raises where the disk fails: the group then still waits, for another file."""
        try:
            if segment.file is None:
                path = self._next_path()
                segment.file = self._disk.create(path)
                segment.paths.append(path)
            self._disk.append(segment.file, b"".join(encode_record(record.json) for record in group))
        except BaseException:
            # The file may lack any part of the group even if a later fsync succeeds.
            self._close_file(segment)
            with self.lock:
                segment.is_being_written = False
                self._drop_settled()
            raise
        with self.lock:
            unsafe = _newly_safe(group)
            for record in group:
                record.is_synced = True
            while self.unsynced and self.unsynced[0][1].is_synced:
                self.unsynced.popleft()[0].unsynced_count -= 1
            is_whole = segment.is_sealed and segment.unsynced_count == 0
            # Only the segment that is being sent and the one that is being written stay in memory.
            if is_whole and segment is not self._segments[0] and segment.settled_count == 0:
                segment.records = None
        for record in unsafe:
            if record.report is not None:
                record.report.note_safe()
        if is_whole:
            self._close_file(segment)
        with self.lock:
            segment.is_being_written = False

    def _close_file(self, segment: Segment) -> None:
        file, segment.file = segment.file, None
        if file is not None:
            os.close(file)

    def _drop_settled(self) -> None:
        """While the disk fails, only what Tally does not have is worth the memory."""
        kept: deque[tuple[Segment, Record]] = deque()
        for segment, record in self.unsynced:
            if record.is_settled:
                segment.unsynced_count -= 1
            else:
                kept.append((segment, record))
        self.unsynced = kept

    def close(self) -> None:
        for segment in self._segments:
            self._close_file(segment)
        self._slot.unlock()

    def _make_room(self, count: int, length: int) -> None:
        if len(self.unsynced) + count > self._waiting_count_max:
            self._drop_settled()
        if self._bytes + length <= self._bytes_max and len(self.unsynced) + count <= self._waiting_count_max:
            return
        message = f"{self._bytes} bytes of usage events are in {self._root}, and {len(self.unsynced)} events wait for it"
        raise OutboxError("outbox_full", message)

    def _segment_for_new(self) -> tuple[Segment, list[Record]]:
        last = self._segments[-1] if self._segments else None
        if last is None or last.is_sealed or last.records is None:
            last = Segment()
            self._segments.append(last)
        return last, last.records if last.records is not None else []

    def _next_path(self) -> Path:
        with self.lock:
            self._last_number += 1
            return self._slot.path / f"{self._last_number:012}.segment"

    def _load(self, segment: Segment) -> list[Record]:
        records: list[bytes] = []
        try:
            for path in segment.paths:
                found, damaged = decode_segment(path.read_bytes())
                records.extend(found)
                for offset in damaged:
                    self._report_damage(segment, f"{path} at byte {offset}")
        except OSError as error:
            segment.read_failures += 1
            if segment.read_failures < READ_COUNT_MAX:
                raise
            # A file that cannot be read must not hold up all that come after it.
            self._report_damage(segment, ", ".join(map(str, segment.paths)), error)
        return [Record(json, is_synced=True, is_safe=True) for json in records]

    def _report_damage(self, segment: Segment, where: str, cause: Exception | None = None) -> None:
        segment.is_damaged = True
        error = OutboxError(
            "outbox_damaged", f"Usage events cannot be read from {where}; the file is kept as *.damaged"
        )
        error.__cause__ = cause
        self._on_failure(error)

    def _delete(self, segment: Segment) -> None:
        """A damaged file is kept under another name, for a person to look at."""
        self._close_file(segment)
        for path in segment.paths:
            try:
                if segment.is_damaged:
                    path.rename(f"{path}.damaged")
                else:
                    path.unlink(missing_ok=True)
            except OSError as error:
                self._on_failure(error)


def _found(path: Path) -> Segment:
    """A file that an earlier process left."""
    return Segment(paths=[path], records=None, bytes=path.stat().st_size, is_sealed=True)


def _newly_safe(records: Sequence[Record]) -> list[Record]:
    unsafe = [record for record in records if not record.is_safe]
    for record in unsafe:
        record.is_safe = True
    return unsafe
