"""What can go wrong, one class for each thing that a program does about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import Any


class TallyError(Exception):
    """Everything that this package raises. ``code`` is Tally's error code, or one of this package's own."""

    code: str

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Refused(TallyError):
    """Tally refused what this program asked: its key, a malformed project, a used request id.

    It is never for the caller: a 401 passed on would tell the caller that its own key is bad.
    """

    request_id: str | None = None
    """Of a reservation whose answer is ``unreadable``: its hold may exist all the same."""

    def __init__(
        self, code: str, message: str, *, status: int | None = None, param: str | None = None
    ) -> None:
        super().__init__(code, message)
        self.status = status
        self.param = param


@dataclass(frozen=True)
class DenialDetails:
    """Which limit denied a request, how far it is used, and until when. Amounts are US dollars."""

    limit: str
    """``credits``, ``project_monthly_cap``, ``entity_monthly_cap``, ``entity_yearly_cap`` or ``concurrency``."""
    scope: str | None
    spent_usd: Decimal | None
    limit_usd: Decimal | None
    held_usd: Decimal | None
    resets_at: datetime | None
    raw: Mapping[str, Any]
    """All that Tally sent, such as the age of the oldest hold."""


class CallerError(TallyError):
    """An answer in OpenAI's form that the caller gets as it is: ``status``, ``headers`` and ``body``."""

    def __init__(self, *, status: int, headers: Mapping[str, str], body: bytes) -> None:
        error = error_of(body) or {}
        super().__init__(str(error.get("code")), str(error.get("message")))
        self.status = status
        self.headers: dict[str, str] = dict(headers)
        """Names in lower case: ``content-type``, and what says whether and when to try again."""
        self.body = body
        """JSON, byte for byte what Tally sent."""
        self.error: dict[str, Any] = error
        """What the body holds under ``error``."""


class Denied(CallerError):
    """A limit (429, or 402 where Tally is so configured) or a model without a price (404). Never retried here."""

    @property
    def details(self) -> DenialDetails | None:
        """Of a limit; ``None`` for a model without a price."""
        raw = self.error.get("details")
        if not isinstance(raw, dict) or not isinstance(raw.get("limit"), str):
            return None
        scope, resets_at = raw.get("scope"), raw.get("resets_at")
        return DenialDetails(
            limit=raw["limit"],
            scope=scope if isinstance(scope, str) else None,
            spent_usd=_amount(raw.get("spent_usd")),
            limit_usd=_amount(raw.get("limit_usd")),
            held_usd=_amount(raw.get("held_usd")),
            resets_at=datetime.fromtimestamp(resets_at, timezone.utc) if isinstance(resets_at, int) else None,
            raw=raw,
        )

    @property
    def is_transient(self) -> bool:
        """Only requests in flight are in the way, so that waiting a second helps."""
        return self.code == "rate_limit_exceeded"


class Unavailable(CallerError):
    """Tally cannot decide, or did not answer. ``request_id`` names the request whose hold may exist all the same."""

    request_id: str | None = None


class OutboxError(TallyError):
    """The outbox cannot keep an event: ``outbox_full``, ``outbox_locked``, ``outbox_closed`` or ``outbox_damaged``."""


OVERLOADED_MESSAGE = "The engine is currently overloaded, please try again later"


def unavailable(cause: str | BaseException | None = None) -> Unavailable:
    """The answer of a Tally that cannot decide, for when Tally does not answer at all."""
    error = {"message": OVERLOADED_MESSAGE, "type": "server_error", "param": None, "code": "overloaded"}
    headers = {"content-type": "application/json; charset=utf-8", "retry-after": "1"}
    raised = Unavailable(status=503, headers=headers, body=json.dumps({"error": error}).encode())
    if isinstance(cause, BaseException):
        raised.__cause__ = cause
    elif cause is not None:
        raised.__cause__ = TallyError("unreachable", cause)
    return raised


def error_of(body: bytes) -> dict[str, Any] | None:
    """The error in a body of OpenAI's form; ``None`` for anything else, such as the page of a proxy in between."""
    try:
        value = json.loads(body)
    except ValueError:
        return None
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict):
        return None
    is_known = isinstance(error.get("code"), str) and isinstance(error.get("message"), str)
    return error if is_known else None


def _amount(value: object) -> Decimal | None:
    try:
        return Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        return None
