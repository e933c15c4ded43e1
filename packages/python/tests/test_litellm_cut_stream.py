"""What a stream was worth whose caller hung up, in each form in which LiteLLM passes it on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from litellm import TextCompletionResponse
from litellm.types.utils import TextChoices

from tally_client.litellm.cut_stream import estimated_usage

INPUT_BYTES = 41
ESTIMATED = {"prompt_tokens": 11, "completion_tokens": 2}
SAID = {"input_tokens": 300, "cache_read_input_tokens": 40}


def usage_of(
    chunks: list[Any], *, input_bytes: int | None = INPUT_BYTES, max_output_tokens: int | None = None
) -> dict[str, Any]:
    return estimated_usage(chunks, input_bytes=input_bytes, max_output_tokens=max_output_tokens)


def sent(*events: dict[str, Any]) -> bytes:
    """As a server sends them: a text may hold any character, and JSON need not escape it."""
    return "".join(
        f"event: {event.get('type')}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n" for event in events
    ).encode()


def begins(**usage: int) -> dict[str, Any]:
    return {"type": "message_start", "message": {"content": [], "usage": {**usage, "output_tokens": 1}}}


def piece(text: str, name: str = "text") -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": f"{name}_delta", name: text}}


FORMS: dict[str, list[Any]] = {
    "chunks of a text completion": [
        TextCompletionResponse(choices=[TextChoices(text=word)]) for word in ("one ", "two ")
    ],
    "events of a message": [sent(begins(input_tokens=0)), sent(piece("one ")), sent(piece("two "))],
    "text of a message": [sent(piece("one ")).decode(), sent(piece("two ")).decode() + "data: [DONE]\n\n"],
}


@pytest.mark.parametrize("form", FORMS)
def test_each_piece_is_a_token_and_four_bytes_of_the_prompt_are_one(form: str) -> None:
    assert usage_of(FORMS[form]) == ESTIMATED


def test_it_does_not_matter_where_a_stream_of_bytes_is_cut_into_chunks() -> None:
    stream = sent(piece("a}\u2028b"), piece("\u0085", "thinking"))
    for at in range(len(stream) + 1):
        assert usage_of([stream[:at], stream[at:]]) == ESTIMATED, at


def test_the_event_in_which_a_caller_hangs_up_counts_once_it_is_whole() -> None:
    stream = sent(piece("one "), piece("two "))
    counts = [usage_of([stream[:at]])["completion_tokens"] for at in range(len(stream))]
    assert counts == sorted(counts)
    assert set(counts) == {0, 1, 2}


def test_pieces_of_many_tokens_are_counted_by_their_bytes_and_never_above_what_is_held() -> None:
    chunks = [sent(piece("x" * 400))]
    assert usage_of(chunks)["completion_tokens"] == 100
    assert usage_of(chunks, max_output_tokens=64)["completion_tokens"] == 64


def test_what_the_server_said_of_its_input_stands() -> None:
    assert usage_of([sent(begins(**SAID), piece("one "))]) == {**SAID, "output_tokens": 1}
    assert usage_of([sent(begins(**SAID))], input_bytes=None) == {**SAID, "output_tokens": 0}


def test_what_the_server_said_of_its_output_stands() -> None:
    ends = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}
    assert usage_of([sent(begins(**SAID), piece("one "), ends)]) == {**SAID, "output_tokens": 7}
    chunk = {
        "choices": [{"text": "one "}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
    }
    assert usage_of([chunk]) == {"prompt_tokens": 5, "completion_tokens": 3}


@pytest.mark.parametrize(
    "chunk",
    [b"data: {", b"data: []", b"data: " + b"[" * 100_000, b"\xff", {"choices": None}, {"delta": "x"}, None],
)
def test_what_cannot_be_read_counts_nothing(chunk: Any) -> None:
    assert usage_of([chunk, sent(piece("one ")), sent(piece("two "))])["completion_tokens"] in (1, 2)


def test_nothing_is_told_of_a_prompt_that_bytes_do_not_bound() -> None:
    assert usage_of(FORMS["events of a message"], input_bytes=None) == {}
