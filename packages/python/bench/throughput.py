"""How much of a LiteLLM proxy's throughput Tally's callback costs: the proxy with it, without it, and with it again, in one run.

    python bench/throughput.py [--seconds 15] [--callers 32]

Needs ``TALLY_URL`` and ``TALLY_ADMIN_KEY`` of a running service, and the extra ``[litellm]``. Prints one line for each proxy.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from conftest import LLAMA, Service
from litellm_proxy import LiteLLMProxy
from upstream import an_upstream


async def load(url: str, key: str, *, seconds: float, callers: int) -> tuple[float, float]:
    """Requests a second, and the median in milliseconds."""
    times: list[float] = []
    end = time.monotonic() + seconds
    body = {"model": LLAMA, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 10}

    async def call_again(session: aiohttp.ClientSession) -> None:
        while time.monotonic() < end:
            start = time.monotonic()
            async with session.post(f"{url}/v1/chat/completions", json=body) as response:
                await response.read()
                if response.status != 200:
                    raise RuntimeError(f"LiteLLM answered {response.status}")
            times.append(time.monotonic() - start)

    connector = aiohttp.TCPConnector(limit=callers)
    async with aiohttp.ClientSession(
        connector=connector, headers={"authorization": f"Bearer {key}"}
    ) as session:
        await asyncio.gather(*(call_again(session) for _ in range(callers)))
    return len(times) / seconds, statistics.median(times) * 1_000


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seconds", type=float, default=15)
    arguments.add_argument("--callers", type=int, default=32)
    options = arguments.parse_args()
    service = Service(os.environ["TALLY_URL"], os.environ["TALLY_ADMIN_KEY"], "")
    entity = service.entity(credits_usd="100000", monthly_cap_usd=None)
    key = f"sk-{entity}/p"
    rates: dict[str, list[float]] = {"without": [], "with": []}
    with an_upstream() as upstream, tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        environment = {
            "TALLY_URL": service.url,
            "TALLY_API_KEY": service.key(),
            "TALLY_SPOOL": str(directory / "spool"),
            "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path if path),
        }
        proxies = {
            name: LiteLLMProxy(
                directory / name, upstream_url=upstream.url, environment=environment, callbacks=callbacks
            )
            for name, callbacks in (("without", []), ("with", ["tally_litellm.handler"]))
        }
        try:
            for proxy in proxies.values():
                proxy.wait()
                asyncio.run(load(proxy.url, key, seconds=3, callers=options.callers))
            # In turns, so that what else the machine does meets both.
            for name in ("without", "with", "with", "without", "without", "with"):
                rate, median = asyncio.run(
                    load(proxies[name].url, key, seconds=options.seconds, callers=options.callers)
                )
                rates[name].append(rate)
                print(f"{name:8} callback: {rate:6.1f} requests/s, median {median:6.1f} ms", flush=True)
        finally:
            for proxy in proxies.values():
                proxy.stop()
    ratio = statistics.mean(rates["with"]) / statistics.mean(rates["without"])
    print(f"ratio: {ratio:.2f}")


if __name__ == "__main__":
    main()
