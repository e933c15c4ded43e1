"""What the callback holds and for whom, and what it takes from the environment."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from tally_client.litellm.in_flight import REQUESTS_MAX, Request, RequestsInFlight
from tally_client.litellm.order import Order, UnsupportedError, input_bytes_of, order_of
from tally_client.litellm.payload import usage_of
from tally_client.litellm.settings import Settings
from tally_client.litellm.subject import NoSubjectError, SubjectTemplate

NO_ROUTER = SimpleNamespace()
MESSAGES = [{"role": "user", "content": "hi"}]


def an_order(call_type: str = "acompletion", router: object = NO_ROUTER, **body: Any) -> Order:
    return order_of({"model": "m", "messages": MESSAGES, **body}, call_type, router)


@pytest.mark.parametrize("text", ["hello", "größer", "漢字仮名", "🦊" * 50, "a\u0000b", "\ud800"])
def test_the_bytes_of_an_input_are_never_fewer_than_its_tokens(text: str) -> None:
    bound = input_bytes_of({"messages": [{"role": "user", "content": text}]})
    assert bound is not None
    assert bound >= len(text.encode(errors="surrogatepass"))


def test_tools_schemas_and_token_numbers_count_as_input() -> None:
    schema = {"type": "object", "properties": {"type": {"type": "string", "enum": ["a"]}}}
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    with_tools = input_bytes_of({"messages": MESSAGES, "tools": tools})
    without = input_bytes_of({"messages": MESSAGES})
    assert with_tools is not None
    assert without is not None
    assert with_tools - without > len(json.dumps(schema, separators=(",", ":")))
    assert input_bytes_of({"input": [[1, 2, 3], [4]]}) is not None


@pytest.mark.parametrize(
    "body",
    [
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://a/b"}}]}
            ]
        },
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url"}}]}]},
        {"messages": MESSAGES, "tools": [{"type": "web_search"}]},
        {"input": "hi", "previous_response_id": "resp_1"},
        {"input": "hi", "conversation": "conv_1"},
        {"prompt_embeds": "gAJjdG9yY2g="},
        {"prompt": "hi", "prompt_embeds": ["gAJjdG9yY2g="]},
    ],
)
def test_an_input_that_bytes_do_not_bound_is_held_as_the_models_most(body: dict[str, Any]) -> None:
    assert input_bytes_of(body) is None


def test_the_output_that_is_held_is_that_of_all_answers() -> None:
    assert an_order().max_output_tokens is None
    assert an_order(max_tokens=10).max_output_tokens == 10
    assert an_order(max_tokens=10, max_completion_tokens=20, n=3).max_output_tokens == 60
    prompts = {"prompt": ["a", "b"], "best_of": 2, "max_tokens": 5}
    assert an_order("atext_completion", **prompts).max_output_tokens == 20
    assert an_order("aembedding", input="a").max_output_tokens == 0
    assert an_order(max_tokens=True, n="many").max_output_tokens is None


def test_what_is_not_bounded_is_held_for_each_input_and_each_answer() -> None:
    def counts(call_type: str = "acompletion", **body: Any) -> tuple[int, int]:
        order = an_order(call_type, **body)
        return order.input_count, order.output_count

    assert counts() == (1, 1)
    assert counts(n=3) == (1, 3)
    assert counts("atext_completion", prompt=["a", "b"], n=2, best_of=4) == (2, 8)
    assert counts("atext_completion", prompt=[[1, 2], [3]]) == (2, 2)
    assert counts("atext_completion", prompt=[1, 2, 3]) == (1, 1)
    assert counts("aembedding", input=["a", "b", "c"]) == (3, 1)
    assert counts("aembedding", input=[1, 2, 3]) == (1, 1)
    assert counts(n=10**9) == (1, 1_000_000)


@pytest.mark.parametrize(
    ("inputs", "count"),
    [
        ("a", 1),
        ([], 1),
        (["a", "b"], 2),
        ([1, 2, 3], 1),
        ([[1, 2], [3]], 2),
        ([0.5, 0.25], 1),
        ([[0.5], [0.25], [0.125]], 3),
        ([{"content": [{"type": "text", "text": "a"}]}] * 2, 2),
    ],
)
def test_each_of_several_inputs_is_held_for_in_whatever_form_it_comes(inputs: object, count: int) -> None:
    assert an_order("aembedding", input=inputs).input_count == count
    assert an_order("atext_completion", prompt=inputs).input_count == count
    embeds = an_order("atext_completion", prompt_embeds=inputs)
    assert (embeds.input_count, embeds.input_bytes) == (count, None if inputs else embeds.input_bytes)
    both = an_order("atext_completion", prompt=["a"], prompt_embeds=inputs)
    assert both.input_count == (count + 1 if inputs else 1)


def test_what_extra_body_writes_over_the_request_is_held_too() -> None:
    extra = {"max_tokens": 500, "n": 4, "prompt_embeds": ["a", "b"]}
    order = an_order("atext_completion", prompt="hi", max_tokens=5, extra_body=extra)
    assert (order.input_count, order.output_count) == (3, 12)
    assert (order.max_output_tokens, order.input_bytes) == (6_000, None)
    # A server that does not know it reads the request itself.
    assert an_order(max_tokens=50, extra_body={"max_tokens": 5}).max_output_tokens == 50
    assert an_order(extra_body={"max_tokens": 5}).max_output_tokens is None
    long = an_order(extra_body={"messages": [{"role": "user", "content": "x" * 1_000}]})
    assert long.input_bytes is not None
    assert long.input_bytes > 1_000
    for name in ("model", "stream", "stream_options", "background", "service_tier"):
        with pytest.raises(UnsupportedError, match=name):
            an_order(extra_body={name: "x"})


def test_usage_is_taken_from_where_there_is_some() -> None:
    zeros, counts = {"prompt_tokens": 0, "completion_tokens": 0}, {"prompt_tokens": 9, "completion_tokens": 3}
    assert usage_of(SimpleNamespace(usage=counts), {"usage_object": zeros}) == counts
    assert usage_of(SimpleNamespace(usage=zeros), {"usage_object": counts}) == counts
    assert usage_of(SimpleNamespace(usage=zeros), {"usage_object": zeros}) == {}
    assert usage_of(None, {"usage_object": None}) == {}


def test_a_request_is_held_for_all_that_it_may_fall_back_on() -> None:
    router = SimpleNamespace(
        fallbacks=[{"m": ["b"]}, {"b": ["c", "m"]}, {"*": ["d"]}],
        context_window_fallbacks=[{"b": ["large"]}],
        content_policy_fallbacks=None,
        model_group_alias={"large": {"model": "larger"}, "short": "m"},
    )
    # d is for models without a rule of their own, such as c.
    assert an_order(router=router).models == ["m", "b", "c", "larger", "d"]
    assert an_order(router=router, model="short").models[0] == "m"
    assert an_order(router=router, fallbacks=["x", {"model": "y"}]).models == ["m", "x", "y"]
    assert an_order(router=router, router_settings_override={"fallbacks": [{"m": ["z"]}]}).models == [
        "m",
        "z",
    ]
    assert an_order(router=router, disable_fallbacks=True).models == ["m"]


def test_requests_that_could_not_be_charged_right_are_refused() -> None:
    for body in ({"model": "a,b"}, {"model": None}, {"model": ["a"]}, {"background": True}):
        with pytest.raises(UnsupportedError):
            an_order("aresponses", **body)


def a_key(**fields: str) -> SimpleNamespace:
    return SimpleNamespace(**fields)


def test_the_subject_is_made_of_what_a_caller_cannot_choose() -> None:
    template = SubjectTemplate("{org_id}/{team_alias}")
    assert template.of(a_key(org_id="acme", team_alias="search")) == "acme/search"
    assert template.of(a_key(org_id="acme", team_alias="Web Search (EU)")) == "acme/Web-Search-EU-"
    assert SubjectTemplate("us-{org_alias}/all").of(a_key(organization_alias="acme")) == "us-acme/all"
    for key in (a_key(), a_key(org_id="acme", team_alias=""), a_key(org_id="///", team_alias="a")):
        with pytest.raises(NoSubjectError):
            template.of(key)
    for wrong in ("{end_user}/x", "{org_id}", "a/b/c", "/x"):
        with pytest.raises(ValueError, match=r"may name|two parts"):
            SubjectTemplate(wrong)


@pytest.mark.parametrize(
    ("alias", "name"),
    [("Web Search (EU)", "Web-Search-EU-"), (" padded ", "padded-"), ("._-search", "search"), ("A/B", "A-B")],
)
def test_an_alias_is_named_as_the_service_names_it(alias: str, name: str) -> None:
    """test/metering/litellm/litellm.test.ts has the same rows."""
    assert SubjectTemplate("aliases/{team_alias}").of(a_key(team_alias=alias)) == f"aliases/{name}"


@pytest.mark.parametrize("names", [["web search", "web-search"], ["web-search", "web search"]])
def test_two_names_that_would_become_one_are_not_taken_for_each_other(names: list[str]) -> None:
    template = SubjectTemplate("{org_id}/{team_alias}")
    for _ in range(2):
        assert template.of(a_key(org_id="acme", team_alias=names[0])) == "acme/web-search"
    with pytest.raises(NoSubjectError, match="both become"):
        template.of(a_key(org_id="acme", team_alias=names[1]))


def test_all_that_is_wrong_in_the_environment_is_told_at_once() -> None:
    environment = {
        "TALLY_URL": "tally:3000",
        "TALLY_FAIL_MODE": "ajar",
        "TALLY_SUBJECT": "{org}",
        "TALLY_HOLD_SECONDS": "0",
        "TALLY_TELLING_SECONDS": "soon",
        "TALLY_TIMEOUT_SECONDS": "inf",
    }
    with pytest.raises(ValueError, match="cannot start") as raised:
        Settings.from_environment(environment)
    told = str(raised.value)
    assert all(name in told for name in [*environment, "TALLY_API_KEY is missing", "TALLY_SPOOL is missing"])
    complete = {"TALLY_URL": "http://127.0.0.1:3000", "TALLY_API_KEY": "k", "TALLY_SPOOL": "/spool"}
    settings = Settings.from_environment({**complete, "TALLY_FREE_CALL_TYPES": "moderation, aspeech"})
    assert settings.free_call_types == {"moderation", "aspeech"}
    assert (settings.fail_mode, settings.hold_seconds) == ("closed", 900)


def test_requests_in_flight_are_bounded_in_number_and_time() -> None:
    requests = RequestsInFlight(seconds_max=60)
    first = Request("e/p", "chat", "res_1")
    requests.add(first)
    assert requests.get(first.id) is first
    for _ in range(REQUESTS_MAX):
        requests.add(Request("e/p", "chat", None))
    assert requests.get(first.id) is None
    expired = RequestsInFlight(seconds_max=0)
    expired.add(first)
    expired.forget_old()
    assert list(expired.held()) == []
