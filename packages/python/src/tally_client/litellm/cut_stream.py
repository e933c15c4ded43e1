"""What a caller had of a stream when it hung up, as well as it can be told without the server."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .payload import without_nulls

BYTES_PER_TOKEN = 4
"""Of text in most languages and tokenizers, as Tally's own gateway estimates it."""
_MESSAGE_TEXTS = ("text", "thinking", "partial_json")
_INPUTS = ("prompt_tokens", "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def estimated_usage(
    chunks: Iterable[Any], *, input_bytes: int | None, max_output_tokens: int | None
) -> dict[str, Any]:
    """
    Of a text completion or a message: what the server has said, or else a token for each piece and for four bytes of the prompt.
    Empty where it said nothing and bytes bound no input: such an event becomes a dead letter, for a person.
    """
    begun: dict[str, Any] = {}
    so_far: dict[str, Any] = {}
    pieces: list[str] = []
    for event in _events_in(chunks):
        # A message begins with what its input has; what it says there of its output is no count yet.
        begun |= _counts_in(event.get("message"))
        so_far |= _counts_in(event)
        pieces += _texts_in(event)
    output = so_far.get("completion_tokens") or so_far.get("output_tokens")
    if output is None:
        output = _tokens_in(pieces, max_output_tokens)
    said = begun | so_far
    if any(name in said for name in _INPUTS):
        said.pop("total_tokens", None)
        return {**said, "completion_tokens" if "prompt_tokens" in said else "output_tokens": output}
    if input_bytes is None:
        return {}
    return {"prompt_tokens": math.ceil(input_bytes / BYTES_PER_TOKEN), "completion_tokens": output}


def _tokens_in(pieces: Sequence[str], tokens_max: int | None) -> int:
    """A stream has about one token a piece; some servers send several at once."""
    size_bytes = sum(len(piece.encode(errors="replace")) for piece in pieces)
    tokens = max(len(pieces), math.ceil(size_bytes / BYTES_PER_TOKEN))
    return tokens if tokens_max is None else min(tokens, tokens_max)


def _counts_in(told: object) -> dict[str, Any]:
    usage = told.get("usage") if isinstance(told, Mapping) else None
    if not isinstance(usage, Mapping):
        return {}
    return {name: count for name, count in without_nulls(usage).items() if count}


def _texts_in(event: Mapping[str, Any]) -> list[str]:
    choices = event.get("choices")
    texts = [choice.get("text") for choice in choices or [] if isinstance(choice, Mapping)]
    delta = event.get("delta")
    if isinstance(delta, Mapping):
        texts += [delta.get(name) for name in _MESSAGE_TEXTS]
    return [text for text in texts if isinstance(text, str) and text != ""]


def _events_in(chunks: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """Chunks are LiteLLM's models, or parts of the server-sent events that go to the caller, cut anywhere."""
    sent = b""
    for chunk in chunks:
        if isinstance(chunk, (bytes, str)):
            sent += chunk if isinstance(chunk, bytes) else chunk.encode(errors="replace")
        else:
            event = chunk.model_dump() if hasattr(chunk, "model_dump") else chunk
            if isinstance(event, Mapping):
                yield event
    for line in sent.split(b"\n"):
        if line.startswith(b"data:"):
            yield from _parsed(line[5:])


def _parsed(line: bytes) -> Iterator[Mapping[str, Any]]:
    """Nothing of what is no object: a mark of the end, or the event in which the caller hung up."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return
    if isinstance(event, Mapping):
        yield event
