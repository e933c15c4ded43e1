"""A small OpenAI-like model server on loopback, in a thread of its own. What a request says decides how it is served."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

PROMPT_TOKENS, CACHED_TOKENS = 100, 40
WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog", "again"]


class Upstream:
    """Words of the prompt: ``fail`` answers 500, ``flaky`` fails the first attempt, ``hang`` waits in the middle of a stream or
    before an answer, ``break`` cuts the connection in the middle of a stream, ``silent`` tells no usage.
    """

    url = ""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        """Bodies, with the path beside them."""
        self.hung_up = threading.Event()
        """A caller ended a request that hung."""
        self.resume = threading.Event()
        """Set it, and what hangs goes on."""
        self._failed: set[str] = set()

    def calls_of(self, mark: str) -> list[dict[str, Any]]:
        return [request for request in self.requests if mark in json.dumps(request)]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append({"path": request.path, **body})
        text = json.dumps(body)
        mark = _mark_of(text)
        if "fail" in text or ("flaky" in text and mark not in self._failed):
            self._failed.add(mark)
            return web.json_response({"error": {"message": "broken", "type": "server_error"}}, status=500)
        if request.path.endswith("/embeddings"):
            return web.json_response(_embedding(body))
        chunks, whole = SHAPES[request.path](body)
        if "silent" in text:
            whole.pop("usage")
        if body.get("stream"):
            return await self._stream(request, text, chunks)
        if "hang" in text:
            await self._hang()
        return web.json_response(whole)

    async def _stream(
        self, request: web.Request, text: str, chunks: list[dict[str, Any]]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for index, chunk in enumerate(chunks):
            if "silent" in text and chunk.get("usage"):
                continue
            if index == len(chunks) // 2 and "hang" in text:
                await self._hang()
            if index == len(chunks) // 2 and "break" in text and request.transport is not None:
                request.transport.abort()
                return response
            event = f"event: {chunk['type']}\n" if "type" in chunk else ""
            await response.write(f"{event}data: {json.dumps(chunk)}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _hang(self) -> None:
        try:
            await asyncio.to_thread(self.resume.wait)
        except asyncio.CancelledError:
            self.hung_up.set()
            raise


def _mark_of(text: str) -> str:
    return text[text.find("mark-") :][:41]


def _max_tokens(body: dict[str, Any]) -> int:
    asked = [
        body.get(name, len(WORDS)) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens")
    ]
    return int(min(*asked, len(WORDS)))


def _chat(body: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    words = WORDS[: _max_tokens(body)]
    usage = {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": len(words),
        "total_tokens": PROMPT_TOKENS + len(words),
        "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS},
    }
    base = {"id": "chatcmpl-1", "created": 1, "model": body["model"]}
    message = {"role": "assistant", "content": " ".join(words)}
    whole = {
        **base,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage,
    }
    delta = {**base, "object": "chat.completion.chunk"}
    chunks: list[dict[str, Any]] = [
        {**delta, "choices": [{"index": 0, "delta": {"content": f"{word} "}, "finish_reason": None}]}
        for word in words
    ]
    chunks.append({**delta, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append({**delta, "choices": [], "usage": usage})
    return chunks, whole


def _text(body: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    chunks, whole = _chat(body)
    for each in [*chunks, whole]:
        each["object"] = "text_completion"
        each["choices"] = [
            {"index": 0, "text": "word ", "finish_reason": choice["finish_reason"]}
            for choice in each["choices"]
        ]
    return chunks, whole


def _response(body: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    words = WORDS[: _max_tokens(body)]
    part = {"type": "output_text", "text": " ".join(words), "annotations": []}
    item = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}
    whole = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": body["model"],
        "status": "completed",
        "output": [item],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": PROMPT_TOKENS,
            "input_tokens_details": {"cached_tokens": CACHED_TOKENS},
            "output_tokens": len(words),
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": PROMPT_TOKENS + len(words),
        },
    }
    start = {"response": {**whole, "status": "in_progress", "output": [], "usage": None}}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    chunks: list[dict[str, Any]] = [{"type": "response.created", **start}]
    chunks += [{"type": "response.output_text.delta", **place, "delta": f"{word} "} for word in words]
    chunks.append({"type": "response.completed", "response": whole})
    for number, chunk in enumerate(chunks):
        chunk["sequence_number"] = number
    return chunks, whole


def _embedding(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "object": "list",
        "model": body["model"],
        "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
        "usage": {"prompt_tokens": PROMPT_TOKENS, "total_tokens": PROMPT_TOKENS},
    }


Shape = Callable[[dict[str, Any]], tuple[list[dict[str, Any]], dict[str, Any]]]
SHAPES: dict[str, Shape] = {
    "/v1/chat/completions": _chat,
    "/v1/completions": _text,
    "/v1/responses": _response,
}


@contextmanager
def an_upstream() -> Iterator[Upstream]:
    upstream = Upstream()
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()
    ready = threading.Event()

    async def run() -> None:
        app = web.Application()
        app.router.add_post("/{path:.*}", upstream.serve)
        # A caller that hangs up cancels its handler.
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        upstream.url = f"http://{host}:{port}"
        ready.set()
        await ended.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield upstream
    finally:
        upstream.resume.set()
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)
