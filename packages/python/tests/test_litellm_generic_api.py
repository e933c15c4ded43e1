"""LiteLLM's own ``generic_api`` logger, set as docs/integrate.md says: a bill without code of ours in the proxy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conftest import BGE, LLAMA, Service
from litellm_proxy import LiteLLMProxy
from litellm_requests import EMBEDDING, QUANTITIES, REQUESTS, quantities
from upstream import Upstream


@pytest.fixture(scope="module")
def proxy(
    service: Service, gateway_key: str, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiteLLMProxy]:
    directory = tmp_path_factory.mktemp("generic-api")
    logger = {
        "callback_type": "generic_api",
        "endpoint": f"{service.url}/v1/usage/litellm?subject={{org_id}}/{{team_id}}",
        "event_types": ["llm_api_success"],
        "headers": {"Authorization": "os.environ/TALLY_AUTHORIZATION"},
    }
    made = LiteLLMProxy(
        directory,
        upstream_url=upstream.url,
        environment={
            "TALLY_SPOOL": str(directory / "unused"),
            "TALLY_AUTHORIZATION": f"Bearer {gateway_key}",
            "DEFAULT_FLUSH_INTERVAL_SECONDS": "1",
        },
        callbacks=["tally"],
        settings={
            "callback_settings": {"tally": logger},
            "general_settings": {"always_include_stream_usage": True},
        },
    )
    try:
        made.wait()
        yield made
    finally:
        made.stop()


def test_each_request_is_one_event_with_what_the_server_said_whatever_ids_its_caller_chose(
    proxy: LiteLLMProxy, service: Service
) -> None:
    entity, ids = service.entity(), {"x-litellm-call-id": "mine"}
    key = f"sk-{entity}/search"
    for path, body in REQUESTS.values():
        for is_stream in (False, True):
            answer = proxy.post(path, key, {"model": LLAMA, **body, "stream": is_stream}, ids)
            assert answer.status == 200, answer.text
    for _ in range(2):
        assert proxy.post("/v1/embeddings", key, {"model": BGE, "input": ["hi", "there"]}, ids).status == 200
    events = service.counted(entity, 2 * len(REQUESTS) + 2)
    assert {(event["project"], event["usage_source"]) for event in events} == {("search", "reported")}
    of_model = {
        model: [quantities(each) for each in events if each["model"] == model] for model in (LLAMA, BGE)
    }
    assert of_model == {LLAMA: [QUANTITIES] * 2 * len(REQUESTS), BGE: [EMBEDDING] * 2}
