"""The format of the outbox's files, the same as that of Tally's client for Node: one record a line,
``<crc32 of the JSON, 8 hex digits> <its length in bytes> <JSON>\\n``. JSON has no line breaks, so a reader finds the next record
after a damaged one.
"""

from __future__ import annotations

import re
from zlib import crc32

_HEADER = re.compile(rb"([0-9a-f]{8}) (\d{1,9}) ")


def encode_record(json: bytes) -> bytes:
    return b"%08x %d %s\n" % (crc32(json), len(json), json)


def record_length(json: bytes) -> int:
    """How long ``encode_record`` makes it."""
    return 8 + 1 + len(str(len(json))) + 1 + len(json) + 1


def decode_segment(content: bytes) -> tuple[list[bytes], list[int]]:
    """Every record that is whole, and where one cannot be read.

    A record that a crash cut off at the end is not among the damaged: its report had not returned.
    """
    records: list[bytes] = []
    damaged: list[int] = []
    offset = 0
    while offset < len(content):
        json = _record_at(content, offset)
        if json is not None:
            records.append(json)
            offset = content.index(b" ", offset + 9) + 1 + len(json) + 1
            continue
        newline = content.find(b"\n", offset)
        if newline == -1:
            break
        damaged.append(offset)
        offset = newline + 1
    return records, damaged


def _record_at(content: bytes, offset: int) -> bytes | None:
    header = _HEADER.match(content, offset)
    if header is None:
        return None
    start = header.end()
    end = start + int(header[2])
    json = content[start:end]
    if end > len(content) or crc32(json) != int(header[1], 16):
        return None
    return json
