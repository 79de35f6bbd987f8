"""A proxy that lets a server be slow, away, cut short, or do what it was asked and not say so.

    with between(server.port) as proxy:
        proxy.fail(Fault.LOST_REPLY, method="PUT", times=1)
        … at proxy.url instead of the server's

For HTTP without TLS. Each request has a connection of its own to the server; bytes pass unchanged, so
that signatures hold.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto

SLOW_S = 0.5


class Fault(Enum):
    """What may happen to a request."""

    SLOW = auto()
    """The answer comes late."""
    AWAY = auto()
    """Nobody answers: the connection is reset before the request is read."""
    UNAVAILABLE = auto()
    """503, and the server never heard of it."""
    CUT_REQUEST = auto()
    """Half of the request reaches the server, then both ends are reset."""
    LOST_REPLY = auto()
    """The server does it; whoever asked sees a reset."""
    CUT_REPLY = auto()
    """Half of the answer comes, then a reset."""
    GARBLED = auto()
    """The last byte of the answer is another one."""


@dataclass(slots=True)
class _Planned:
    fault: Fault
    method: str
    path: str
    times: int
    after: int

    def meets(self, method: str, path: str) -> bool:
        if self.times <= 0 or self.method not in {"", method} or self.path not in path:
            return False
        self.after -= 1
        return self.after < 0


@dataclass
class Proxy:
    """A proxy that runs; plans may change while it does."""

    upstream: int
    port: int = 0
    seen: list[str] = field(default_factory=list)
    """Every request that came, such as `PUT /bucket/key`."""
    met: int = 0
    """How many of them something happened to."""
    _plans: list[_Planned] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(
        self,
        fault: Fault,
        *,
        method: str = "",
        path: str = "",
        times: int = 1_000_000,
        after: int = 0,
    ) -> None:
        """Let this happen to requests of the method whose path holds the text; not to the first few."""
        with self._lock:
            self._plans.append(_Planned(fault, method, path, times, after))

    def recover(self) -> None:
        """Let everything pass again."""
        with self._lock:
            self._plans.clear()

    def _fault_of(self, method: str, path: str) -> Fault | None:
        with self._lock:
            self.seen.append(f"{method} {path}")
            for plan in self._plans:
                if plan.meets(method, path):
                    plan.times -= 1
                    self.met += 1
                    return plan.fault
        return None

    async def _serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._pass_on(client, back)
        back.close()

    async def _pass_on(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        head = await client.readuntil(b"\r\n\r\n")
        method, path = head.decode("latin-1").split(" ", 2)[:2]
        fault = self._fault_of(method, path)
        if fault is Fault.AWAY:
            return _reset(back)
        if fault is Fault.SLOW:
            await asyncio.sleep(SLOW_S)
        if fault is Fault.UNAVAILABLE:
            back.write(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return await back.drain()
        if b"100-continue" in head.lower():
            back.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await _body(client, head)
        if fault is Fault.CUT_REQUEST:
            await self._asked(_alone(head), body[: len(body) // 2], is_cut=True)
            return _reset(back)
        reply = await self._asked(_alone(head), body)
        if fault is Fault.LOST_REPLY:
            return _reset(back)
        if fault is Fault.GARBLED:
            reply = reply[:-1] + bytes([reply[-1] ^ 1])
        back.write(reply[: len(reply) // 2] if fault is Fault.CUT_REPLY else reply)
        await back.drain()
        return _reset(back) if fault is Fault.CUT_REPLY else None

    async def _asked(self, head: bytes, body: bytes, *, is_cut: bool = False) -> bytes:
        server, to = await asyncio.open_connection("127.0.0.1", self.upstream)
        to.write(head + body)
        await to.drain()
        if is_cut:
            _reset(to)
            return b""
        reply = await server.read()
        to.close()
        return reply


async def _body(client: asyncio.StreamReader, head: bytes) -> bytes:
    fields = head.lower().split(b"\r\n")
    length = next((int(f[15:]) for f in fields if f.startswith(b"content-length:")), 0)
    if b"transfer-encoding: chunked" in fields:
        raise ConnectionError("bodies in chunks of no stated length aren't passed on")
    return await client.readexactly(length)


def _alone(head: bytes) -> bytes:
    """Ask the server to end the connection after its answer, and not to wait for a go-ahead."""
    fields = [f for f in head[:-4].split(b"\r\n") if not f.lower().startswith(b"expect:")]
    return b"\r\n".join([*fields, b"Connection: close"]) + b"\r\n\r\n"


def _reset(writer: asyncio.StreamWriter) -> None:
    """End with a reset instead of a farewell."""
    plug: socket.socket = writer.get_extra_info("socket")
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def between(upstream: int) -> Iterator[Proxy]:
    """Run a proxy before a port of 127.0.0.1."""
    proxy, loop = Proxy(upstream), asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(proxy._serve, "127.0.0.1", 0))
    proxy.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
