"""Tally's client: may this request run, and here is what it used.

``Tally`` blocks, ``AsyncTally`` is for asyncio. ``tally_client.litellm`` is a callback for LiteLLM's proxy.
"""

from .async_client import AsyncTally
from .calls import Receipt, Rejection, Remaining, Reservation
from .client import Tally
from .errors import CallerError, DenialDetails, Denied, OutboxError, Refused, TallyError, Unavailable
from .outbox import Outbox
from .usage_event import UsageEvent, UsageSource, new_id, usage_event

__all__ = [
    "AsyncTally",
    "CallerError",
    "DenialDetails",
    "Denied",
    "Outbox",
    "OutboxError",
    "Receipt",
    "Refused",
    "Rejection",
    "Remaining",
    "Reservation",
    "Tally",
    "TallyError",
    "Unavailable",
    "UsageEvent",
    "UsageSource",
    "new_id",
    "usage_event",
]
__version__ = "0.1.0"
