"""Errors that LiteLLM hands to its caller as they are, and its log without their stacks."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from litellm.proxy._types import ProxyException

from ..errors import CallerError

_LOGGERS = ("LiteLLM Proxy", "LiteLLM Router", "LiteLLM")


class TallyAnswer(ProxyException):
    """A raised ``HTTPException`` would become ``rate_limit_error``. This keeps every field and the headers."""

    def __init__(self, status: int, error: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        super().__init__(
            message=str(error.get("message")),
            type=str(error.get("type")),
            param=error.get("param"),
            code=status,
            # LiteLLM writes the body itself.
            headers={name: value for name, value in headers.items() if name != "content-type"},
            openai_code=str(error.get("code")),
        )
        # LiteLLM changes the status of some messages.
        self.code = str(status)
        self._error = dict(error)
        self.fields: dict[str, object] = {}
        """What the log says of it beside its status and code."""

    def to_dict(self) -> dict[str, Any]:
        return dict(self._error)


def answer_of(error: CallerError) -> TallyAnswer:
    return TallyAnswer(error.status, error.error, error.headers)


def refusal(status: int, message: str, *, code: str, param: str | None = None) -> TallyAnswer:
    """For a request that may not run, however often it is sent."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    error = {"message": message, "type": kind, "param": param, "code": code}
    return TallyAnswer(status, error, {"x-should-retry": "false"})


class _NoStacks(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        raised = record.exc_info[1] if record.exc_info else None
        arguments = record.args if isinstance(record.args, tuple) else ()
        return not any(isinstance(each, TallyAnswer) for each in (raised, *arguments))


def quiet_litellm() -> None:
    """The callback logs one line for each answer; LiteLLM would log an error with its stack beside it."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, _NoStacks) for each in logger.filters):
            # Before LiteLLM's own, which makes text of what a record holds.
            logger.filters.insert(0, _NoStacks())
