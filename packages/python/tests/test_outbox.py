"""The outbox on a real disk: what was reported is delivered once, whatever happens in between."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from conftest import until
from tally_client import Outbox, OutboxError, Refused, Rejection, UsageEvent, usage_event
from tally_client.errors import unavailable
from tally_client.loop_wakeups import LoopWakeups
from tally_client.outbox.disk import Disk
from tally_client.outbox.segment_format import decode_segment, encode_record, record_length


def an_event(event_id: str = "e", **facts: Any) -> UsageEvent:
    return usage_event(
        project="entity1/p",
        model="m",
        operation="chat",
        usage={"total_tokens": 1},
        event_id=event_id,
        **facts,
    )


class Receiver:
    """Takes events as Tally does, or does not."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.is_down = False
        self.poison: set[str] = set()
        """Refused in the receipt."""
        self.refuses: Callable[[list[str]], int | None] = lambda ids: None
        """A status for a whole batch."""

    def deliver(self, events: Sequence[bytes]) -> list[Rejection]:
        ids = [str(json.loads(event)["id"]) for event in events]
        if self.is_down:
            raise unavailable("down")
        status = self.refuses(ids)
        if status is not None:
            raise Refused("invalid_event", "bad", status=status)
        self.batches.append(ids)
        return [
            Rejection(index, "invalid_tokens", "bad") for index, each in enumerate(ids) if each in self.poison
        ]

    @property
    def ids(self) -> list[str]:
        return [each for batch in self.batches for each in batch]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


def ignore(error: Exception) -> None:
    """A failure that the test expects."""


def segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("*/*.segment"))


def test_events_of_one_moment_share_a_batch_and_their_files_are_deleted_once_tally_has_them(
    receiver: Receiver, tmp_path: Path
) -> None:
    outbox = Outbox(tmp_path, receiver.deliver)
    for number in range(500):
        outbox.add([an_event(str(number))])
    until("all are delivered", lambda: len(receiver.ids) == 500)
    assert len(receiver.batches) < 50
    assert receiver.ids == [str(number) for number in range(500)]
    until("the files are deleted", lambda: segments(tmp_path) == [])
    outbox.close()


