"""The callback alone, without a proxy around it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from pathlib import Path

import pytest

from tally_client.litellm.handler import METADATA_KEY, Tally_PROXY_Handler
from tally_client.litellm.in_flight import Request
from tally_client.litellm.settings import Settings


async def test_usage_that_the_outbox_cannot_keep_is_logged_so_that_it_can_be_reported_by_hand(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Tally_PROXY_Handler(Settings("http://127.0.0.1:1", "secret-key", tmp_path))
    await handler._tally.close()
    request = Request("acme/search", "chat", "res_1")
    handler._requests.add(request)
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    kwargs = {
        "litellm_params": {"metadata": {METADATA_KEY: request.id}},
        "standard_logging_object": {"model_group": "llama", "metadata": {"usage_object": usage}},
        "messages": [{"role": "user", "content": "a private prompt"}],
    }
    with caplog.at_level(logging.ERROR, "tally"):
        await handler.async_log_success_event(kwargs, None, None, None)
    [record] = caplog.records
    line = json.loads(record.getMessage())
    assert line.pop("time").endswith("+00:00")
    assert line.pop("reason").startswith("OutboxError")
    assert line == {
        "level": "error",
        "msg": "usage is lost",
        "subject": "acme/search",
        "event_id": request.id,
        "model": "llama",
        "operation": "chat",
        "usage": usage,
        "reservation_id": "res_1",
    }
    assert "private" not in caplog.text
    assert "secret-key" not in caplog.text


async def test_the_hold_of_a_request_is_extended_up_to_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_seconds, request_seconds_max = 1, 3_600
    settings = Settings(
        "http://127.0.0.1:1",
        "k",
        tmp_path,
        hold_seconds=hold_seconds,
        request_seconds_max=request_seconds_max,
    )
    handler = Tally_PROXY_Handler(settings)
    extended: list[str] = []
    is_young_extended = asyncio.Event()

    async def extend(reservation_id: str, ttl_seconds: int) -> bool:
        extended.append(reservation_id)
        if reservation_id == "res_young":
            is_young_extended.set()
        return True

    monkeypatch.setattr(handler._tally, "extend", extend)
    now = time.monotonic()
    for name, age in (
        ("res_old", request_seconds_max),
        ("res_aging", request_seconds_max / 2),
        ("res_young", 1),
    ):
        handler._requests.add(
            Request("acme/search", "chat", name, started_at=now - age, held_since=now - hold_seconds)
        )
    handler._start_extending()
    # It comes last, so the others have been looked at.
    await is_young_extended.wait()
    assert extended[:2] == ["res_aging", "res_young"]
    assert "res_old" not in extended
    if handler._extending is not None:
        handler._extending.cancel()
    await handler._tally.close()
