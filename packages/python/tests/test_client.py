"""Both clients against the real service: the same answers and the same errors."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from conftest import BGE, DEEPSEEK, LLAMA, Service, a_name, until
from relay import Relay
from tally_client import AsyncTally, Denied, Refused, Tally, TallyError, Unavailable, UsageEvent, usage_event

USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 10,
    "total_tokens": 110,
    "prompt_tokens_details": {"cached_tokens": 40},
}


class Both:
    """One way to call either client."""

    def __init__(self, kind: str, url: str, key: str, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self.client: Tally | AsyncTally = self._run(_made(kind, url, key, options))

    def _run(self, result: Any) -> Any:
        return self._loop.run_until_complete(result) if inspect.isawaitable(result) else result

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        return lambda *args, **kwargs: self._run(method(*args, **kwargs))

    def close(self) -> None:
        self._run(self.client.close())
        self._loop.close()


async def _made(kind: str, url: str, key: str, options: dict[str, Any]) -> Tally | AsyncTally:
    return (Tally if kind == "sync" else AsyncTally)(url, key, **options)


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tally(kind: str, service: Service, gateway_key: str, tmp_path: Path) -> Iterator[Both]:
    both = Both(kind, service.url, gateway_key, outbox=tmp_path)
    yield both
    both.close()


def an_event(entity: str, **facts: Any) -> UsageEvent:
    return usage_event(
        **{"project": f"{entity}/p", "model": LLAMA, "operation": "chat", "usage": USAGE, **facts}
    )


def test_a_reservation_holds_what_a_request_may_cost_until_it_is_released(
    tally: Both, service: Service
) -> None:
    entity = service.entity()
    held = tally.reserve(project=f"{entity}/p", model=LLAMA, input_tokens=1_000, max_output_tokens=1_000)
    assert held.hold_usd == Decimal("0.00142")
    assert held.remaining.credits_usd == Decimal("50")
    [hold] = service.holds(entity)
    assert (hold["id"], hold["request_id"]) == (held.id, held.request_id)
    tally.release(held.id)
    tally.release(held.id)
    assert service.holds(entity) == []


def test_a_list_of_models_holds_the_dearest_and_bytes_bound_the_input(tally: Both, service: Service) -> None:
    entity = service.entity()
    models = [LLAMA, DEEPSEEK, BGE]
    held = tally.reserve(project=f"{entity}/p", model=models, input_bytes=1_000, max_output_tokens=1_000)
    # DeepSeek's $1.35 and $5.40 a million.
    assert held.hold_usd == Decimal("0.00675")
    assert held.model == LLAMA


def test_a_hold_lasts_as_long_as_was_asked_can_be_extended_and_is_gone_once_released(
    tally: Both, service: Service
) -> None:
    entity = service.entity()
    held = tally.reserve(project=f"{entity}/p", model=LLAMA, service_tier="auto", ttl_seconds=60)
    assert tally.extend(held.id, 3_600) is True
    [hold] = service.holds(entity)
    assert hold["expires_at"] - held.expires_at.timestamp() > 3_000
    tally.release(held.id)
    assert tally.extend(held.id, 60) is False


def test_a_hold_is_released_by_its_request_id(tally: Both, service: Service) -> None:
    entity = service.entity()
    held = tally.reserve(project=f"{entity}/p", model=LLAMA)
    tally.release_request(f"{entity}/p", held.request_id)
    assert service.holds(entity) == []


def test_a_denial_says_which_limit_and_has_the_very_body_and_headers_for_the_caller(
    tally: Both, service: Service
) -> None:
    entity = service.entity(credits_usd="0.001")
    with pytest.raises(Denied) as raised:
        tally.reserve(project=f"{entity}/p", model=LLAMA, input_tokens=100_000, max_output_tokens=100_000)
    denied = raised.value
    assert (denied.status, denied.code, denied.is_transient) == (429, "insufficient_quota", False)
    assert denied.headers["x-should-retry"] == "false"
    assert denied.headers["x-quota-limit"] == "credits"
    assert "retry-after" not in denied.headers
    assert denied.error["message"].startswith("You exceeded your current quota")
    details = denied.details
    assert details is not None
    assert (details.limit, details.scope, details.spent_usd) == ("credits", entity, Decimal(0))


def test_a_denial_that_passes_says_so(tally: Both, service: Service) -> None:
    entity = service.entity(max_concurrent_requests=1)
    tally.reserve(project=f"{entity}/p", model=LLAMA)
    with pytest.raises(Denied) as raised:
        tally.reserve(project=f"{entity}/p", model=LLAMA)
    assert raised.value.is_transient
    assert raised.value.headers["retry-after"] == "1"


def test_a_model_without_a_price_is_denied_with_404(tally: Both, service: Service) -> None:
    with pytest.raises(Denied) as raised:
        tally.reserve(project=f"{service.entity()}/p", model="nobody-sells-it")
    assert (raised.value.status, raised.value.code, raised.value.details) == (404, "model_not_found", None)


def test_what_the_program_asks_wrongly_is_refused_and_is_no_answer_for_a_caller(
    tally: Both, service: Service, kind: str
) -> None:
    with pytest.raises(Refused) as raised:
        tally.reserve(project="no subject", model=LLAMA)
    assert (raised.value.status, raised.value.code, raised.value.param) == (400, "invalid_request", "project")
    stranger = Both(kind, service.url, "sk-wrong")
    with pytest.raises(Refused) as raised:
        stranger.check(f"{service.entity()}/p")
    assert (raised.value.status, raised.value.code) == (401, "invalid_api_key")
    stranger.close()


def test_a_check_passes_or_raises_the_denial_and_holds_nothing(tally: Both, service: Service) -> None:
    entity = service.entity()
    assert tally.check(f"{entity}/p", LLAMA) is None
    assert service.holds(entity) == []
    with pytest.raises(Denied):
        tally.check(f"{service.entity(credits_usd=None)}/p")


def test_a_report_is_counted_once_with_its_quantities_and_ends_the_hold(
    tally: Both, service: Service
) -> None:
    entity = service.entity()
    held = tally.reserve(project=f"{entity}/p", model=LLAMA)
    event = an_event(entity, reservation_id=held.id, user_id="u\n1", tags={"team": "search"})
    tally.report(event)
    tally.report(event)
    [counted] = service.counted(entity, 1)
    quantities = {"input": 60, "cached_input": 40, "output": 10}
    assert {name: int(counted["quantities"][name]) for name in quantities} == quantities
    assert counted["usage_source"] == "reported"
    service.until_nothing_is_held(entity)
    tally.report(an_event(entity), an_event(entity), an_event(entity))
    service.counted(entity, 4)


def test_one_bad_event_refuses_no_other(
    kind: str, service: Service, gateway_key: str, tmp_path: Path
) -> None:
    refused: list[tuple[str, str]] = []
    both = Both(
        kind,
        service.url,
        gateway_key,
        outbox=tmp_path,
        on_refused=lambda event, error: refused.append((event["id"], error.code)),
    )
    entity = service.entity()
    bad = an_event(entity, usage={"prompt_tokens": -1, "completion_tokens": 1, "total_tokens": 0})
    both.report(an_event(entity), bad, an_event(entity))
    service.counted(entity, 2)
    until("the bad one is told", lambda: refused == [(bad["id"], "invalid_tokens")])
    receipt = both.send([bad, an_event(entity)])
    assert (receipt.accepted, [(each.index, each.code) for each in receipt.rejected]) == (
        1,
        [(0, "invalid_tokens")],
    )
    both.close()


def test_while_tally_is_down_nothing_is_admitted_and_what_was_reported_is_counted_later(
    kind: str, service: Service, gateway_key: str, tmp_path: Path, relay: Relay
) -> None:
    both = Both(kind, relay.url, gateway_key, outbox=tmp_path, on_failure=lambda error: None)
    entity = service.entity()
    relay.go_down()
    with pytest.raises(Unavailable) as raised:
        both.reserve(project=f"{entity}/p", model=LLAMA)
    assert (raised.value.status, raised.value.code) == (503, "overloaded")
    assert raised.value.headers["retry-after"] == "1"
    assert raised.value.__cause__ is not None
    both.report(an_event(entity))
    relay.come_up()
    service.counted(entity, 1)
    both.close()


def test_an_answer_that_does_not_come_in_time_is_unavailable_and_leaves_no_hold(
    kind: str, service: Service, gateway_key: str, relay: Relay
) -> None:
    both = Both(kind, relay.url, gateway_key, timeout_seconds=2)
    entity = service.entity()
    relay.keep_answers()
    with pytest.raises(Unavailable) as raised:
        both.reserve(project=f"{entity}/p", model=LLAMA)
    until("the hold that nobody heard of is there", lambda: len(service.holds(entity)) == 1)
    relay.drop_answers()
    if kind == "sync":
        both.release_request(f"{entity}/p", raised.value.request_id)
    else:
        # In the background, while the loop turns.
        until(
            "it is released", lambda: both.extend(f"res_{'x' * 22}.{entity}", 1) or not service.holds(entity)
        )
    assert service.holds(entity) == []
    both.close()


def test_a_connection_that_tally_closed_meanwhile_is_not_noticed(
    kind: str, service: Service, gateway_key: str, relay: Relay
) -> None:
    both = Both(kind, relay.url, gateway_key)
    project = f"{service.entity()}/p"
    both.check(project)
    relay.go_down()
    relay.come_up()
    both.check(project)
    both.close()


async def test_a_reservation_that_is_cancelled_leaves_no_hold(
    service: Service, gateway_key: str, relay: Relay
) -> None:
    entity = await asyncio.to_thread(service.entity)
    async with AsyncTally(relay.url, gateway_key) as tally:
        relay.keep_answers()
        task = asyncio.create_task(tally.reserve(project=f"{entity}/p", model=LLAMA))
        held = f"{entity} holds something"
        await asyncio.to_thread(until, held, lambda: len(service.holds(entity)) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        relay.drop_answers()
        await asyncio.to_thread(service.until_nothing_is_held, entity)


def test_reporting_needs_an_outbox(kind: str, service: Service, gateway_key: str) -> None:
    both = Both(kind, service.url, gateway_key)
    with pytest.raises(TallyError, match="outbox directory"):
        both.report(an_event("entity1"))
    both.close()


def test_events_have_ids_that_nobody_can_choose_and_texts_that_tally_takes() -> None:
    first, second = an_event("e"), an_event("e", user_id="\ud800" + "x" * 300, request_id="")
    long_id = an_event("e", request_id="r" * 1_030)["data"]["request_id"]
    assert first["id"] != second["id"]
    assert second["data"]["user_id"] == "\ufffd" + "x" * 255
    assert long_id == "r" * 1_024
    assert "request_id" not in second["data"]
    with pytest.raises(ValueError, match="entity/project"):
        an_event("e", project="nothing")
    with pytest.raises(ValueError, match="/p"):
        an_event("-" + a_name())
