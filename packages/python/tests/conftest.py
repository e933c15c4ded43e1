"""The real service, whose addresses come from the environment, and what tests ask it as an admin."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from relay import Relay, a_relay
from upstream import Upstream, an_upstream

LLAMA = "cw_meta-llama_Llama-3.3-70B-Instruct"
LLAMA_USD_PER_MILLION = 0.71
DEEPSEEK = "cw_deepseek-ai_DeepSeek-R1"
BGE = "cw_BAAI_bge-m3"
UNTIL_SECONDS_MAX = 60.0


# So that fixtures end what they started when a run takes too long.
signal.signal(signal.SIGTERM, signal.default_int_handler)


def until(what: str, condition: Callable[[], Any], seconds_max: float = UNTIL_SECONDS_MAX) -> Any:
    """The first result that is true."""
    deadline = time.monotonic() + seconds_max
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"in vain until {what}: {result!r}")
        time.sleep(0.02)


def a_name(prefix: str = "entity") -> str:
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True)
class Service:
    url: str
    admin_key: str
    redis_url: str

    def call(self, request: str, body: object = None, *, key: str | None = None) -> tuple[int, Any]:
        method, path = request.split(" ", 1)
        headers = {
            "authorization": f"Bearer {key or self.admin_key}",
            "content-type": "application/json",
            "idempotency-key": uuid.uuid4().hex,
        }
        data = None if body is None else json.dumps(body).encode()
        try:
            asked = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
            with urllib.request.urlopen(asked, timeout=30) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def ask(self, request: str, body: object = None) -> Any:
        status, answer = self.call(request, body)
        assert status < 300, (request, status, answer)
        return answer

    def key(self, entity: str | None = None) -> str:
        body = {"name": "pytest", "role": "gateway", "entity": entity}
        return str(self.ask("POST /v1/admin/keys", body)["secret"])

    def entity(self, *, credits_usd: str | None = "50", **limits: object) -> str:
        """A customer that may spend what it has, and no more."""
        name = a_name()
        self.ask(f"PUT /v1/admin/entities/{name}", {"plan": "pro"})
        self.ask(f"PATCH /v1/admin/entities/{name}/limits", {"overage": "blocked", **limits})
        if credits_usd is not None:
            grant = {"amount_usd": credits_usd, "category": "paid"}
            self.ask(f"POST /v1/admin/entities/{name}/credits", grant)
        return name

    def events(self, entity: str) -> list[dict[str, Any]]:
        status, answer = self.call(f"GET /v1/entities/{entity}/events?limit=100")
        return [] if status == 404 else list(answer["data"])

    def holds(self, entity: str) -> list[dict[str, Any]]:
        return list(self.ask(f"GET /v1/admin/entities/{entity}/holds")["data"])

    def counted(self, entity: str, count: int) -> list[dict[str, Any]]:
        """The events once there are as many. More of them fail the test."""
        events: list[dict[str, Any]] = until(
            f"{count} events of {entity} are counted",
            lambda: len(self.events(entity)) >= count and self.events(entity),
        )
        assert len(events) == count
        return events

    def until_nothing_is_held(self, entity: str) -> None:
        until(f"{entity} holds nothing", lambda: self.holds(entity) == [])


@pytest.fixture(scope="session")
def service() -> Service:
    return Service(os.environ["TALLY_URL"], os.environ["TALLY_ADMIN_KEY"], os.environ["TALLY_REDIS_URL"])


@pytest.fixture(scope="session")
def gateway_key(service: Service) -> str:
    return service.key()


@pytest.fixture
def relay(service: Service) -> Iterator[Relay]:
    """Tally at an address that can be down."""
    with a_relay(service.url) as relay:
        yield relay


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with an_upstream() as upstream:
        yield upstream
