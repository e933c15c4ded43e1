"""What LiteLLM keeps of a request and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .order import OPERATIONS

_COUNTS = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens")


def metadata_of(data: dict[str, Any]) -> dict[str, Any]:
    """LiteLLM's own. Beside ``litellm_metadata``, ``metadata`` is the caller's and goes to the model server."""
    name = "litellm_metadata" if isinstance(data.get("litellm_metadata"), dict) else "metadata"
    metadata = data.get(name)
    if not isinstance(metadata, dict):
        metadata = data[name] = {}
    return metadata


def attempt_of(data: dict[str, Any]) -> tuple[str, bool]:
    """
    The model group that answers, of which LiteLLM keeps another after a fallback than the caller asked for, and whether the answer
    comes from the cache.
    """
    details = getattr(data.get("litellm_logging_obj"), "model_call_details", None) or {}
    params = details.get("litellm_params") or {}
    groups = [(params.get(name) or {}).get("model_group") for name in ("litellm_metadata", "metadata")]
    group = next(filter(None, [*groups, data.get("model")]), "")
    return str(group), details.get("cache_hit") is True


def ask_for_usage(data: dict[str, Any], call_type: str) -> None:
    """LiteLLM asks for it in streams of chats only."""
    if OPERATIONS[call_type] == "completions" and data.get("stream"):
        options = data.get("stream_options")
        data["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}


def usage_of(response: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
    """As the server sent it, in LiteLLM's form. Empty where it sent none: such an event becomes a dead letter, for a person."""
    # Every answer has tokens: LiteLLM writes 0 where it was told nothing, in one place or in both.
    places: tuple[Any, Any] = (getattr(response, "usage", None), facts.get("usage_object"))
    for usage in places:
        counts: Any = usage.model_dump() if hasattr(usage, "model_dump") else usage
        if isinstance(counts, dict) and any(counts.get(name) for name in _COUNTS):
            return without_nulls(counts)
    return {}


def without_nulls(usage: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: without_nulls(value) if isinstance(value, dict) else value
        for name, value in usage.items()
        if value is not None
    }


def text_of(value: Any) -> str | None:
    return value if isinstance(value, str) and value != "" else None
