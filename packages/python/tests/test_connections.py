"""How both clients use a connection, against a server that counts."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tally_client import AsyncTally, Tally, usage_event

RECEIPT = json.dumps({"object": "usage.receipt", "accepted": 1, "rejected": []}).encode()
CALLS = 5


class Counting(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections = 0
    requests = 0
    is_chunked = False

    def setup(self) -> None:
        super().setup()
        type(self).connections += 1

    def do_POST(self) -> None:
        type(self).requests += 1
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(202)
        self.send_header("content-type", "application/json")
        if self.is_chunked:
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(RECEIPT), RECEIPT))
        else:
            self.send_header("content-length", str(len(RECEIPT)))
            self.end_headers()
            self.wfile.write(RECEIPT)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name of the base class
        """Nothing."""


@contextmanager
def a_server(*, is_chunked: bool) -> Iterator[tuple[str, type[Counting]]]:
    counting = type("Counted", (Counting,), {"is_chunked": is_chunked})
    with ThreadingHTTPServer(("127.0.0.1", 0), counting) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", counting
        finally:
            server.shutdown()
            thread.join()


EVENT = usage_event(project="e/p", model="m", operation="chat", usage={"prompt_tokens": 1})


def send_blocking(url: str) -> None:
    with Tally(url, "k", timeout_seconds=60) as tally:
        for _ in range(CALLS):
            assert tally.send([EVENT]).accepted == 1


def send_async(url: str) -> None:
    async def send() -> None:
        async with AsyncTally(url, "k", timeout_seconds=60) as tally:
            for _ in range(CALLS):
                assert (await tally.send([EVENT])).accepted == 1

    asyncio.run(send())


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("send", [send_blocking, send_async])
def test_each_call_is_sent_once_and_all_of_them_over_one_connection(
    send: Callable[[str], None], is_chunked: bool
) -> None:
    with a_server(is_chunked=is_chunked) as (url, counting):
        send(url)
        assert (counting.requests, counting.connections) == (CALLS, 1)
