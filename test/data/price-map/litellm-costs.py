"""Writes litellm-costs.json: usages of models of the price map beside this file, with what LiteLLM's own calculator says they cost.

    LITELLM_LOCAL_MODEL_COST_MAP=True python litellm-costs.py     (with litellm 1.110.2)

Each line is [model, service tier, region, attributes, time, quantities by meter, cost in US dollars as LiteLLM's double].
"""

import gzip
import json
import pathlib
import random
from datetime import datetime, timedelta, timezone

from litellm.cost_calculator import batch_cost_calculator
from litellm.litellm_core_utils.llm_cost_calc.tool_call_cost_tracking import StandardBuiltInToolCostTracking
from litellm.litellm_core_utils.llm_cost_calc.utils import generic_cost_per_token
from litellm.types.utils import (
    CacheCreationTokenDetails,
    CompletionTokensDetailsWrapper,
    PromptTokensDetailsWrapper,
    Usage,
)

HERE = pathlib.Path(__file__).parent
USAGES = 2_000
MODES = {"chat", "responses", "completion", "realtime", "embedding", "image_generation"}
SIZES = [10, 900, 7_000, 31_000, 33_000, 101_000, 127_999, 128_001, 200_000, 200_001, 257_000, 272_000, 272_001, 513_000]
NIGHTS = datetime(2026, 11, 2, tzinfo=timezone.utc)

random.seed(20261128)
prices = json.loads(gzip.open(HERE / "litellm-prices.json.gz", "rt").read())


def names(entry):
    return [name for name in entry if "cost" in name or name in ("tiered_pricing", "off_peak_pricing")]


def tiers_of(entry):
    found = [tier for tier in ("flex", "balanced", "priority", "ultrafast") if f"input_cost_per_token_{tier}" in entry]
    if "input_cost_per_token_batches" in entry and "output_cost_per_token_batches" in entry:
        found.append("batch")
    return found


def some(high):
    return random.randint(1, max(1, high))