def test_a_report_returns_while_tally_is_down_and_the_next_start_sends_it(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.is_down = True
    first = Outbox(tmp_path, receiver.deliver, on_failure=ignore)
    first.add([an_event("1"), an_event("2")]).result(10)
    first.close(0.0)
    receiver.is_down = False
    with pytest.raises(OutboxError, match="closed"):
        first.add([an_event("3")])
    second = Outbox(tmp_path, receiver.deliver)
    until("it is delivered", lambda: receiver.ids == ["1", "2"])
    second.close()
    assert segments(tmp_path) == []


CHILD = """
import sys
from pathlib import Path
from tally_client import Outbox, usage_event
outbox = Outbox(Path(sys.argv[1]), lambda events: __import__("time").sleep(3600))
for number in range(10_000):
    event = usage_event(project="e/p", model="m", operation="chat", usage={}, event_id=f"{sys.argv[2]}-{number}")
    outbox.add([event]).result()
    print(event["id"], flush=True)
"""


def a_child(directory: Path, name: str) -> subprocess.Popen[str]:
    path = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", CHILD, str(directory), name]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    )


def test_what_processes_reported_before_they_were_killed_goes_to_another_one(
    receiver: Receiver, tmp_path: Path
) -> None:
    """Two at once, in a directory that they share, while a third uses it."""
    outbox = Outbox(tmp_path, receiver.deliver)
    children = [a_child(tmp_path, name) for name in ("a", "b")]
    safe: list[str] = []
    for child in children:
        assert child.stdout is not None
        safe += [child.stdout.readline().strip() for _ in range(50)]
        child.send_signal(signal.SIGKILL)
        safe += child.stdout.read().split()
        child.wait()
    until("another process sends all of them", lambda: set(safe) <= set(receiver.ids))
    outbox.close()
    assert len(receiver.ids) == len(set(receiver.ids))
    assert segments(tmp_path) == []


def test_there_is_no_more_than_the_bound_and_the_error_says_so(receiver: Receiver, tmp_path: Path) -> None:
    receiver.is_down = True
    outbox = Outbox(tmp_path, receiver.deliver, bytes_max=10_000, on_failure=ignore)
    safe: list[str] = []

    def fill() -> None:
        while True:
            outbox.add([an_event(str(len(safe)))]).result(10)
            safe.append(str(len(safe)))

    with pytest.raises(OutboxError, match="usage events are in") as raised:
        fill()
    assert raised.value.code == "outbox_full"
    assert 0.9 < outbox.fill_ratio() <= 1
    # All of one report are kept, or none.
    with pytest.raises(OutboxError):
        outbox.add([an_event("x"), an_event("y")])
    assert sum(path.stat().st_size for path in segments(tmp_path)) <= 10_000
    receiver.is_down = False
    until("there is room again", lambda: outbox.fill_ratio() == 0)
    assert receiver.ids == safe
    outbox.close()


def test_a_backlog_of_many_files_is_sent_whole_and_once(receiver: Receiver, tmp_path: Path) -> None:
    receiver.is_down = True
    outbox = Outbox(tmp_path, receiver.deliver, on_failure=ignore)
    ids = [str(number) for number in range(12_000)]
    for start in range(0, len(ids), 500):
        tags = {"padding": "x" * 200}
        outbox.add([an_event(each, tags=tags) for each in ids[start : start + 500]]).result(30)
    assert len(segments(tmp_path)) > 3
    receiver.is_down = False
    until("all are delivered", lambda: len(receiver.ids) >= len(ids))
    assert receiver.ids == ids
    assert max(map(len, receiver.batches)) == 1_000
    outbox.close()
    assert segments(tmp_path) == []


def test_an_event_that_tally_refuses_is_told_and_holds_up_no_other(
    receiver: Receiver, tmp_path: Path
) -> None:
    refused: list[str] = []
    receiver.poison = {"2"}
    outbox = Outbox(tmp_path, receiver.deliver, on_refused=lambda event, error: refused.append(event["id"]))
    outbox.add([an_event("1"), an_event("2"), an_event("3")]).result(10)
    until("it is told", lambda: refused == ["2"])
    outbox.close()


def test_a_batch_that_is_refused_as_a_whole_is_halved_until_the_one_at_fault_is_alone(
    receiver: Receiver, tmp_path: Path
) -> None:
    refused: list[str] = []
    receiver.refuses = lambda ids: 413 if "7" in ids else None
    outbox = Outbox(
        tmp_path,
        receiver.deliver,
        on_failure=ignore,
        on_refused=lambda event, error: refused.append(event["id"]),
    )
    outbox.add([an_event(str(number)) for number in range(16)]).result(10)
    until("it is alone", lambda: refused == ["7"])
    until("the others are delivered", lambda: len(receiver.ids) == 15)
    outbox.close()


def test_a_key_that_is_revoked_loses_nothing(receiver: Receiver, tmp_path: Path) -> None:
    failures: list[Exception] = []
    receiver.refuses = lambda ids: 401
    outbox = Outbox(tmp_path, receiver.deliver, on_failure=failures.append)
    outbox.add([an_event("1")]).result(10)
    until("it was tried again", lambda: len(failures) >= 2)
    receiver.refuses = lambda ids: None
    until("it is delivered", lambda: receiver.ids == ["1"])
    outbox.close()


class FailingDisk(Disk):
    def __init__(self) -> None:
        self.fails = True

    def append(self, file: int, content: bytes) -> None:
        if self.fails:
            # Half of it arrived.
            os.write(file, content[: len(content) // 2])
            raise OSError(28, "No space left on device")
        super().append(file, content)


def test_a_disk_that_fails_does_not_keep_events_from_tally(receiver: Receiver, tmp_path: Path) -> None:
    failures: list[Exception] = []
    outbox = Outbox(tmp_path, receiver.deliver, disk=FailingDisk(), on_failure=failures.append)
    outbox.add([an_event("1")]).result(10)
    assert receiver.ids == ["1"]
    assert "No space left" in str(failures[0])
    receiver.poison = {"2"}
    with pytest.raises(Refused):
        outbox.add([an_event("2")]).result(10)
    outbox.close()


def test_what_a_failing_disk_did_not_take_is_written_to_another_file_once_it_works(
    receiver: Receiver, tmp_path: Path
) -> None:
    disk = FailingDisk()
    receiver.is_down = True
    failures: list[Exception] = []
    outbox = Outbox(tmp_path, receiver.deliver, disk=disk, on_failure=failures.append)
    report = outbox.add([an_event("1"), an_event("2")])
    until("the disk failed", lambda: any("No space" in str(each) for each in failures))
    disk.fails = False
    report.result(10)
    outbox.close(0.0)
    receiver.is_down = False
    second = Outbox(tmp_path, receiver.deliver, on_failure=failures.append)
    until("both are delivered", lambda: set(receiver.ids) == {"1", "2"})
    second.close()


def test_a_report_that_the_closing_outbox_cannot_keep_fails(receiver: Receiver, tmp_path: Path) -> None:
    receiver.is_down = True
    outbox = Outbox(tmp_path, receiver.deliver, disk=FailingDisk(), on_failure=ignore)
    report = outbox.add([an_event("1")])
    outbox.close(0.0)
    with pytest.raises(OutboxError, match="before the event was safe"):
        report.result(10)


def test_a_damaged_record_costs_only_itself_and_its_file_is_kept(receiver: Receiver, tmp_path: Path) -> None:
    folder = tmp_path / "0"
    folder.mkdir(parents=True)
    records = [encode_record(Outbox.encode(an_event(str(number)))) for number in range(3)]
    damaged = records[1].replace(b"entity1", b"entity2")
    (folder / "000000000001.segment").write_bytes(records[0] + damaged + records[2] + records[0][:40])
    failures: list[Exception] = []
    outbox = Outbox(tmp_path, receiver.deliver, on_failure=failures.append)
    until("the others are delivered", lambda: receiver.ids == ["0", "2"])
    outbox.close()
    [failure] = failures
    assert f"at byte {len(records[0])}" in str(failure)
    assert [path.name for path in folder.glob("*damaged")] == ["000000000001.segment.damaged"]


def test_records_are_read_back_as_they_were_written() -> None:
    texts = [b"{}", b'{"a": "1 2 3"}', json.dumps({"a": "\u00e9\n"}).encode()]
    content = b"".join(map(encode_record, texts))
    assert decode_segment(content) == (texts, [])
    for text in [*texts, b"", b"x" * 9, b"x" * 10, b"x" * 123_456]:
        assert record_length(text) == len(encode_record(text))
    # Cut at any byte, the whole records before it are read and nothing is called damaged.
    for end in range(len(content)):
        records, damaged = decode_segment(content[:end])
        assert records == texts[: len(records)]
        assert damaged == []


async def test_what_threads_have_done_reaches_a_loop_with_its_errors_and_after_a_cancellation() -> None:
    wakeups = LoopWakeups()
    futures: list[Future[None]] = [Future() for _ in range(1_000)]
    waiting = [wakeups.awaitable(future) for future in futures]
    waiting[0].cancel()

    def end() -> None:
        for number, future in enumerate(futures):
            if number % 10 == 1:
                future.set_exception(OutboxError("outbox_closed", str(number)))
            else:
                future.set_result(None)

    thread = threading.Thread(target=end)
    thread.start()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    thread.join()
    assert isinstance(results[0], asyncio.CancelledError)
    for number, result in enumerate(results[1:], 1):
        assert str(result) == (str(number) if number % 10 == 1 else "None")
    done: Future[None] = Future()
    done.set_result(None)
    await wakeups.awaitable(done)


def test_threads_may_report_at_once(receiver: Receiver, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, receiver.deliver)

    def report(name: str) -> None:
        for number in range(50):
            outbox.add([an_event(f"{name}-{number}")]).result(10)

    threads = [threading.Thread(target=report, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outbox.close()
    assert sorted(receiver.ids) == sorted(f"{name}-{number}" for name in "abcd" for number in range(50))


def test_a_process_that_ends_in_order_writes_what_it_reported(tmp_path: Path, receiver: Receiver) -> None:
    program = CHILD.replace(".result()", "").replace("10_000", "100")
    command = [sys.executable, "-c", program, str(tmp_path), "c"]
    subprocess.run(
        command, check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True
    )
    outbox = Outbox(tmp_path, receiver.deliver)
    until("all are delivered", lambda: len(receiver.ids) == 100)
    outbox.close()


def test_an_outbox_is_not_shared_with_a_fork(receiver: Receiver, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, receiver.deliver)
    outbox._pid += 1
    with pytest.raises(OutboxError, match="fork"):
        outbox.add([an_event("1")])
    outbox.close()
