"""The client for asyncio, over aiohttp: one task's wait holds up no other. The outbox works in threads of its own."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import aiohttp

from . import calls
from .calls import Answer, Call, Receipt, Reservation
from .client import _Transport, open_outbox, required
from .errors import Refused, TallyError, Unavailable, unavailable
from .log import log, reason_of
from .loop_wakeups import LoopWakeups
from .outbox import OnFailure, OnRefused, Outbox, log_failure, log_refused
from .usage_event import UsageEvent

T = TypeVar("T")

_CONNECTIONS_MAX = 256
_RELEASES_MAX = 1_000
_RELEASE_AFTER_SECONDS = (0.0, 2.0, 30.0)


class AsyncTally:
    """``Tally`` with ``await``: the same arguments, results and errors. One belongs to one event loop."""

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        outbox: str | Path | None = None,
        timeout_seconds: float = calls.TIMEOUT_SECONDS,
        on_failure: OnFailure = log_failure,
        on_refused: OnRefused = log_refused,
    ) -> None:
        self._url = url.rstrip("/")
        self._authorization = f"Bearer {api_key}"
        self._timeout_seconds = timeout_seconds
        self._session: aiohttp.ClientSession | None = None
        self._releases: set[asyncio.Task[None]] = set()
        self._wakeups: LoopWakeups | None = None
        self._reports = _Transport(url, api_key, timeout_seconds)
        self._outbox = open_outbox(self._reports, outbox, on_failure, on_refused)

    async def reserve(
        self,
        *,
        project: str,
        model: str | Sequence[str],
        input_tokens: int | None = None,
        input_bytes: int | None = None,
        max_output_tokens: int | None = None,
        input_count: int | None = None,
        output_count: int | None = None,
        service_tier: str | None = None,
        region: str | None = None,
        ttl_seconds: int | None = None,
    ) -> Reservation:
        """See ``Tally.reserve``.

        Where the answer is lost or unreadable, or the task is cancelled, the hold is released in the background.
        """
        call = calls.reserve(
            project=project,
            model=model,
            input_tokens=input_tokens,
            input_bytes=input_bytes,
            max_output_tokens=max_output_tokens,
            input_count=input_count,
            output_count=output_count,
            service_tier=service_tier,
            region=region,
            ttl_seconds=ttl_seconds,
        )
        try:
            return await self._run(call)
        except (Refused, Unavailable) as error:
            self._release_later(project, error.request_id)
            raise
        except asyncio.CancelledError:
            self._release_later(project, call.request_id)
            raise

    async def release(self, reservation_id: str) -> None:
        """See ``Tally.release``."""
        await self._run(calls.release(reservation_id))

    async def release_request(self, project: str, request_id: str) -> None:
        """See ``Tally.release_request``."""
        await self._run(calls.release_request(project, request_id))

    async def extend(self, reservation_id: str, ttl_seconds: int) -> bool:
        """See ``Tally.extend``."""
        return await self._run(calls.extend(reservation_id, ttl_seconds))

    async def check(self, project: str, model: str | None = None) -> None:
        """See ``Tally.check``."""
        await self._run(calls.check(project, model))

    async def send(self, events: Sequence[UsageEvent]) -> Receipt:
        """See ``Tally.send``."""
        return await self._run(calls.send([Outbox.encode(event) for event in events]))

    async def report(self, *events: UsageEvent) -> None:
        """See ``Tally.report``."""
        if self._wakeups is None:
            self._wakeups = LoopWakeups()
        await self._wakeups.awaitable(self.outbox.add(events))

    @property
    def outbox(self) -> Outbox:
        return required(self._outbox)

    def _release_later(self, project: str, request_id: str | None) -> None:
        if request_id is None or len(self._releases) >= _RELEASES_MAX:
            return
        task = asyncio.get_running_loop().create_task(self._release_lost(project, request_id))
        self._releases.add(task)
        task.add_done_callback(self._releases.discard)

    async def _release_lost(self, project: str, request_id: str) -> None:
        """More than once, since the reservation itself may still be on its way. At worst the hold expires by itself."""
        for seconds in _RELEASE_AFTER_SECONDS:
            await asyncio.sleep(seconds)
            try:
                await self.release_request(project, request_id)
            except TallyError as error:
                log(
                    logging.INFO, "a hold is not released yet", request_id=request_id, reason=reason_of(error)
                )

    async def close(self, seconds: float = 10.0) -> None:
        """See ``Tally.close``."""
        for task in self._releases:
            task.cancel()
        if self._outbox is not None:
            await asyncio.to_thread(self._outbox.close, seconds)
        self._reports.close()
        if self._session is not None:
            await self._session.close()

    async def __aenter__(self) -> AsyncTally:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _run(self, call: Call[T]) -> T:
        return call.read(await self._answer(call))

    async def _answer(self, call: Call[T]) -> Answer:
        deadline = time.monotonic() + self._timeout_seconds
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._send(call, deadline - time.monotonic())
            except (OSError, aiohttp.ClientError, asyncio.TimeoutError) as error:
                if attempt < calls.ATTEMPTS_MAX and time.monotonic() < deadline:
                    continue
                raised = unavailable(error)
                raised.request_id = call.request_id
                raise raised from error

    async def _send(self, call: Call[T], seconds: float) -> Answer:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(limit=_CONNECTIONS_MAX)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        async with self._session.request(
            call.method,
            self._url + call.path,
            data=call.body,
            headers={"authorization": self._authorization, **call.headers},
            timeout=aiohttp.ClientTimeout(total=seconds),
            # It would call an empty body a stream of bytes.
            skip_auto_headers=("content-type",),
            allow_redirects=False,
        ) as response:
            body = await response.read()
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, headers, body)
