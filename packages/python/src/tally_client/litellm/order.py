"""What to hold for a request of LiteLLM's: read from its body, without a tokenizer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MODELS_MAX = 8
"""Tally holds for as many models that a request may run on."""

OPERATIONS = {
    "acompletion": "chat",
    "completion": "chat",
    "atext_completion": "completions",
    "text_completion": "completions",
    "aembedding": "embeddings",
    "embedding": "embeddings",
    "embeddings": "embeddings",
    "aresponses": "responses",
    "responses": "responses",
    "anthropic_messages": "chat",
}
"""The call types whose usage this callback knows how to report, and Tally's word for each."""

_INPUTS = (
    "messages",
    "prompt",
    "input",
    "system",
    "instructions",
    "tools",
    "functions",
    "response_format",
    "text",
)
ANSWERS_MAX = 1_000_000
"""Inputs or outputs that one reservation may name."""
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
# What they name adds tokens that the bytes of the request do not bound. Embeddings of a prompt may be a sparse tensor.
_UNBOUNDED = (
    "previous_response_id",
    "conversation",
    "file_ids",
    "vector_store_ids",
    "prompt_id",
    "prompt_embeds",
)
# LiteLLM writes what is in ``extra_body`` over the request after this callback has read it.
_NOT_IN_EXTRA_BODY = ("model", "stream", "stream_options", "background", "service_tier")
# Of any other type bytes bound nothing: a link of thirty characters is an image of a thousand tokens.
_TEXT_TYPES = frozenset(
    {
        "text",
        "input_text",
        "output_text",
        "refusal",
        "message",
        "reasoning",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "tool_result",
        "function",
        "function_call",
        "function_call_output",
        "custom",
        "json_object",
        "json_schema",
        "ephemeral",
        # Of JSON schemas.
        "object",
        "array",
        "string",
        "number",
        "integer",
        "boolean",
        "null",
    }
)
_DEPTH_MAX = 16


class UnsupportedError(Exception):
    """A request that could not be charged right. The message is for its caller."""

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True)
class Order:
    models: Sequence[str]
    input_bytes: int | None
    max_output_tokens: int | None
    input_count: int
    output_count: int
    service_tier: str | None


def order_of(body: Mapping[str, Any], call_type: str, router: Any) -> Order:
    model = body.get("model")
    if not isinstance(model, str) or model == "":
        raise UnsupportedError("model must name one model", "model")
    if "," in model:
        # LiteLLM runs all of them and reports one.
        raise UnsupportedError("model must name one model: several in one request are not metered", "model")
    if body.get("background"):
        # The usage comes with a later request that only reads the response.
        raise UnsupportedError("background responses are not metered", "background")
    tier = body.get("service_tier")
    operation = OPERATIONS[call_type]
    # A server may read either, so each is held for.
    bodies = [body, {**body, **_extra_body_of(body)}]
    inputs = max(input_count_of(each, operation) for each in bodies)
    outputs = 1 if operation == "embeddings" else inputs * max(map(answer_count_of, bodies))
    return Order(
        models=models_of(model, body, router),
        input_bytes=_largest(map(input_bytes_of, bodies)),
        max_output_tokens=0
        if operation == "embeddings"
        else _largest(max_output_tokens_of(each, outputs) for each in bodies),
        input_count=min(inputs, ANSWERS_MAX),
        output_count=min(outputs, ANSWERS_MAX),
        service_tier=tier if isinstance(tier, str) and 1 <= len(tier) <= 64 else None,
    )


def _extra_body_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    extra = body.get("extra_body")
    if not isinstance(extra, dict):
        return {}
    for name in _NOT_IN_EXTRA_BODY:
        if name in extra:
            raise UnsupportedError(
                f"extra_body must not have {name}: write it in the request itself", "extra_body"
            )
    return extra


def _largest(bounds: Iterable[int | None]) -> int | None:
    """``None`` where one of them bounds nothing."""
    known = list(bounds)
    return None if None in known else max(bound for bound in known if bound is not None)


