"""BullMQ for Python, straight onto Tally's queue: a producer that needs nothing of this package."""

from __future__ import annotations

from bullmq import Queue

from conftest import LLAMA, Service
from tally_client import usage_event


async def test_events_that_bullmq_for_python_adds_are_all_counted(service: Service) -> None:
    entity = service.entity()
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    events = [
        usage_event(project=f"{entity}/p", model=LLAMA, operation="chat", usage=usage) for _ in range(4)
    ]
    queue = Queue("usage-events", {"connection": service.redis_url})
    # Three alone, and one in an array, which one job may hold up to 1,000 of.
    for event in [*events[:3], events[3:]]:
        await queue.add("usage", event, {"removeOnComplete": True})
    await queue.close()
    assert {event["event_id"] for event in service.counted(entity, 4)} == {event["id"] for event in events}
