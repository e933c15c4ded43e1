"""The callback alone, without a proxy around it."""

from __future__ import annotations

import json
import logging
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
