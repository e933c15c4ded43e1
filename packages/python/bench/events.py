"""How many events a second the client reports, beside httpx that posts the same batches to the same server, in one run.

    python bench/events.py [--events 40000] [--rounds 5]

Needs httpx, and no service: a process of its own takes the posts, counts what is in them and answers as Tally does. Prints the
median of each way, and its ratio to httpx by rate and by the processor time of this process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from tally_client import AsyncTally, Tally, UsageEvent, usage_event

T = TypeVar("T")

BATCH = 1_000
CONNECTIONS = 4
REPORTERS = 64
"""Threads, or tasks times ten, that each report one event after the other."""


class _Counting(asyncio.Protocol):
    """HTTP/1.1 as far as two clients need it."""

    total = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._buffer = bytearray()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            length = (
                int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
                if b"content-length:" in head
                else 0
            )
            if len(self._buffer) < end + 4 + length:
                return
            accepted = self._buffer.count(b'"specversion"', end, end + 4 + length)
            del self._buffer[: end + 4 + length]
            _Counting.total += accepted
            body = json.dumps(
                {"object": "usage.receipt", "accepted": accepted, "rejected": [], "total": _Counting.total}
            ).encode()
            self._transport.write(
                b"HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                % (len(body), body)
            )


def serve(told: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(_Counting, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@dataclass
class Way:
    name: str
    run: Callable[[Sequence[UsageEvent]], None]
    against: str | None = None
    rates: list[float] = field(default_factory=list)
    cpu_micros: list[float] = field(default_factory=list)


def batches_of(events: Sequence[UsageEvent]) -> list[Sequence[UsageEvent]]:
    return [events[start : start + BATCH] for start in range(0, len(events), BATCH)]


def encoded(batch: Sequence[UsageEvent]) -> bytes:
    return json.dumps(batch, separators=(",", ":")).encode()


HEADERS = {"authorization": "Bearer k", "content-type": "application/cloudevents-batch+json"}


def ways_to(url: str, directory: Path) -> list[Way]:
    path = f"{url}/v1/usage/events"

    def bare(events: Sequence[UsageEvent]) -> None:
        with httpx.Client(headers=HEADERS) as client:
            for batch in batches_of(events):
                client.post(path, content=encoded(batch)).raise_for_status()

    def sent(events: Sequence[UsageEvent]) -> None:
        with Tally(url, "k", timeout_seconds=60) as tally:
            for batch in batches_of(events):
                tally.send(batch)

    def reported(events: Sequence[UsageEvent]) -> None:
        with Tally(url, "k", timeout_seconds=60, outbox=directory / "sync") as tally:
            with ThreadPoolExecutor(REPORTERS) as threads:
                for _ in threads.map(tally.report, events, chunksize=1):
                    pass
            tally.close(60)

    async def bare_async(events: Sequence[UsageEvent]) -> None:
        async with httpx.AsyncClient(headers=HEADERS) as client:

            async def post(batch: Sequence[UsageEvent]) -> None:
                (await client.post(path, content=encoded(batch))).raise_for_status()

            await in_turn(batches_of(events), post, CONNECTIONS)

    async def sent_async(events: Sequence[UsageEvent]) -> None:
        async with AsyncTally(url, "k", timeout_seconds=60) as tally:

            async def send(batch: Sequence[UsageEvent]) -> None:
                await tally.send(batch)

            await in_turn(batches_of(events), send, CONNECTIONS)

    async def reported_async(events: Sequence[UsageEvent]) -> None:
        async with AsyncTally(url, "k", timeout_seconds=60, outbox=directory / "async") as tally:
            await in_turn(events, tally.report, REPORTERS * 10)
            await tally.close(60)

    return [
        Way("httpx, batches of 1,000", bare),
        Way("Tally.send, batches of 1,000", sent, "httpx, batches of 1,000"),
        Way("Tally.report, one by one, outbox", reported, "httpx, batches of 1,000"),
        Way("httpx, async", lambda events: asyncio.run(bare_async(events))),
        Way("AsyncTally.send", lambda events: asyncio.run(sent_async(events)), "httpx, async"),
        Way(
            "AsyncTally.report, one by one, outbox",
            lambda events: asyncio.run(reported_async(events)),
            "httpx, async",
        ),
    ]


async def in_turn(items: Sequence[T], work: Callable[[T], Awaitable[None]], hands: int) -> None:
    """Each hand takes one item after the other."""
    left = iter(items)

    async def hand() -> None:
        for item in left:
            await work(item)

    await asyncio.gather(*(hand() for _ in range(hands)))


def measure(way: Way, events: Sequence[UsageEvent]) -> None:
    cpu, start = time.process_time(), time.perf_counter()
    way.run(events)
    seconds = time.perf_counter() - start
    way.rates.append(len(events) / seconds)
    way.cpu_micros.append((time.process_time() - cpu) / len(events) * 1e6)


def total_of(url: str) -> int:
    return int(httpx.post(url, content=b"[]").json()["total"])


def an_event(number: int) -> UsageEvent:
    usage = {
        "prompt_tokens": 812,
        "completion_tokens": 204,
        "total_tokens": 1_016,
        "prompt_tokens_details": {"cached_tokens": 512},
        "completion_tokens_details": {"reasoning_tokens": 64},
    }
    return usage_event(
        project=f"entity{number % 20}/project1",
        model="cw_meta-llama_Llama-3.3-70B-Instruct",
        operation="chat",
        usage=usage,
        reservation_id=f"res_{number:032x}",
        api_key_id="key_7",
        user_id="u_9",
        request_id=f"req_{number}",
    )


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--events", type=int, default=40_000)
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    events = [an_event(number) for number in range(options.events)]
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        url = f"http://127.0.0.1:{here.recv()}"
        with tempfile.TemporaryDirectory() as directory:
            ways = ways_to(url, Path(directory))
            for way in ways:
                way.run(events[:BATCH])
            # In turns, so that what else the machine does meets each of them.
            for _ in range(options.rounds):
                for way in ways:
                    before = total_of(url)
                    measure(way, events)
                    arrived = total_of(url) - before
                    if arrived != len(events):
                        raise RuntimeError(f"{way.name}: {arrived} of {len(events)} events arrived")
    finally:
        server.kill()
    by_name = {way.name: way for way in ways}
    for way in ways:
        rate, cpu = statistics.median(way.rates), statistics.median(way.cpu_micros)
        line = f"{way.name:38} {rate:9,.0f} events/s  {cpu:6.1f} us of processor time an event"
        if way.against is not None:
            bare = by_name[way.against]
            by_rate = rate / statistics.median(bare.rates)
            by_cpu = statistics.median(bare.cpu_micros) / cpu
            line += f"  ratio {by_rate:.2f} by rate, {by_cpu:.2f} by processor time"
        print(line)


if __name__ == "__main__":
    main()
