"""What a stream was worth whose caller hung up, in each form in which LiteLLM passes it on."""

from __future__ import annotations

from typing import Any

import pytest
from litellm import ModelResponseStream, TextCompletionResponse
from litellm.types.utils import Delta, StreamingChoices, TextChoices

from tally_client.litellm.cut_stream import estimated_usage

INPUT_BYTES = 41
FORMS: dict[str, list[Any]] = {
    "chunks of a chat": [
        ModelResponseStream(choices=[StreamingChoices(delta=Delta(content=word))])
        for word in ("one ", "two ")
    ],
    "chunks of a text completion": [
        TextCompletionResponse(choices=[TextChoices(text=word)]) for word in ("one ", "two ")
    ],
    "events of a message": [
        b'event: message_start\ndata: {"type":"message_start","message":{"content":[],"usage":{"input_tokens":0}}}\n\n',
        b'event: content_block_delta\ndata: {"delta":{"type":"text_delta","text":"one "}}\n\n',
        'event: content_block_delta\ndata: {"delta":{"type":"text_delta","text":"two "}}\n\ndata: [DONE]\n\n',
    ],
    "events of a response": [
        {"type": "response.output_text.delta", "delta": word} for word in ("one ", "two ")
    ],
}


@pytest.mark.parametrize("form", FORMS)
def test_each_piece_is_a_token_and_four_bytes_of_the_prompt_are_one(form: str) -> None:
    expected = {"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13}
    assert estimated_usage(FORMS[form], INPUT_BYTES) == expected


def test_pieces_of_many_tokens_are_counted_by_their_bytes() -> None:
    assert estimated_usage([{"delta": "x" * 400}], INPUT_BYTES)["completion_tokens"] == 100


def test_nothing_is_told_of_a_prompt_that_bytes_do_not_bound() -> None:
    assert estimated_usage(FORMS["events of a message"], None) == {}
