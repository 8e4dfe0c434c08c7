"""A way to a server that slows down, or lets nothing through any more, when it is told to."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

_CHUNK_BYTES = 65536


class Proxy:
    """Passes connections on. `delay_s` is added to each part of an answer; with `is_hung` nothing of it comes back."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.delay_s = 0.0
        self.is_hung = False
        self._ended = threading.Event()
        self._open: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def close(self) -> None:
        self._ended.set()
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        self._threads.append(threading.Thread(target=target, args=args, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._to, timeout=10)
                server.settimeout(None)
                self._open += [client, server]
                self._start(self._pass, client, server, False)
                self._start(self._pass, server, client, True)

    def _pass(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        with suppress(OSError), source, target:
            while chunk := source.recv(_CHUNK_BYTES):
                if is_answer and (self.delay_s or self.is_hung):
                    self._ended.wait(60 if self.is_hung else self.delay_s)
                target.sendall(chunk)


@contextmanager
def proxy(endpoint: str) -> Iterator[Proxy]:
    """Stand in front of an `http://host:port`."""
    host, _, port = endpoint.removeprefix("http://").rstrip("/").partition(":")
    opened = Proxy(host, int(port))
    try:
        yield opened
    finally:
        opened.close()
