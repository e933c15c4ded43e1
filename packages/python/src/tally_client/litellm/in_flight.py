"""The requests of this process that hold something or have not been reported."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..usage_event import new_id
from .order import Order

REQUESTS_MAX = 100_000


@dataclass
class Request:
    project: str
    operation: str
    reservation_id: str | None
    """None where Tally was down and the request runs all the same."""
    order: Order | None = None
    """What is held for, where LiteLLM may tell nothing of its usage."""
    id: str = field(default_factory=new_id)
    """Of the usage event too: nobody outside can choose it, and a request is charged once."""
    started_at: float = field(default_factory=time.monotonic)
    held_since: float = field(default_factory=time.monotonic)


class RequestsInFlight:
    """By id. A request that is not ended is forgotten after ``seconds_max``, when its hold has expired."""

    def __init__(self, seconds_max: float) -> None:
        self._seconds_max = seconds_max
        self._requests: OrderedDict[str, Request] = OrderedDict()

    def add(self, request: Request) -> None:
        self._requests[request.id] = request
        if len(self._requests) > REQUESTS_MAX:
            self._requests.popitem(last=False)

    def get(self, request_id: object) -> Request | None:
        return self._requests.get(request_id) if isinstance(request_id, str) else None

    def end(self, request: Request) -> None:
        self._requests.pop(request.id, None)

    def forget_old(self) -> None:
        """They are in the order in which they started."""
        while self._requests:
            oldest = next(iter(self._requests.values()))
            if time.monotonic() - oldest.started_at < self._seconds_max:
                return
            self.end(oldest)

    def held(self) -> Iterable[Request]:
        return [each for each in self._requests.values() if each.reservation_id is not None]