def quantities_of(entry, tier):
    prompt = random.choice(SIZES) if any("above_" in n or n == "tiered_pricing" for n in names(entry)) else random.choice(SIZES[:6])
    parts = {}
    if random.random() < 0.5:
        parts["cached_input"] = some(prompt // 3)
    if random.random() < 0.4:
        parts["cache_write"] = some(prompt // 4)
    if random.random() < 0.4 and "cache_creation_input_token_cost_above_1hr" in entry:
        parts["cache_write_1h"] = some(prompt // 8)
    if random.random() < 0.5 and "cache_creation_input_token_cost_above_12hr" in entry:
        parts["cache_write_12h"] = some(prompt // 8)
        parts["cache_write_30m"] = some(prompt // 8)
    if tier != "batch":
        for meter, field in (("input_audio", "input_cost_per_audio_token"), ("input_image", "input_cost_per_image_token"), ("input_video", "input_cost_per_video_token")):
            if random.random() < 0.5 and field in entry:
                parts[meter] = some(prompt // 8)
        if parts.get("cached_input") and random.random() < 0.5 and "cache_read_input_audio_token_cost" in entry:
            parts["cached_input_audio"] = some(prompt // 8)
    parts["input"] = max(1, prompt - sum(parts.values()))
    if entry.get("mode") == "embedding":
        return parts
    if entry.get("output_cost_per_token") or entry.get("tiered_pricing"):
        parts["output"] = some(4_000)
        if random.random() < 0.4:
            parts["reasoning"] = some(4_000)
    if tier != "batch":
        for meter, field in (("output_audio", "output_cost_per_audio_token"), ("output_image", "output_cost_per_image_token")):
            if random.random() < 0.5 and field in entry:
                parts[meter] = some(2_000)
    return parts


def usage_of(q):
    """The parts of a prompt as LiteLLM's usage has them: cached audio is in the audio and in the cached tokens as well."""
    writes = {"5m": q.get("cache_write", 0), "30m": q.get("cache_write_30m", 0), "1h": q.get("cache_write_1h", 0), "12h": q.get("cache_write_12h", 0)}
    cached, cached_audio = q.get("cached_input", 0), q.get("cached_input_audio", 0)
    prompt = sum(n for meter, n in q.items() if meter not in OUTPUTS)
    completion = sum(n for meter, n in q.items() if meter in OUTPUTS)
    details = {
        "text_tokens": q.get("input", 0) + (cached if cached_audio else 0),
        "audio_tokens": q.get("input_audio", 0) + cached_audio,
        "image_tokens": q.get("input_image", 0),
        "video_tokens": q.get("input_video", 0),
        "cached_tokens": cached + cached_audio,
        "cache_creation_tokens": sum(writes.values()),
        "cache_creation_token_details": CacheCreationTokenDetails(**{f"ephemeral_{time}_input_tokens": n for time, n in writes.items()}),
    }
    if cached_audio:
        details["cached_tokens_details"] = {"text_tokens": cached, "audio_tokens": cached_audio}
    outputs = {
        "text_tokens": q.get("output", 0),
        "reasoning_tokens": q.get("reasoning", 0),
        "audio_tokens": q.get("output_audio", 0),
        "image_tokens": q.get("output_image", 0),
    }
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        prompt_tokens_details=PromptTokensDetailsWrapper(**details),
        completion_tokens_details=CompletionTokensDetailsWrapper(**outputs),
    )


OUTPUTS = {"output", "reasoning", "output_audio", "output_image"}


def regions_of(entry):
    found = [name.removeprefix("regional_processing_uplift_multiplier_") for name in entry if name.startswith("regional_processing_")]
    return found + (["fedramp"] if "fedramp_uplift_multiplier" in entry else [])


def one(model):
    entry = prices[model]
    tiers, regions = tiers_of(entry), regions_of(entry)
    tier = random.choice(["default", *tiers]) if tiers else "default"
    region = random.choice([None, *regions]) if regions else None
    at = NIGHTS + timedelta(minutes=random.randrange(14 * 24 * 60))
    quantities = quantities_of(entry, tier)
    provider, usage = entry.get("litellm_provider", ""), usage_of(quantities)
    if tier == "batch":
        costs = batch_cost_calculator(usage=usage, model=model, custom_llm_provider=provider, model_info=dict(entry), data_residency=region)
    else:
        asked = None if tier == "default" else tier
        costs = generic_cost_per_token(model, usage, provider, service_tier=asked, data_residency=region, model_info=dict(entry), current_time=at)
    cost, attributes = sum(costs), None
    # Its uplifts are for tokens alone: a search is added where none applies.
    if "search_context_cost_per_query" in entry and region is None and random.random() < 0.5:
        size, searches = random.choice(["low", "medium", "high"]), some(9)
        attributes = {"search_context_size": size}
        each = StandardBuiltInToolCostTracking.get_cost_for_web_search(web_search_options={"search_context_size": size}, model_info=dict(entry))
        quantities["search"] = searches
        cost += each * searches
    return [model, tier, region, attributes, at.isoformat().replace("+00:00", "Z"), quantities, cost]


def main():
    priced = [
        model
        for model, entry in prices.items()
        if entry.get("mode") in MODES and (entry.get("input_cost_per_token") or entry.get("tiered_pricing"))
    ]
    rich = [model for model in priced if len(names(prices[model])) > 4]
    special = [model for model in priced if "tiered_pricing" in prices[model] or "off_peak_pricing" in prices[model] or "input_cost_per_audio_token" in prices[model]]
    lines = []
    for index in range(USAGES):
        lines.append(one(random.choice([priced, rich, special][index % 3])))
    text = "[\n" + ",\n".join(json.dumps(line, separators=(",", ":")) for line in lines) + "\n]\n"
    with gzip.GzipFile(HERE / "litellm-costs.json.gz", "wb", mtime=0) as file:
        file.write(text.encode())


main()
