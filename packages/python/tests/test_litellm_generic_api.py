"""LiteLLM's own ``generic_api`` logger, set as docs/integrate.md says: a bill without code of ours in the proxy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from conftest import BGE, LLAMA, Service, until
from litellm_proxy import LiteLLMProxy
from litellm_requests import EMBEDDING, QUANTITIES, REQUESTS, a_mark, quantities, saying
from upstream import WORDS, Upstream


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


def usage_told(stream: str) -> dict[str, int]:
    """What the proxy told its caller at the end of a stream."""
    events = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {")]
    usages = [(event.get("response") or event).get("usage") for event in events]
    usage: dict[str, Any] = [each for each in usages if each][-1]
    return {
        name: int(usage.get(long, usage.get(short, 0)))
        for name, long, short in (
            ("input", "prompt_tokens", "input_tokens"),
            ("output", "completion_tokens", "output_tokens"),
        )
    }


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_stream_whose_server_tells_no_usage_is_one_event_as_litellm_counted_it(
    proxy: LiteLLMProxy, service: Service, kind: str
) -> None:
    entity = service.entity()
    path, body = saying(kind, f"silent {a_mark()}")
    answer = proxy.post(path, f"sk-{entity}/p", {"model": LLAMA, **body, "stream": True})
    assert answer.status == 200, answer.text
    [event] = service.counted(entity, 1)
    # Nothing in the log tells this from the server's own count.
    assert (quantities(event), event["usage_source"]) == (usage_told(answer.text), "reported")
    assert quantities(event)["output"] > 0


def test_a_whole_answer_without_usage_is_a_dead_letter(proxy: LiteLLMProxy, service: Service) -> None:
    entity = service.entity()
    assert proxy.chat(f"sk-{entity}/p", f"silent {a_mark()}").status == 200
    path = f"GET /v1/admin/dead_letters?entity={entity}"
    [letter] = until("its event is a dead letter", lambda: service.ask(path)["data"])
    assert (letter["code"], service.events(entity)) == ("invalid_event", [])


@pytest.fixture
def hanging(upstream: Upstream) -> Iterator[Upstream]:
    upstream.resume.clear()
    upstream.hung_up.clear()
    yield upstream
    upstream.resume.set()


def hang_up(proxy: LiteLLMProxy, entity: str, hanging: Upstream, kind: str, text: str) -> None:
    path, body = saying(kind, text)
    proxy.hang_up(path, f"sk-{entity}/p", {"model": LLAMA, **body})
    assert hanging.hung_up.wait(60)


@pytest.mark.parametrize("text", ["hang", "silent hang"])
@pytest.mark.parametrize("kind", ["chat", "responses"])
def test_a_stream_whose_caller_hangs_up_is_one_estimated_event_of_what_was_produced(
    proxy: LiteLLMProxy, service: Service, hanging: Upstream, kind: str, text: str
) -> None:
    entity = service.entity()
    hang_up(proxy, entity, hanging, kind, f"{text} {a_mark()}")
    [event] = service.counted(entity, 1)
    assert event["usage_source"] == "estimated"
    assert set(quantities(event)) == {"input", "output"}
    assert 0 < quantities(event)["output"] <= len(WORDS)


@pytest.mark.parametrize("kind", ["completions", "messages"])
def test_litellm_logs_nothing_of_a_completion_or_message_whose_caller_hangs_up(
    proxy: LiteLLMProxy, service: Service, hanging: Upstream, kind: str
) -> None:
    """docs/integrate.md says so."""
    entity = service.entity()
    hang_up(proxy, entity, hanging, kind, f"hang {a_mark()}")
    fence = {"model": BGE, "input": a_mark()}
    assert proxy.post("/v1/embeddings", f"sk-{entity}/p", fence).status == 200
    assert [event["model"] for event in service.counted(entity, 1)] == [BGE]
