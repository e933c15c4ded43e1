"""A TCP relay in front of a server: it can be down, or let requests through and keep the answers."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


class Relay:
    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._is_down = False
        self._answers = threading.Event()
        self._answers.set()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def go_down(self) -> None:
        """Ends every connection, and each new one at once."""
        self._is_down = True
        self._end_all()

    def come_up(self) -> None:
        self._is_down = False
        self._answers.set()

    def keep_answers(self) -> None:
        """Requests arrive, and nobody hears of it."""
        self._answers.clear()

    def drop_answers(self) -> None:
        """What was kept is lost; from here on all is well."""
        self._end_all()
        self._answers.set()

    def close(self) -> None:
        self._listener.close()
        self.go_down()
        self._answers.set()

    def _end_all(self) -> None:
        with self._lock:
            ended, self._open = self._open, set()
        for each in ended:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._is_down:
                client.close()
                continue
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        try:
            while content := source.recv(65_536):
                if is_answer:
                    self._answers.wait()
                sink.sendall(content)
        except OSError:
            pass
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        source.close()
        with self._lock:
            self._open.discard(source)


@contextmanager
def a_relay(target: str) -> Iterator[Relay]:
    relay = Relay(target)
    try:
        yield relay
    finally:
        relay.close()
