"""LiteLLM's proxy in front of a model server: each request gives the one event that is right, or none where none is."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from conftest import BGE, DEEPSEEK, LLAMA, Service, a_name, until
from litellm_proxy import Answer, LiteLLMProxy, lines_since
from litellm_requests import EMBEDDING, QUANTITIES, REQUESTS, a_mark, quantities, saying
from relay import Relay, a_relay
from upstream import WORDS, Upstream

HOLD_SECONDS = 4


@pytest.fixture(scope="module")
def tally_link(service: Service) -> Iterator[Relay]:
    with a_relay(service.url) as relay:
        yield relay


@pytest.fixture(scope="module")
def proxies(
    service: Service,
    gateway_key: str,
    upstream: Upstream,
    tally_link: Relay,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[LiteLLMProxy, LiteLLMProxy]]:
    """One that refuses and one that admits while Tally is down. They share a spool, and start side by side."""
    directory = tmp_path_factory.mktemp("litellm")
    common = {
        "TALLY_URL": tally_link.url,
        "TALLY_API_KEY": gateway_key,
        "TALLY_SPOOL": str(directory / "spool"),
        "TALLY_HOLD_SECONDS": str(HOLD_SECONDS),
        "TALLY_TELLING_SECONDS": "2",
        "TALLY_TIMEOUT_SECONDS": "2",
        "TALLY_FREE_CALL_TYPES": "moderation, aget_responses",
        "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path if path),
    }
    made = [
        LiteLLMProxy(
            directory / mode, upstream_url=upstream.url, environment={**common, "TALLY_FAIL_MODE": mode}
        )
        for mode in ("closed", "open")
    ]
    try:
        for proxy in made:
            proxy.wait()
        yield made[0], made[1]
    finally:
        for proxy in made:
            proxy.stop()


@pytest.fixture
def proxy(
    proxies: tuple[LiteLLMProxy, LiteLLMProxy], tally_link: Relay, upstream: Upstream
) -> Iterator[LiteLLMProxy]:
    upstream.resume.clear()
    upstream.hung_up.clear()
    yield proxies[0]
    tally_link.come_up()
    upstream.resume.set()


def expect_only(proxy: LiteLLMProxy, service: Service, entity: str, count: int) -> list[dict[str, Any]]:
    """As many events, once one more request that was sent after them is counted too."""
    fence = a_mark()
    assert proxy.post("/v1/embeddings", f"sk-{entity}/fence", {"model": BGE, "input": fence}).status == 200
    until("the fence is counted", lambda: any(each["model"] == BGE for each in service.events(entity)))
    events = [each for each in service.events(entity) if each["model"] != BGE]
    assert len(events) == count, events
    return events


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("kind", REQUESTS)
def test_each_kind_of_request_gives_one_event_with_what_the_server_said(
    proxy: LiteLLMProxy, service: Service, kind: str, is_stream: bool
) -> None:
    entity = service.entity()
    path, body = REQUESTS[kind]
    # The caller's own id is the same for all: as an id of Tally's it would charge one of them.
    ids = {"x-litellm-call-id": "mine"}
    for _ in range(3):
        answer = proxy.post(path, f"sk-{entity}/search", {"model": LLAMA, **body, "stream": is_stream}, ids)
        assert answer.status == 200, answer.text
    for event in service.counted(entity, 3):
        assert quantities(event) == QUANTITIES
        assert (event["project"], event["model"]) == ("search", LLAMA)
        assert event["usage_source"] == "reported"
    service.until_nothing_is_held(entity)


def test_embeddings_give_one_event_each_whatever_ids_their_caller_chose(
    proxy: LiteLLMProxy, service: Service
) -> None:
    entity = service.entity()
    ids = {"x-litellm-call-id": "mine"}
    for _ in range(3):
        body = {"model": BGE, "input": ["hi", "there"]}
        assert proxy.post("/v1/embeddings", f"sk-{entity}/p", body, ids).status == 200
    assert [quantities(event) for event in service.counted(entity, 3)] == [EMBEDDING] * 3


def test_what_the_callback_keeps_with_a_request_does_not_reach_the_model_server(
    proxy: LiteLLMProxy, service: Service, upstream: Upstream
) -> None:
    entity, mark = service.entity(), a_mark()
    body = {"model": LLAMA, "input": mark, "metadata": {"topic": "mine", "tally_request": "forged"}}
    assert proxy.post("/v1/responses", f"sk-{entity}/p", body).status == 200
    assert proxy.chat(f"sk-{entity}/p", mark, metadata={"tally_request": "forged"}).status == 200
    service.counted(entity, 2)
    [response, chat] = upstream.calls_of(mark)
    assert response.get("metadata") in (None, {"topic": "mine", "tally_request": "forged"})
    assert "tally_request" not in json.dumps(chat)


def test_a_caller_that_asks_for_no_log_is_charged_all_the_same(proxy: LiteLLMProxy, service: Service) -> None:
    entity = service.entity()
    assert proxy.chat(f"sk-{entity}/p", "hi", **{"no-log": True}).status == 200
    assert proxy.chat(f"sk-{entity}/p", "hi", litellm_metadata={"tally_request": "forged"}).status == 200
    service.counted(entity, 2)


def test_a_denial_has_tallys_own_body_and_headers_and_never_reaches_the_server(
    proxy: LiteLLMProxy, service: Service, upstream: Upstream
) -> None:
    entity, mark = service.entity(credits_usd=None), a_mark()
    start = len(proxy.log())
    answer = proxy.chat(f"sk-{entity}/p", mark)
    assert answer.status == 429
    order = {"project": f"{entity}/p", "model": LLAMA}
    given, (_, expected) = answer.body, service.call("POST /v1/quota/reservations", order)
    for each in (given, expected):
        del each["error"]["details"]["decision_id"]
    assert given == expected
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert (headers["x-should-retry"], headers["x-quota-limit"]) == ("false", "credits")
    assert upstream.calls_of(mark) == []
    for path, body in REQUESTS.values():
        assert proxy.post(path, f"sk-{entity}/p", {"model": LLAMA, **body, "stream": True}).status == 429
    assert service.events(entity) == []
    # One quiet line for each, and no stack.
    lines = [line for line in proxy.log()[start:].splitlines() if line]
    assert [json.loads(line)["msg"] for line in lines] == ["refused"] * 5, lines
    assert [json.loads(line)["limit"] for line in lines] == ["credits"] * 5


def test_the_official_client_sends_one_request_on_a_denial(proxy: LiteLLMProxy, service: Service) -> None:
    entity = service.entity(credits_usd=None)
    start = len(proxy.log())
    client = openai.OpenAI(base_url=f"{proxy.url}/v1", api_key=f"sk-{entity}/p", max_retries=5)
    with pytest.raises(openai.RateLimitError) as raised:
        client.chat.completions.create(model=LLAMA, messages=[{"role": "user", "content": "hi"}])
    assert raised.value.code == "insufficient_quota"
    assert raised.value.type == "insufficient_quota"
    assert len(lines_since(proxy, start, entity)) == 1


def test_a_request_that_fails_for_good_is_not_charged_and_holds_nothing(
    proxy: LiteLLMProxy, service: Service, upstream: Upstream
) -> None:
    entity, mark = service.entity(), a_mark()
    for is_stream in (False, True):
        assert proxy.chat(f"sk-{entity}/p", f"fail {mark}", stream=is_stream).status == 500
    service.until_nothing_is_held(entity)
    assert len(upstream.calls_of(mark)) == 4
    expect_only(proxy, service, entity, 0)


def test_an_answer_that_another_callback_refuses_is_charged_since_the_server_gave_it(
    proxy: LiteLLMProxy, service: Service
) -> None:
    entity = service.entity()
    assert proxy.chat(f"sk-{entity}/p", f"veto {a_mark()}").status == 400
    assert [quantities(event) for event in service.counted(entity, 1)] == [QUANTITIES]
    service.until_nothing_is_held(entity)


def in_background(action: Callable[[], Answer]) -> tuple[threading.Thread, list[Answer]]:
    answers: list[Answer] = []
    thread = threading.Thread(target=lambda: answers.append(action()))
    thread.start()
    return thread, answers


def test_the_hold_lasts_through_retries(proxy: LiteLLMProxy, service: Service, upstream: Upstream) -> None:
    """The first attempt fails, and the second is under way: another request finds no room."""
    entity, mark = service.entity(max_concurrent_requests=1), a_mark()
    thread, answers = in_background(lambda: proxy.chat(f"sk-{entity}/p", f"flaky hang {mark}"))
    until("the second attempt is under way", lambda: len(upstream.calls_of(mark)) == 2)
    denied = proxy.chat(f"sk-{entity}/p", "hi")
    assert (denied.status, denied.body["error"]["code"]) == (429, "rate_limit_exceeded")
    upstream.resume.set()
    thread.join()
    assert answers[0].status == 200
    assert [quantities(event) for event in service.counted(entity, 1)] == [QUANTITIES]
    service.until_nothing_is_held(entity)


def test_fallbacks_hold_the_dearest_and_charge_what_ran(
    proxy: LiteLLMProxy, service: Service, upstream: Upstream
) -> None:
    entity, mark = service.entity(), a_mark()
    body = {"fallbacks": [DEEPSEEK], "max_tokens": 1_000, "model": "llama"}
    thread, answers = in_background(lambda: proxy.chat(f"sk-{entity}/p", f"hang {mark}", **body))
    until("it is under way", lambda: len(upstream.calls_of(mark)) == 1)
    [hold] = service.holds(entity)
    # 1,000 tokens of DeepSeek's at $5.40 a million, and as many tokens of input as there are bytes, not the model's most.
    assert 0.0054 < float(hold["hold_usd"]) < 0.0058
    assert hold["request_id"] != "mine"
    upstream.resume.set()
    thread.join()
    assert answers[0].status == 200
    assert proxy.chat(f"sk-{entity}/p", f"flaky {a_mark()}", num_retries=0, **body).status == 200
    # By its name in Tally, not by its alias.
    assert sorted(event["model"] for event in service.counted(entity, 2)) == sorted([LLAMA, DEEPSEEK])


def test_a_cache_hit_is_not_charged(proxy: LiteLLMProxy, service: Service, upstream: Upstream) -> None:
    entity, mark = service.entity(), a_mark()
    for is_stream in (False, True):
        for _ in range(3):
            body = {"stream": is_stream, "cache": {"use-cache": True}}
            assert proxy.chat(f"sk-{entity}/p", mark, **body).status == 200
    served = len(upstream.calls_of(mark))
    assert 1 <= served <= 2
    service.until_nothing_is_held(entity)
    expect_only(proxy, service, entity, served)


def test_an_answer_without_usage_is_a_dead_letter_and_not_free_in_silence(
    proxy: LiteLLMProxy, service: Service
) -> None:
    entity = service.entity()
    assert proxy.chat(f"sk-{entity}/p", f"silent {a_mark()}").status == 200
    path = f"GET /v1/admin/dead_letters?entity={entity}"
    [letter] = until("its event is a dead letter", lambda: service.ask(path)["data"])
    assert letter["code"] == "invalid_tokens"
    service.until_nothing_is_held(entity)


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_caller_that_hangs_up_is_charged_what_was_produced_as_an_estimate(
    proxy: LiteLLMProxy, service: Service, upstream: Upstream, kind: str
) -> None:
    entity = service.entity()
    path, body = saying(kind, f"hang {a_mark()}")
    proxy.hang_up(path, f"sk-{entity}/p", {"model": LLAMA, **body})
    [event] = service.counted(entity, 1)
    assert event["usage_source"] == "estimated"
    assert 0 < quantities(event)["output"] <= len(WORDS)
    assert upstream.hung_up.wait(60)
    service.until_nothing_is_held(entity)


@pytest.mark.parametrize("kind", ["chat", "responses", "messages"])
def test_a_caller_that_hangs_up_after_a_fallback_is_charged_for_the_model_that_ran(
    proxy: LiteLLMProxy, service: Service, kind: str
) -> None:
    entity = service.entity()
    path, body = saying(kind, f"flaky hang {a_mark()}")
    proxy.hang_up(path, f"sk-{entity}/p", {"model": LLAMA, "fallbacks": [DEEPSEEK], "num_retries": 0, **body})
    [event] = service.counted(entity, 1)
    assert (event["model"], event["usage_source"]) == (DEEPSEEK, "estimated")
    service.until_nothing_is_held(entity)


def test_a_stream_that_the_server_cuts_ends_the_hold(proxy: LiteLLMProxy, service: Service) -> None:
    entity = service.entity()
    proxy.chat(f"sk-{entity}/p", f"break {a_mark()}", stream=True)
    service.until_nothing_is_held(entity)
    assert len(expect_only(proxy, service, entity, len(service.events(entity)))) <= 1


def test_a_long_stream_keeps_its_hold_beyond_its_first_end(
    proxy: LiteLLMProxy, service: Service, upstream: Upstream
) -> None:
    entity, mark = service.entity(), a_mark()
    thread, _ = in_background(lambda: proxy.chat(f"sk-{entity}/p", f"hang {mark}", stream=True))
    until("it is under way", lambda: len(upstream.calls_of(mark)) == 1)
    [first] = service.holds(entity)
    until(
        "the hold is extended by as long as it first lasted",
        lambda: any(
            each["expires_at"] >= first["expires_at"] + HOLD_SECONDS for each in service.holds(entity)
        ),
    )
    upstream.resume.set()
    thread.join()
    service.counted(entity, 1)
    service.until_nothing_is_held(entity)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/images/generations", {"prompt": "a cat"}),
        ("/v1/rerank", {"query": "a", "documents": ["b"]}),
        ("/v1/chat/completions", {"model": f"{LLAMA},cheap", "messages": []}),
        ("/v1/responses", {"input": "hi", "background": True}),
    ],
    ids=["images", "rerank", "several models", "background"],
)
def test_what_could_not_be_charged_right_does_not_run(
    proxy: LiteLLMProxy, service: Service, upstream: Upstream, path: str, body: dict[str, Any]
) -> None:
    entity, mark = service.entity(), a_mark()
    answer = proxy.post(path, f"sk-{entity}/p", {"model": LLAMA, "user": mark, **body})
    assert (answer.status, answer.body["error"]["type"]) == (400, "invalid_request_error"), answer.text
    assert "meter" in answer.body["error"]["message"]
    assert upstream.calls_of(mark) == []
    assert service.holds(entity) == []


def test_a_call_type_that_is_listed_as_free_runs_without_a_hold(
    proxy: LiteLLMProxy, service: Service, upstream: Upstream
) -> None:
    entity, mark = service.entity(credits_usd=None), a_mark()
    # The server has no moderations; what matters is that it is asked.
    proxy.post("/v1/moderations", f"sk-{entity}/p", {"model": LLAMA, "input": mark})
    assert upstream.calls_of(mark) != []


def test_a_key_that_names_nobody_is_forbidden(proxy: LiteLLMProxy) -> None:
    answer = proxy.chat("sk-onlyorg", "hi")
    assert answer.status == 403
    assert answer.body["error"]["message"].startswith("This API key has no team_id")


def test_an_entity_that_does_not_exist_is_denied_and_not_made(proxy: LiteLLMProxy, service: Service) -> None:
    entity = a_name("nobody")
    assert proxy.chat(f"sk-{entity}/p", "hi").status == 429
    assert service.call(f"GET /v1/admin/entities/{entity}")[0] == 404


def test_a_model_without_a_price_is_not_found(proxy: LiteLLMProxy, service: Service) -> None:
    answer = proxy.chat(f"sk-{service.entity()}/p", "hi", model="cheap")
    assert (answer.status, answer.body["error"]["code"]) == (404, "model_not_found")


def test_while_tally_is_down_one_mode_refuses_and_the_other_runs_and_reports_later(
    proxy: LiteLLMProxy,
    proxies: tuple[LiteLLMProxy, LiteLLMProxy],
    service: Service,
    tally_link: Relay,
    upstream: Upstream,
) -> None:
    closed, opened = proxies
    entity, mark = service.entity(), a_mark()
    tally_link.go_down()
    answer = closed.chat(f"sk-{entity}/p", mark)
    assert (answer.status, answer.body["error"]["code"]) == (503, "overloaded")
    assert upstream.calls_of(mark) == []
    assert opened.chat(f"sk-{entity}/p", mark).status == 200
    assert opened.chat(f"sk-{entity}/p", mark, stream=True).status == 200
    assert service.events(entity) == []
    tally_link.come_up()
    assert [quantities(event) for event in service.counted(entity, 2)] == [QUANTITIES] * 2


def test_an_answer_of_tallys_that_comes_too_late_leaves_no_hold(
    proxy: LiteLLMProxy, service: Service, tally_link: Relay
) -> None:
    entity = service.entity()
    tally_link.keep_answers()
    assert proxy.chat(f"sk-{entity}/p", "hi").status == 503
    tally_link.drop_answers()
    service.until_nothing_is_held(entity)


def test_many_requests_at_once_are_each_charged_once(proxy: LiteLLMProxy, service: Service) -> None:
    entity = service.entity()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: proxy.chat(f"sk-{entity}/p", f"hi {number}"), range(40)))
    assert {answer.status for answer in answers} == {200}
    service.counted(entity, 40)
    service.until_nothing_is_held(entity)


def test_what_a_killed_proxy_had_not_sent_is_sent_by_another(
    proxy: LiteLLMProxy, proxies: tuple[LiteLLMProxy, LiteLLMProxy], service: Service, tally_link: Relay
) -> None:
    """The last test: it kills one of them."""
    _, opened = proxies
    entity = service.entity()
    tally_link.go_down()
    for number in range(5):
        assert opened.chat(f"sk-{entity}/p", f"hi {number}").status == 200
    until(
        "they are in the spool",
        lambda: (
            b"".join(each.read_bytes() for each in proxy.spool.glob("*/*.segment")).count(entity.encode())
            >= 5
        ),
    )
    opened.kill()
    tally_link.come_up()
    service.counted(entity, 5)
