"""Logs of this package: one JSON line an event, under the logger ``tally``. No secrets and no bodies."""

from __future__ import annotations

import json
import logging

_logger = logging.getLogger("tally")


def log(level: int, message: str, **fields: object) -> None:
    line = {"level": logging.getLevelName(level).lower(), "msg": message, **fields}
    _logger.log(level, "%s", json.dumps(line, default=str))


def reason_of(error: BaseException) -> str:
    """What went wrong, down to what the operating system said."""
    cause = error.__cause__
    return f"{error}" if cause is None else f"{error}: {cause!r}"
