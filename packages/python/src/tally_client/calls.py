"""Tally's HTTP API without a network: what to send, and what an answer means. Both clients use it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from .errors import Denied, Refused, TallyError, Unavailable, error_of, unavailable
from .usage_event import new_id

T = TypeVar("T")

TIMEOUT_SECONDS = 5.0
"""For one call, its second attempt included."""
ATTEMPTS_MAX = 2
"""Every call is safe to repeat. One without an answer is tried once more: a kept-alive connection may just have closed."""

# What tells a caller whether and when to try again. Every other header concerns only the connection to Tally.
_PASSED_ON = re.compile(
    r"content-type|retry-after|retry-after-ms|x-should-retry|x-request-id|x-quota-.+|x-ratelimit-.+"
)
_JSON = {"content-type": "application/json"}
_EVENTS = {"content-type": "application/cloudevents-batch+json"}


@dataclass(frozen=True)
class Answer:
    """Any HTTP answer. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and how its answer is read."""

    method: str
    path: str
    read: Callable[[Answer], T]
    headers: Mapping[str, str]
    body: bytes | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class Remaining:
    """What other requests have left over, in US dollars; ``None`` where there is no such limit."""

    credits_usd: Decimal | None
    project_cap_usd: Decimal | None
    entity_cap_usd: Decimal | None


@dataclass(frozen=True)
class Reservation:
    """A request may run, and what it may cost is held."""

    id: str
    """Goes into the usage event as ``reservation_id``, which ends the hold once it is booked."""
    request_id: str
    project: str
    model: str
    hold_usd: Decimal
    expires_at: datetime
    remaining: Remaining
    degraded: bool
    """Redis or Postgres was down when Tally decided."""


@dataclass(frozen=True)
class Rejection:
    """An event that Tally refuses for good; ``index`` is its place in the report."""

    index: int
    code: str
    message: str


@dataclass(frozen=True)
class Receipt:
    """Tally's answer to a report."""

    accepted: int
    rejected: Sequence[Rejection]


def reserve(
    *,
    project: str,
    model: str | Sequence[str],
    input_tokens: int | None,
    input_bytes: int | None,
    max_output_tokens: int | None,
    input_count: int | None,
    output_count: int | None,
    service_tier: str | None,
    region: str | None,
    ttl_seconds: int | None,
) -> Call[Reservation]:
    request_id = new_id()
    asked = {
        "project": project,
        "model": model if isinstance(model, str) else list(model),
        "input_tokens": input_tokens,
        "input_bytes": input_bytes,
        "max_output_tokens": max_output_tokens,
        "input_count": input_count,
        "output_count": output_count,
        "service_tier": service_tier,
        "region": region,
        "request_id": request_id,
        "ttl_seconds": ttl_seconds,
    }
    body = _dump({name: value for name, value in asked.items() if value is not None})

    def read(answer: Answer) -> Reservation:
        try:
            if not answer.is_ok:
                raise denial_of(answer)
            return _read(answer, lambda value: _reservation(value, request_id))
        except (Refused, Unavailable) as error:
            # Something in between wrote the answer, such as a proxy that gave up, so Tally may have made the hold.
            if answer.is_ok or error_of(answer.body) is None:
                error.request_id = request_id
            raise

    return Call("POST", "/v1/quota/reservations", read, _JSON, body, request_id)


def release(reservation_id: str) -> Call[None]:
    return Call("POST", f"{_reservation_path(reservation_id)}/release", _read_nothing, {})


def release_request(project: str, request_id: str) -> Call[None]:
    body = _dump({"project": project, "request_id": request_id})
    return Call("POST", "/v1/quota/reservations/release", _read_nothing, _JSON, body)


def extend(reservation_id: str, ttl_seconds: int) -> Call[bool]:
    def read(answer: Answer) -> bool:
        if not answer.is_ok and answer.status != 404:
            raise refusal_of(answer)
        return answer.is_ok

    body = _dump({"ttl_seconds": ttl_seconds})
    return Call("POST", f"{_reservation_path(reservation_id)}/extend", read, _JSON, body)


def check(project: str, model: str | None) -> Call[None]:
    def read(answer: Answer) -> None:
        if not answer.is_ok:
            raise denial_of(answer)

    headers = {"openai-project": project} if model is None else {"openai-project": project, "x-model": model}
    return Call("GET", "/v1/quota/check", read, headers)


def send(events: Sequence[bytes]) -> Call[Receipt]:
    """``events`` are JSON already: what was written to disk goes out as it is."""

    def read(answer: Answer) -> Receipt:
        # Where none can be counted, the receipt says why of each.
        if not answer.is_ok and (answer.status != 422 or error_of(answer.body) is not None):
            raise refusal_of(answer)
        return _read(answer, _receipt)

    return Call("POST", "/v1/usage/events", read, _EVENTS, b"[" + b",".join(events) + b"]")


def denial_of(answer: Answer) -> TallyError:
    """A limit, a model without a price and Tally's own trouble are for the caller. Anything else this program did wrong."""
    error = error_of(answer.body)
    is_model = error is not None and error["code"] == "model_not_found"
    if answer.status not in (402, 429) and answer.status < 500 and not is_model:
        return refusal_of(answer)
    if error is None:
        return unavailable(f"Tally sent no error body with its status {answer.status}")
    headers = {name: value for name, value in answer.headers.items() if _PASSED_ON.fullmatch(name)}
    error_class = Unavailable if answer.status >= 500 else Denied
    return error_class(status=answer.status, headers=headers, body=answer.body)


def refusal_of(answer: Answer) -> Refused:
    error = error_of(answer.body) or {}
    message = str(error.get("message", f"Tally answered {answer.status}"))
    param = error.get("param")
    return Refused(
        str(error.get("code", "unreadable")),
        message,
        status=answer.status,
        param=param if isinstance(param, str) else None,
    )


def _reservation_path(reservation_id: str) -> str:
    return f"/v1/quota/reservations/{quote(reservation_id, safe='')}"


def _dump(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _read_nothing(answer: Answer) -> None:
    if not answer.is_ok:
        raise refusal_of(answer)


def _read(answer: Answer, read: Callable[[Any], T]) -> T:
    """What has another shape came from something else, such as a proxy in between."""
    try:
        return read(json.loads(answer.body))
    except (ValueError, KeyError, TypeError, ArithmeticError) as error:
        message = f"Tally's answer cannot be read: {error!r}"
        raise Refused("unreadable", message, status=answer.status) from error


def _reservation(value: Any, request_id: str) -> Reservation:
    remaining = value["remaining"]
    return Reservation(
        id=_text(value["id"]),
        request_id=request_id,
        project=_text(value["project"]),
        model=_text(value["model"]),
        hold_usd=Decimal(_text(value["hold_usd"])),
        expires_at=datetime.fromtimestamp(value["expires_at"], timezone.utc),
        remaining=Remaining(
            credits_usd=_amount_or_none(remaining["credits_usd"]),
            project_cap_usd=_amount_or_none(remaining["project_cap_usd"]),
            entity_cap_usd=_amount_or_none(remaining["entity_cap_usd"]),
        ),
        degraded=value.get("degraded") is True,
    )


def _receipt(value: Any) -> Receipt:
    rejected = [
        Rejection(index=int(each["index"]), code=_text(each["code"]), message=_text(each["message"]))
        for each in value["rejected"]
    ]
    return Receipt(accepted=int(value["accepted"]), rejected=rejected)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _amount_or_none(value: Any) -> Decimal | None:
    return None if value is None else Decimal(_text(value))
