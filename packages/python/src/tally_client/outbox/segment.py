"""A part of the outbox on disk: some thousand events that are written, sent and deleted together."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .pending_report import PendingReport


@dataclass(eq=False)
class Record:
    json: bytes
    report: PendingReport | None = None
    """None for what an earlier process left, or what was read from disk again."""
    is_synced: bool = False
    is_settled: bool = False
    is_safe: bool = False
    """One of these two, and its reporter has been told."""


@dataclass(eq=False)
class Segment:
    paths: list[Path] = field(default_factory=list)
    """More than one after a disk error: what no fsync has covered is written again, to another file."""
    records: list[Record] | None = field(default_factory=list)
    """None while they are only on disk."""
    file: int | None = None
    bytes: int = 0
    settled_count: int = 0
    unsynced_count: int = 0
    is_being_written: bool = False
    is_sealed: bool = False
    is_damaged: bool = False
    read_failures: int = 0

    @property
    def is_settled(self) -> bool:
        return self.records is not None and self.settled_count >= len(self.records)
