"""The blocking client. Threads may share one; it needs nothing but the standard library."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from types import TracebackType
from typing import TypeVar
from urllib.parse import urlsplit

from . import calls
from .calls import Answer, Call, Receipt, Reservation
from .errors import Refused, TallyError, unavailable
from .log import log, reason_of
from .outbox import OnFailure, OnRefused, Outbox, log_failure, log_refused
from .usage_event import UsageEvent

T = TypeVar("T")

_IDLE_CONNECTIONS_MAX = 64
_READ_BYTES = 65_536


class Tally:
    """Asks Tally whether requests may run, and reports what they used.

    ``api_key`` is a key with the role ``gateway``. ``outbox`` is a directory on a local disk that outlives the process;
    several processes may share it. Without it, ``report`` is not possible.
    """

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
        self._transport = _Transport(url, api_key, timeout_seconds)
        self._outbox = open_outbox(self._transport, outbox, on_failure, on_refused)

    def reserve(
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
        """Holds what a request may cost. Raises ``Denied``, ``Unavailable`` or ``Refused``; a denial is never retried.

        ``project`` is ``entity/project``. A list of 1 to 8 models names what the request may fall back on: the dearest is
        held. ``input_bytes`` stands for ``input_tokens`` as an upper bound, so that no tokenizer is needed; without both, the
        most that the model takes is held. Where tokens are not known, ``input_count`` says how many prompts, texts or documents
        there are, and ``output_count`` how many answers (``n``): each may be as large as the model allows. ``service_tier``
        ``auto`` holds the dearest tier. ``ttl_seconds`` is 900 where it is left out, at most 86,400. The request's id is made
        here. Where the answer is unreadable, the hold is released before ``Refused`` is raised.
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
            return self._transport.run(call)
        except Refused as error:
            if error.request_id is not None:
                self._release_unread(project, error.request_id)
            raise

    def release(self, reservation_id: str) -> None:
        """Ends a hold without a charge. Ending it twice is the same as once."""
        self._transport.run(calls.release(reservation_id))

    def release_request(self, project: str, request_id: str) -> None:
        """The same for a request whose reservation id is not known: ``Unavailable.request_id`` after an answer that was lost."""
        self._transport.run(calls.release_request(project, request_id))

    def extend(self, reservation_id: str, ttl_seconds: int) -> bool:
        """Keeps a hold for ``ttl_seconds`` from now. False where it is gone already."""
        return self._transport.run(calls.extend(reservation_id, ttl_seconds))

    def check(self, project: str, model: str | None = None) -> None:
        """Raises what ``reserve`` would, without a hold: many requests at once can pass a limit together."""
        self._transport.run(calls.check(project, model))

    def send(self, events: Sequence[UsageEvent]) -> Receipt:
        """Reports 1 to 1,000 events once, without the outbox: raises where Tally did not take them."""
        return self._transport.run(calls.send([Outbox.encode(event) for event in events]))

    def report(self, *events: UsageEvent) -> None:
        """Returns when the events are safe: an fsync has covered them, or Tally has them. They are sent until Tally takes them.

        All of them are kept or none: raises ``OutboxError`` with ``outbox_full`` where there is no room.
        """
        self.outbox.add(events).result()

    def _release_unread(self, project: str, request_id: str) -> None:
        """Once, since the reservation has been answered. At worst the hold expires by itself."""
        try:
            self.release_request(project, request_id)
        except TallyError as error:
            log(logging.WARNING, "a hold is not released", request_id=request_id, reason=reason_of(error))

    @property
    def outbox(self) -> Outbox:
        return required(self._outbox)

    def close(self, seconds: float = 10.0) -> None:
        """Delivers what is left, for at most ``seconds``. What is then left is on disk, and the next start sends it."""
        if self._outbox is not None:
            self._outbox.close(seconds)
        self._transport.close()

    def __enter__(self) -> Tally:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_outbox(
    transport: _Transport, directory: str | Path | None, on_failure: OnFailure, on_refused: OnRefused
) -> Outbox | None:
    if directory is None:
        return None
    return Outbox(
        directory,
        lambda events: transport.run(calls.send(events)).rejected,
        on_failure=on_failure,
        on_refused=on_refused,
    )


def required(outbox: Outbox | None) -> Outbox:
    if outbox is None:
        raise TallyError("no_outbox", "Give the client an outbox directory to report usage")
    return outbox


class _Transport:
    """Kept-alive connections of the standard library."""

    def __init__(self, url: str, api_key: str, timeout_seconds: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ValueError(f"url must be such as http://127.0.0.1:3000, not {url!r}")
        self._class = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._authorization = f"Bearer {api_key}"
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._idle: list[HTTPConnection] = []
        self._pid = os.getpid()

    def run(self, call: Call[T]) -> T:
        return call.read(self._answer(call))

    def _answer(self, call: Call[T]) -> Answer:
        deadline = time.monotonic() + self._timeout_seconds
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._send(call, deadline)
            except (OSError, HTTPException) as error:
                if attempt < calls.ATTEMPTS_MAX and time.monotonic() < deadline:
                    continue
                raised = unavailable(error)
                raised.request_id = call.request_id
                raise raised from error

    def _send(self, call: Call[T], deadline: float) -> Answer:
        connection = self._take()
        is_reusable = False
        try:
            connection.timeout = _left(deadline)
            if connection.sock is None:
                connection.connect()
            connection.sock.settimeout(_left(deadline))
            headers = {"authorization": self._authorization, **call.headers}
            connection.request(call.method, self._prefix + call.path, body=call.body, headers=headers)
            response = connection.getresponse()
            parts: list[bytes] = []
            while part := response.read1(_READ_BYTES):
                parts.append(part)
                # A body that comes byte by byte must end in time too.
                if connection.sock is not None:
                    connection.sock.settimeout(_left(deadline))
            is_reusable = not response.will_close
            # Before 3.11.8 and 3.12.2 it stays open once all of it was read (CPython's gh-113199): the next call over the
            # connection would be sent, fail for its answer, and be sent again over another one.
            response.close()
            names: Mapping[str, str] = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, b"".join(parts))
        finally:
            if is_reusable:
                self._give_back(connection)
            else:
                connection.close()

    def _take(self) -> HTTPConnection:
        with self._lock:
            # After a fork the connections belong to the parent.
            if self._pid != os.getpid():
                self._pid, self._idle = os.getpid(), []
            if self._idle:
                return self._idle.pop()
        return self._class(self._host, self._port)

    def _give_back(self, connection: HTTPConnection) -> None:
        with self._lock:
            if len(self._idle) < _IDLE_CONNECTIONS_MAX:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("Tally did not answer in time")
    return left
