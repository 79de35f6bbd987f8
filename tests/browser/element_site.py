"""A small server for the built elements alone, with the CSP that every page has."""

from __future__ import annotations

import base64
import html
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import policy as mail_policy
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs
from uuid import UUID

import cv2
import numpy as np
from numpy.typing import NDArray

from safelight import vault

BUILT = Path(__file__).parents[2] / "src/safelight/web/static/built"
PAGES = Path(__file__).parent / "pages"
TENANT = UUID("6f0c1b9e-52a4-4c0e-9d6b-0d1c7a2e4f10")
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".woff2": "font/woff2",
    ".html": "text/html; charset=utf-8",
}


@dataclass
class Site:
    """What the server is to answer, and what came to it."""

    private: vault.IngestPrivate = field(default_factory=vault.IngestPrivate.generate)
    offer: str | None = None
    replies: list[tuple[int, str]] = field(default_factory=list)
    """Status and body, one for each upload in turn; status 0 hangs up. Then 201."""
    is_open: threading.Event = field(default_factory=threading.Event)
    """While clear, uploads wait for it before they are answered."""
    stop_status: int = 200
    stop_text: str = '{"next": "/stopped"}'
    uploads: list[dict[str, bytes]] = field(default_factory=list)
    forms: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def offered(self) -> str:
        """Return the offer as the page has it."""
        public = self.private.public
        expires = datetime.now(UTC) + timedelta(days=14)
        return self.offer or json.dumps(
            {
                "kid": vault.kid_of(self.private.suite, public),
                "suite": self.private.suite.value,
                "public": base64.b64encode(public).decode(),
                "expires_at": expires.isoformat(),
            }
        )

    def page(self, name: str) -> bytes:
        """Return a page of the folder with the practice and the offer in it."""
        path = PAGES / f"{name}.html"
        if not path.is_file():
            return b"<!doctype html><title>Elsewhere</title>"
        page = path.read_text().replace("{{tenant}}", str(TENANT))
        return page.replace("{{offer}}", html.escape(self.offered())).encode()

    def opened(self, upload: dict[str, bytes]) -> bytes:
        """Open what was uploaded, as the server does."""
        envelope = vault.Envelope.from_json(upload["envelope"])
        assert envelope.covers(upload["blob"])
        key = vault.open_envelope(self.private, envelope)
        bound = vault.context("safelight-blob-v1", TENANT, envelope.capture_id, "original")
        return vault.unseal(key, upload["blob"], context=bound)


def _parts(body: bytes, content_type: str) -> dict[str, bytes]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=mail_policy.HTTP).parsebytes(head + body)
    return {
        str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)
        for part in message.iter_parts()
    }


def picture() -> bytes:
    """A picture to review: skin, with something at each place where a finding is."""
    pixels = np.full((800, 1200, 3), (146, 170, 205), np.uint8)
    pixels[:200], pixels[680:] = (70, 62, 52), (70, 62, 52)
    cv2.ellipse(pixels, (330, 440), (110, 90), 0, 0, 360, (52, 40, 150), -1)
    for x, y, w, h in ((700, 256, 92, 300), (752, 10, 410, 180), (560, 320, 140, 130)):
        cv2.rectangle(pixels, (x, y), (x + w, y + h), (235, 235, 235), -1)
    cv2.circle(pixels, (1055, 398), 20, (90, 190, 220), 8)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def handler_of(site: Site) -> type[BaseHTTPRequestHandler]:
    """Return a handler that answers from `site`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing: the test has what came."""

        def do_GET(self) -> None:
            site.requests.append(self.path)
            path = self.path.partition("?")[0]
            if path.startswith("/static/"):
                self._file(BUILT / path.removeprefix("/static/"))
            elif path == "/picture.jpg":
                self._send(200, picture(), "image/jpeg")
            else:
                self._send(200, site.page(path[1:]), TYPES[".html"])

        def do_POST(self) -> None:
            site.requests.append(self.path)
            site.headers.append(dict(self.headers))
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            kind = self.headers.get("Content-Type", "")
            if self.path == "/upload":
                site.uploads.append(_parts(body, kind))
                self._upload()
            else:
                site.forms.append((self.path, parse_qs(body.decode())))
                status = site.stop_status if self.path == "/stop" else 200
                self._send(status, site.stop_text.encode(), "application/json")

        def _upload(self) -> None:
            site.is_open.wait(20)
            status, text = site.replies.pop(0) if site.replies else (201, '{"next": "/done"}')
            if status == 0:
                self.close_connection = True
                return
            self._send(status, text.encode(), "application/json")

        def _file(self, path: Path) -> None:
            if path.is_file():
                self._send(200, path.read_bytes(), TYPES[path.suffix])
            else:
                self._send(404, b"", "text/plain")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", CSP)
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

    return Handler


def serve(site: Site) -> ThreadingHTTPServer:
    """Start answering on this machine only; shut it down after use."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def camera_picture() -> NDArray[np.uint8]:
    """What the made-up camera sees, BGR: skin, a wound and a ruler."""
    pixels = np.full((720, 540, 3), (150, 178, 214), np.uint8)
    pixels[:, :90], pixels[:, 450:] = (120, 120, 70), (120, 120, 70)
    cv2.ellipse(pixels, (270, 320), (90, 120), 0, 0, 360, (60, 50, 170), -1)
    cv2.rectangle(pixels, (110, 500), (430, 545), (240, 240, 240), -1)
    for x in range(114, 430, 8):
        cv2.line(pixels, (x, 500), (x, 516), (30, 30, 30), 2)
    noise = np.random.default_rng(1).normal(0, 3, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def write_camera(path: Path, *, frames: int = 4, pixels: NDArray[np.uint8] | None = None) -> None:
    """Write a picture (BGR, even sides) as the y4m file that Chromium plays as a camera."""
    pixels = camera_picture() if pixels is None else pixels
    height, width = pixels.shape[:2]
    planes = cv2.cvtColor(pixels, cv2.COLOR_BGR2YUV_I420).tobytes()
    with path.open("wb") as out:
        out.write(f"YUV4MPEG2 W{width} H{height} F30:1 Ip A1:1 C420jpeg\n".encode())
        for _ in range(frames):
            out.write(b"FRAME\n" + planes)
