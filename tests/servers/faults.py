"""A proxy for one server that is slow, cut, or lets the deed be done and loses the reply."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum


class Fault(Enum):
    """What befalls a connection."""

    NONE = "passes"
    SILENT = "is accepted, and nothing ever comes back"
    DRIP = "answers a byte in each half second"
    CUT = "ends as soon as the reply has begun"
    LOST = "the server gets and does it; the reply is lost"


@dataclass
class Proxy:
    """Listens on a port of 127.0.0.1. `faults` is taken from the front; once empty, all passes."""

    upstream: int
    port: int = 0
    faults: list[Fault] = field(default_factory=list)
    always: Fault = Fault.NONE
    seen: list[Fault] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def serve(self, listener: socket.socket) -> None:
        """Take connections until the listener is closed."""
        while not self._ended.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            fault = self.faults.pop(0) if self.faults else self.always
            self.seen.append(fault)
            threading.Thread(target=self._pass, args=(client, fault), daemon=True).start()

    def end(self) -> None:
        """Let go of everything that is held."""
        self._ended.set()

    def _pass(self, client: socket.socket, fault: Fault) -> None:
        with client, suppress(OSError):
            if fault is Fault.SILENT:
                self._ended.wait(600)
                return
            with socket.create_connection(("127.0.0.1", self.upstream), timeout=60) as server:
                up = threading.Thread(target=_pump, args=(client, server), daemon=True)
                up.start()
                self._back(server, client, fault)

    def _back(self, server: socket.socket, client: socket.socket, fault: Fault) -> None:
        while data := server.recv(65536):
            if fault in (Fault.CUT, Fault.LOST):
                if fault is Fault.CUT:
                    client.sendall(data[:20])
                # Wakes the other pump too: while it reads, closing would end nothing.
                client.shutdown(socket.SHUT_RDWR)
                return
            if fault is Fault.DRIP:
                for byte in data:
                    client.sendall(bytes([byte]))
                    if self._ended.wait(0.5):
                        return
            else:
                client.sendall(data)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)


@contextmanager
def between(upstream: int) -> Iterator[Proxy]:
    """A proxy before the server on this port of 127.0.0.1."""
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = Proxy(upstream, listener.getsockname()[1])
    thread = threading.Thread(target=proxy.serve, args=(listener,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.end()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=30)
