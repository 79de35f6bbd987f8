"""`safelight demo`: everything embedded, made-up patients, nothing left behind.

This process keeps the temporary folder and watches over the server, which is a process of its own
(`safelight.cli.demo_server`): so *Reset* is a new server in an emptied folder, and if this one is
killed the server notices that its standard input has ended and ends too.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Self

from safelight.cli import EXIT_DONE, EXIT_OTHER, EXIT_REFUSED, EXIT_USAGE, phone_tls
from safelight.interop import lock
from safelight.interop.pictures import UNLOCKED_WORDS

RESET = 75
"""The server's exit status when somebody pressed *Reset*."""
GRACE_SECONDS = 8.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the demo's arguments."""
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument(
        "--phone",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help="serve by TLS to phones in the same network; ADDRESS: this machine's, if it isn't found",
    )
    parser.add_argument(
        "--unlocked-decoding",
        action="store_true",
        help="open made-up pictures although this machine can't lock the process that opens them",
    )


def run(args: argparse.Namespace) -> int:
    """Run the demo until Ctrl-C, then remove every trace of it."""
    if not 0 <= args.port <= 65535:
        print("--port is between 0 and 65535", file=sys.stderr)
        return EXIT_USAGE
    if not args.unlocked_decoding and (missing := _missing_layers()):
        print(_UNLOCKABLE.format(missing=", ".join(missing)), file=sys.stderr)
        return EXIT_REFUSED
    began = time.monotonic()
    # Ended or interrupted, the folder goes; a shell may have told a background job to ignore one.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with _Folder.new() as folder, _listening(args) as listener:
            return _serve(args, folder, listener, began=began)
    except KeyboardInterrupt:
        return EXIT_DONE
    except OSError as error:
        print(f"The demo could not start: {error.strerror or error}", file=sys.stderr)
        return EXIT_OTHER


_UNLOCKABLE = """\
This machine can't lock the process that opens pictures (missing: {missing}), so no picture is opened.
The demo has made-up pictures only. To open those without the lock, and nothing else ever:

    safelight demo --unlocked-decoding
"""


def _missing_layers() -> list[str]:
    """Return the layers of the lock that pictures are not opened without, and that are missing."""
    return [layer.name for layer in lock.report() if layer.needed and not layer.enforced]


@dataclass(slots=True)
class _Folder:
    """A temporary folder that is known to belong to a running demo by the lock on its file."""

    path: Path
    lock: IO[str]

    @classmethod
    def new(cls) -> _Folder:
        """Make one, after removing those whose demo was killed."""
        root = _root()
        for old in root.iterdir():
            _remove_if_dead(old)
        path = Path(tempfile.mkdtemp(dir=root))
        lock = (path / "lock").open("w", encoding="utf-8")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        return cls(path, lock)

    @property
    def home(self) -> Path:
        """Return the folder that a server lives in, emptied by each reset."""
        return self.path / "home"

    def emptied(self) -> Path:
        """Return the home folder with nothing in it."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(mode=0o700)
        return self.home

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self.lock.close()
        with suppress(OSError):  # another demo of this user is running
            self.path.parent.rmdir()


def _root() -> Path:
    """Return this user's folder for demos. Raises OSError if somebody else made it."""
    root = Path(tempfile.gettempdir()) / f"safelight-demo-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    seen = root.lstat()
    if root.is_symlink() or seen.st_uid != os.getuid() or seen.st_mode & 0o077:
        raise OSError(f"{root} is not this user's own folder")
    return root


def _remove_if_dead(folder: Path) -> None:
    """Remove what a killed demo left. One that runs holds the lock; a new one is left alone."""
    try:
        with (folder / "lock").open("r+", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lock.read().strip():
                shutil.rmtree(folder, ignore_errors=True)
    except FileNotFoundError:
        if time.time() - folder.lstat().st_mtime > 60:
            shutil.rmtree(folder, ignore_errors=True)
    except (BlockingIOError, NotADirectoryError):
        return


def _listening(args: argparse.Namespace) -> socket.socket:
    """Return a bound socket; the server inherits it, so that a reset keeps the port."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1" if args.phone is None else "0.0.0.0", args.port))  # noqa: S104 - --phone asks for it
    listener.listen(64)
    return listener


def _serve(
    args: argparse.Namespace, folder: _Folder, listener: socket.socket, *, began: float
) -> int:
    port = listener.getsockname()[1]
    url, extra = f"http://localhost:{port}", {}
    phone = None
    if args.phone is not None:
        phone = phone_tls.prepare(folder.path, address=args.phone, port=port)
        url, extra = phone.url, phone.environment
    if args.unlocked_decoding:
        extra["SAFELIGHT_UNLOCKED_DECODING"] = UNLOCKED_WORDS
    while True:
        home = folder.emptied()
        server = _start(home, listener, url=url, extra=extra)
        try:
            if not _ready(server):
                return EXIT_OTHER
            _say(url, phone, seconds=time.monotonic() - began)
            status = server.wait()
        finally:
            _stop(server)
        if status != RESET:
            return EXIT_DONE if status in {0, -signal.SIGINT, -signal.SIGTERM} else EXIT_OTHER
        began = time.monotonic()


def _start(
    home: Path, listener: socket.socket, *, url: str, extra: dict[str, str]
) -> subprocess.Popen[str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("SAFELIGHT_")}
    told = {
        "SAFELIGHT_MODE": "demo",
        "SAFELIGHT_HOME": str(home),
        "SAFELIGHT_SERVER_URL": url,
        "SAFELIGHT_SECRET_KEY": secrets.token_urlsafe(48),
        "SAFELIGHT_PASSPHRASE": secrets.token_urlsafe(24),
        "SAFELIGHT_IDLE_MINUTES": "30",
        "DJANGO_SETTINGS_MODULE": "safelight.web.settings",
    }
    command = [sys.executable, "-m", "safelight.cli.demo_server", str(listener.fileno())]
    return subprocess.Popen(  # noqa: S603 - our own module
        command,
        env={**kept, **told, **extra},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=[listener.fileno()],
        # A group of its own: Ctrl-C reaches this process alone, which then ends the server.
        start_new_session=True,
    )


def _ready(server: subprocess.Popen[str]) -> bool:
    assert server.stdout is not None
    return server.stdout.readline().strip() == "ready"


def _stop(server: subprocess.Popen[str]) -> None:
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _say(url: str, phone: phone_tls.Phone | None, *, seconds: float) -> None:
    print(f"\nSafelight, with made-up patients, ready after {seconds:.1f} s:\n\n    {url}/\n")
    print("Sign in with one click, at the foot of the page:")
    print("    Dr Ines Valdarno (GP), Dr Callum Reyes (GP), Tomasz Wilk (nurse),")
    print("    Priya Anand (governance lead), Samira Boone (administrator).")
    print("Pictures are being taken; the last arrives within a minute.")
    if phone is not None:
        print(phone.steps)
    print("Ctrl-C ends it and leaves nothing.\n", flush=True)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
