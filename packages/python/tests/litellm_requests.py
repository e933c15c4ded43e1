"""What callers ask LiteLLM's proxy for, and what each request is worth."""

from __future__ import annotations

import uuid
from typing import Any

from upstream import CACHED_TOKENS, PROMPT_TOKENS, WORDS

QUANTITIES = {"input": PROMPT_TOKENS - CACHED_TOKENS, "cached_input": CACHED_TOKENS, "output": len(WORDS)}
EMBEDDING = {"input": PROMPT_TOKENS}

REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
    "completions": ("/v1/completions", {"prompt": "hi"}),
    "responses": ("/v1/responses", {"input": "hi"}),
    "messages": ("/v1/messages", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 64}),
}


def saying(kind: str, text: str) -> tuple[str, dict[str, Any]]:
    """The request of that kind with the text as its prompt."""
    path, body = REQUESTS[kind]
    [place] = [name for name in ("messages", "prompt", "input") if name in body]
    return path, {**body, place: [{"role": "user", "content": text}] if place == "messages" else text}


def a_mark() -> str:
    """Names a request in its prompt."""
    return f"mark-{uuid.uuid4()}"


def quantities(event: dict[str, Any]) -> dict[str, int]:
    counts = {name: int(count) for name, count in event["quantities"].items() if int(count) > 0}
    # The server of responses says how much of the output was reasoning.
    reasoning = counts.pop("reasoning", 0)
    return {**counts, "output": counts["output"] + reasoning} if reasoning else counts
