"""What the environment says, checked once. All that is wrong is told at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from .subject import SubjectTemplate

T = TypeVar("T")

FailMode = Literal["closed", "open"]

HOLD_SECONDS_MAX = 86_400
SUBJECT_DEFAULT = "{org_id}/{team_id}"


@dataclass(frozen=True)
class Settings:
    url: str
    api_key: str
    spool: Path
    """Events wait here until Tally has them. Processes may share it."""
    fail_mode: FailMode = "closed"
    """When Tally cannot decide: ``closed`` answers 503, ``open`` runs the request and reports its usage."""
    subject: SubjectTemplate = field(default_factory=lambda: SubjectTemplate(SUBJECT_DEFAULT))
    free_call_types: frozenset[str] = frozenset()
    """LiteLLM's call types that run without a hold and without a report."""
    hold_seconds: int = 900
    request_seconds_max: int = 7_200
    """How long a request's hold is extended at most. LiteLLM itself ends a request after 6,000 s."""
    telling_seconds: int = 60
    """How long LiteLLM may take to tell of a stream whose caller hung up: it may read the server's answer to its end first."""
    timeout_seconds: float = 5.0
    source: str = "/litellm"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        wrong: list[str] = []

        def read(name: str, parse: Callable[[str], T], default: T | None = None) -> T | None:
            text = environment.get(name, "")
            if text == "":
                if default is None:
                    wrong.append(f"{name} is missing")
                return default
            try:
                return parse(text)
            except ValueError as error:
                wrong.append(f"{name} {error}")
                return default

        url = read("TALLY_URL", _url)
        api_key = read("TALLY_API_KEY", str)
        spool = read("TALLY_SPOOL", Path)
        settings = {
            "fail_mode": read("TALLY_FAIL_MODE", _fail_mode, cls.fail_mode),
            "subject": read("TALLY_SUBJECT", SubjectTemplate, SubjectTemplate(SUBJECT_DEFAULT)),
            "free_call_types": read("TALLY_FREE_CALL_TYPES", _names, cls.free_call_types),
            "hold_seconds": read("TALLY_HOLD_SECONDS", _seconds, cls.hold_seconds),
            "request_seconds_max": read("TALLY_REQUEST_SECONDS_MAX", _seconds, cls.request_seconds_max),
            "telling_seconds": read("TALLY_TELLING_SECONDS", _seconds, cls.telling_seconds),
            "timeout_seconds": read("TALLY_TIMEOUT_SECONDS", _timeout, cls.timeout_seconds),
            "source": read("TALLY_SOURCE", str, cls.source),
        }
        if wrong or url is None or api_key is None or spool is None:
            raise ValueError("Tally's callback cannot start: " + "; ".join(wrong))
        return cls(url=url, api_key=api_key, spool=spool, **settings)  # type: ignore[arg-type]


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be such as http://127.0.0.1:3000")
    return text


def _fail_mode(text: str) -> FailMode:
    if text == "closed":
        return "closed"
    if text == "open":
        return "open"
    raise ValueError("must be closed or open")


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _seconds(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= HOLD_SECONDS_MAX:
        raise ValueError(f"must be whole seconds from 1 to {HOLD_SECONDS_MAX}")
    return int(text)


def _timeout(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 60:
        raise ValueError("must be seconds above 0, at most 60")
    return seconds
