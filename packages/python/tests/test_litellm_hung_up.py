"""A stream whose caller hangs up, of which LiteLLM tells nothing, or late."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tally_client.litellm.handler import METADATA_KEY, Tally_PROXY_Handler
from tally_client.litellm.in_flight import Request
from tally_client.litellm.order import Order
from tally_client.litellm.settings import Settings

ORDER = Order(
    models=["asked"],
    input_bytes=40,
    max_output_tokens=None,
    input_count=1,
    output_count=1,
    service_tier=None,
)
CHUNKS = [{"choices": [{"text": "one "}]}, {"choices": [{"text": "two "}]}]
ESTIMATED = {"prompt_tokens": 10, "completion_tokens": 1}


class World:
    """A handler without an outbox: what it reports is logged."""

    def __init__(self, spool: Path, *, telling_seconds: int) -> None:
        self.handler = Tally_PROXY_Handler(
            Settings("http://127.0.0.1:1", "k", spool, telling_seconds=telling_seconds)
        )
        self.released: list[str] = []

        async def release(reservation_id: str) -> None:
            self.released.append(reservation_id)

        self.handler._tally.release = release  # type: ignore[method-assign]

    async def hang_up(self, data: dict[str, Any], *, order: Order | None = ORDER) -> Request:
        """After the first piece."""
        request = Request("acme/search", "completions", "res_1", order)
        self.handler._requests.add(request)
        data |= {"model": "asked", "metadata": {METADATA_KEY: request.id}}
        stream = self.handler.async_post_call_streaming_iterator_hook(None, passed_on(CHUNKS), data)
        async for _ in stream:
            break
        await stream.aclose()  # type: ignore[attr-defined]
        return request

    async def settle(self) -> None:
        while self.handler._background:
            await asyncio.gather(*self.handler._background, return_exceptions=True)


async def passed_on(chunks: Sequence[Any]) -> AsyncIterator[Any]:
    for chunk in chunks:
        yield chunk


@pytest.fixture
async def world(tmp_path: Path) -> World:
    world = World(tmp_path, telling_seconds=1)
    await world.handler._tally.close()
    return world


def reported(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, int]]]:
    lines = [json.loads(record.getMessage()) for record in caplog.records if record.levelno >= logging.ERROR]
    return [(line["model"], line["usage"]) for line in lines]


async def test_is_charged_what_its_caller_had_where_litellm_tells_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    request = await world.hang_up({})
    await world.settle()
    assert reported(caplog) == [("asked", ESTIMATED)]
    assert world.handler._requests.get(request.id) is None


async def test_is_charged_too_where_the_process_is_stopped_before_litellm_could_tell(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path, telling_seconds=3_600)
    await world.handler._tally.close()
    await world.hang_up({})
    await asyncio.sleep(0)
    for task in world.handler._background:
        task.cancel()
    await world.settle()
    assert reported(caplog) == [("asked", ESTIMATED)]


async def test_is_charged_as_litellm_counted_it_where_litellm_tells_in_time(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 900}
    request = await world.hang_up({})
    payload = {"model_group": "asked", "metadata": {"usage_object": usage}}
    kwargs = {"litellm_params": {"metadata": {METADATA_KEY: request.id}}, "standard_logging_object": payload}
    await world.handler.async_log_success_event(kwargs, None, None, None)
    await world.settle()
    assert reported(caplog) == [("asked", usage)]


async def test_is_charged_for_the_fallback_that_answered(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    details = {"litellm_params": {"metadata": {"model_group": "fallback"}}}
    await world.hang_up({"litellm_logging_obj": SimpleNamespace(model_call_details=details)})
    await world.settle()
    assert reported(caplog) == [("fallback", ESTIMATED)]


async def test_is_free_where_its_answer_comes_from_the_cache(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    details = {"cache_hit": True}
    await world.hang_up({"litellm_logging_obj": SimpleNamespace(model_call_details=details)})
    await world.settle()
    assert (reported(caplog), world.released) == ([], ["res_1"])


async def test_is_left_to_litellm_where_litellm_always_tells(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    request = await world.hang_up({}, order=None)
    assert world.handler._background == set()
    assert world.handler._requests.get(request.id) is request
    assert reported(caplog) == []