def input_bytes_of(body: Mapping[str, Any]) -> int | None:
    """An upper bound of the input's tokens, since none is shorter than a byte. ``None`` where bytes bound nothing."""
    if any(body.get(name) for name in _UNBOUNDED):
        return None
    inputs = {name: body[name] for name in _INPUTS if body.get(name) is not None}
    if not _is_text(inputs, 0):
        return None
    try:
        # With the names and marks around each message, which a chat template makes fewer tokens of.
        text = json.dumps(inputs, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError):
        return None
    return len(text.encode(errors="surrogatepass"))


def _is_text(value: Any, depth: int) -> bool:
    if depth > _DEPTH_MAX:
        return False
    if isinstance(value, dict):
        kind = value.get("type")
        if isinstance(kind, str) and kind not in _TEXT_TYPES:
            return False
        return all(_is_text(each, depth + 1) for each in value.values())
    if isinstance(value, list):
        # Embeddings may come as lists of token numbers.
        return all(isinstance(each, (int, str)) or _is_text(each, depth + 1) for each in value)
    return True


def max_output_tokens_of(body: Mapping[str, Any], outputs: int) -> int | None:
    """The most that all answers together may have. ``None`` where the body does not limit them."""
    limits = [_count(body.get(name)) for name in _LIMITS]
    known = [limit for limit in limits if limit is not None]
    if not known:
        return None
    return min(max(known) * outputs, 2**31 - 1)


def answer_count_of(body: Mapping[str, Any]) -> int:
    """``n`` answers to each prompt, or the best of more."""
    return max(_count(body.get("n")) or 1, _count(body.get("best_of")) or 1)


def input_count_of(body: Mapping[str, Any], operation: str) -> int:
    """Prompts or texts to embed; at least one."""
    if operation == "embeddings":
        return max(1, _inputs_in(body.get("input")))
    if operation == "completions":
        return max(1, _inputs_in(body.get("prompt")) + _inputs_in(body.get("prompt_embeds")))
    return 1


def _inputs_in(value: Any) -> int:
    """A list of token numbers is one."""
    if isinstance(value, list) and not (value and isinstance(value[0], (int, float))):
        return len(value)
    return 0 if value is None else 1


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def models_of(model: str, body: Mapping[str, Any], router: Any) -> list[str]:
    """The model and all that LiteLLM may fall back on, the model first."""
    override = body.get("router_settings_override")
    found = [resolved_model(model, router)]
    if body.get("disable_fallbacks") is True:
        return found
    rules: list[Any] = []
    for name in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks"):
        overridden = override.get(name) if isinstance(override, dict) else None
        own = body.get(name) or overridden or getattr(router, name, None)
        rules.append(own if isinstance(own, list) else [])
    # A fallback may have fallbacks of its own. The list grows while it is walked.
    for group in found:
        for rule in rules:
            for each in _fallbacks_in(rule, group):
                target = resolved_model(each, router)
                if target not in found:
                    found.append(target)
    return found


def _fallbacks_in(rule: Sequence[Any], group: str) -> Iterable[str]:
    """Of one list in LiteLLM's forms: ``[{"a": ["b"]}, {"*": ["c"]}]`` in a configuration, ``["b", {"model": "c"}]`` in a body."""
    specific: list[str] = []
    generic: list[str] = []
    for item in rule:
        if isinstance(item, str):
            specific.append(item)
        elif isinstance(item, dict) and isinstance(item.get("model"), str):
            specific.append(item["model"])
        elif isinstance(item, dict):
            for key, targets in item.items():
                names = [each for each in map(_name_of, targets if isinstance(targets, list) else []) if each]
                if key == "*":
                    generic += names
                elif str(key).rsplit("/", maxsplit=1)[-1] == group.rsplit("/", maxsplit=1)[-1]:
                    specific += names
    return specific or generic


def _name_of(target: Any) -> str | None:
    name = target.get("model") if isinstance(target, dict) else target
    return name if isinstance(name, str) else None


def resolved_model(model: str, router: Any) -> str:
    """The model group that an alias of the proxy's stands for."""
    aliases = getattr(router, "model_group_alias", None)
    entry = aliases.get(model) if isinstance(aliases, dict) else None
    return _name_of(entry) or model
