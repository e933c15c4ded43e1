"""What a caller had of a stream when it hung up, as well as it can be told without the server."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

BYTES_PER_TOKEN = 4
"""Of text in most languages and tokenizers, as Tally's own gateway estimates it."""
_TEXTS = frozenset(
    {"text", "content", "delta", "thinking", "reasoning_content", "partial_json", "arguments", "refusal"}
)


def estimated_usage(chunks: Iterable[Any], input_bytes: int | None) -> dict[str, int]:
    """Empty where bytes bound no input: such an event becomes a dead letter, for a person."""
    if input_bytes is None:
        return {}
    pieces = [text for chunk in chunks for text in _texts_in(_plain(chunk))]
    # A stream has about one token a piece; some servers send several at once.
    output = max(len(pieces), _tokens(sum(len(piece.encode(errors="replace")) for piece in pieces)))
    prompt = _tokens(input_bytes)
    return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}


def _tokens(size_bytes: int) -> int:
    return math.ceil(size_bytes / BYTES_PER_TOKEN)


def _plain(chunk: Any) -> Any:
    """LiteLLM's chunks are its models, or server-sent events as they go to the caller."""
    if hasattr(chunk, "model_dump"):
        return chunk.model_dump()
    if isinstance(chunk, bytes):
        chunk = chunk.decode(errors="replace")
    if not isinstance(chunk, str):
        return chunk
    return [
        json.loads(line[5:]) for line in chunk.splitlines() if line.startswith("data:") and line.endswith("}")
    ]


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            if isinstance(each, str):
                if name in _TEXTS and each != "":
                    yield each
            else:
                yield from _texts_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts_in(each)
