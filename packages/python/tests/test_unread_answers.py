"""Answers that something between the client and Tally wrote: the hold may exist, so it is released."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conftest import until
from tally_client import AsyncTally, Refused, Tally, TallyError, Unavailable

RESERVE = "/v1/quota/reservations"
RELEASE = "/v1/quota/reservations/release"


class Proxy:
    """Answers each reservation with ``status`` and ``body``, takes each release, and keeps what was asked."""

    def __init__(self) -> None:
        self.status, self.body = 200, b""
        self.asked: list[tuple[str, dict[str, object]]] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["content-length"]))
                proxy.asked.append((self.path, json.loads(content)))
                status, body = (204, b"") if self.path == RELEASE else (proxy.status, proxy.body)
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Nothing: the tests look at ``asked``."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def of(self, path: str) -> list[dict[str, object]]:
        return [body for asked, body in self.asked if asked == path]


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    thread = threading.Thread(target=proxy.server.serve_forever, daemon=True)
    thread.start()
    yield proxy
    proxy.server.shutdown()
    proxy.server.server_close()
    thread.join()


ANSWERS = [
    (201, b"<html>welcome</html>", Refused),
    (200, b'{"id": 7}', Refused),
    (404, b"<html>no such page</html>", Refused),
    (504, b"<html>gateway timeout</html>", Unavailable),
]


@pytest.mark.parametrize(("status", "body", "raised"), ANSWERS)
async def test_the_async_client_releases_the_hold_of_a_reservation_whose_answer_it_cannot_read(
    proxy: Proxy, status: int, body: bytes, raised: type[TallyError]
) -> None:
    proxy.status, proxy.body = status, body
    async with AsyncTally(proxy.url, "key") as tally:
        with pytest.raises(raised):
            await tally.reserve(project="acme/search", model="m")
        await asyncio.to_thread(until, "it is released", lambda: proxy.of(RELEASE))
    [reserved] = proxy.of(RESERVE)
    assert proxy.of(RELEASE)[0] == {"project": "acme/search", "request_id": reserved["request_id"]}


@pytest.mark.parametrize(("status", "body", "raised"), ANSWERS)
def test_the_blocking_client_names_the_request_and_releases_what_was_refused_unread(
    proxy: Proxy, status: int, body: bytes, raised: type[Refused | Unavailable]
) -> None:
    proxy.status, proxy.body = status, body
    tally = Tally(proxy.url, "key")
    with pytest.raises(raised) as error:
        tally.reserve(project="acme/search", model="m")
    [reserved] = proxy.of(RESERVE)
    assert isinstance(error.value, (Refused, Unavailable))
    assert error.value.request_id == reserved["request_id"]
    # An unavailable Tally is the caller's to release, as after no answer at all.
    released = [{"project": "acme/search", "request_id": reserved["request_id"]}]
    assert proxy.of(RELEASE) == (released if raised is Refused else [])
    tally.close()


@pytest.mark.parametrize(("status", "code"), [(401, "invalid_api_key"), (503, "overloaded")])
def test_an_answer_of_tallys_own_left_no_hold_and_releases_none(proxy: Proxy, status: int, code: str) -> None:
    proxy.status = status
    proxy.body = json.dumps({"error": {"code": code, "message": "no"}}).encode()
    tally = Tally(proxy.url, "key")
    with pytest.raises((Refused, Unavailable)) as error:
        tally.reserve(project="acme/search", model="m")
    assert isinstance(error.value, (Refused, Unavailable))
    assert (error.value.request_id, proxy.of(RELEASE)) == (None, [])
    tally.close()
