"""What one request used: a CloudEvents 1.0 object."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Literal, TypedDict

USAGE_EVENT_TYPE = "ai.inference.usage.v1"
EVENTS_MAX = 1_000
"""In one report over HTTP, and in one job of the queue."""

UsageSource = Literal["reported", "estimated"]

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_SUBJECT = re.compile(rf"{_NAME}/{_NAME}")
_TEXT_LENGTH_MAX = 256
_ID_LENGTH_MAX = 1_024
_NOT_PRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class UsageEvent(TypedDict):
    """As it goes over the wire. ``usage_event`` makes one."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    subject: str
    time: str
    data: dict[str, Any]


def usage_event(
    *,
    project: str,
    model: str,
    operation: str,
    usage: Mapping[str, Any],
    source: str = "/python",
    time: datetime | None = None,
    event_id: str | None = None,
    reservation_id: str | None = None,
    usage_source: UsageSource = "reported",
    usage_format: str | None = None,
    service_tier: str | None = None,
    region: str | None = None,
    attributes: Mapping[str, str] | None = None,
    api_key_id: str | None = None,
    user_id: str | None = None,
    request_id: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> UsageEvent:
    """The event of one request.

    ``project`` is ``entity/project``. ``usage`` is the object that the model server returned, untouched, in any shape that
    Tally reads, such as OpenAI's, Anthropic's or Gemini's. ``source`` names the program that reports. ``time`` is when the
    request ran, now where it is left out: at most 5 minutes ahead of Tally's clock and 35 days behind it.

    ``event_id`` is random where it is left out. Give one only to report the same fact again, such as from a file that is read
    twice, and never one that your caller can choose: two requests with one id are charged once.

    ``usage_source`` is ``estimated`` for a stream that was cut before the server said what it used.
    """
    if _SUBJECT.fullmatch(project) is None:
        raise ValueError(f"project must be entity/project, each {_NAME}, not {project!r}")
    moment = datetime.now(timezone.utc) if time is None else time
    if moment.tzinfo is None:
        raise ValueError("time must have a time zone")
    data: dict[str, Any] = {"model": model, "operation": operation, "usage": dict(usage)}
    optional = {
        "usage_format": usage_format,
        "service_tier": service_tier,
        "region": region,
        "attributes": None if attributes is None else dict(attributes),
        "reservation_id": reservation_id,
        "api_key_id": _printable(api_key_id, _TEXT_LENGTH_MAX),
        "user_id": _printable(user_id, _TEXT_LENGTH_MAX),
        "request_id": _printable(request_id, _ID_LENGTH_MAX),
    }
    data.update({name: value for name, value in optional.items() if value is not None})
    data["usage_source"] = usage_source
    if tags is not None:
        data["tags"] = dict(tags)
    return {
        "specversion": "1.0",
        "id": event_id if event_id is not None else new_id(),
        "source": source,
        "type": USAGE_EVENT_TYPE,
        "subject": project,
        "time": moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": data,
    }


def new_id() -> str:
    """For a request or an event: nobody else can know it before."""
    return str(uuid.uuid4())


def _printable(text: str | None, length_max: int) -> str | None:
    """Callers may send any text as these. It only describes the request, so a bad one is mended, not refused."""
    cut = _NOT_PRINTABLE.sub("\ufffd", (text or "")[:length_max])
    return cut or None
