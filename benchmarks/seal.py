"""How fast a picture is sealed, against OpenSSL's own speed at the same cipher in the same run.

The peer is `openssl speed -evp aes-256-gcm -bytes 16384`: the bare cipher on one block again and again,
without keys, chunks, copies or Python. Both figures are megabytes (10**6) for a second of CPU time, the
best of several alternating rounds of a second, since a busy machine slows both but not at once.
"""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable

from cryptography.hazmat.backends.openssl import backend

from safelight import vault

PICTURE_BYTES = 5 * 1024 * 1024
ROUNDS = 3
ROUND_S = 1.0
_CONTEXT = vault.context("safelight-benchmark-v1")


def figures() -> dict[str, float | int | str]:
    """Return the figures; without an `openssl` command, those that need it are left out."""
    key, picture = vault.new_key(), secrets.token_bytes(PICTURE_BYTES)
    blob = vault.seal(key, picture, context=_CONTEXT)
    middle = PICTURE_BYTES // 2
    seal_mb, openssl_mb = 0.0, 0.0
    for _ in range(ROUNDS):
        seal_mb = max(seal_mb, _rate(lambda: vault.seal(key, picture, context=_CONTEXT)))
        openssl_mb = max(openssl_mb, _openssl_rate())
    found: dict[str, float | int | str] = {
        "picture_bytes": PICTURE_BYTES,
        "seal_mb_per_cpu_s": round(seal_mb),
        "unseal_mb_per_cpu_s": round(_rate(lambda: vault.unseal(key, blob, context=_CONTEXT))),
        "seal_5mib_cpu_ms": round(PICTURE_BYTES / seal_mb / 1000, 2),
        "unseal_range_64kib_us": _range_us(key, blob, middle),
        "wrap_and_unwrap_us": _wrap_us(key),
    }
    if openssl_mb:
        found["openssl_aes_256_gcm_16kib_mb_per_cpu_s"] = round(openssl_mb)
        found["openssl_command"] = _openssl_version()
        found["openssl_of_cryptography"] = backend.openssl_version_text()
        found["seal_vs_openssl_ratio"] = round(seal_mb / openssl_mb, 3)
    return found


def _rate(act: Callable[[], object]) -> float:
    """Return megabytes a second of CPU time over one round: an average, as OpenSSL's is."""
    start, times = time.process_time(), 0
    while (spent := time.process_time() - start) < ROUND_S:
        act()
        times += 1
    return times * PICTURE_BYTES / 1e6 / spent


def _seconds(act: Callable[[], object]) -> float:
    start = time.process_time()
    act()
    return time.process_time() - start


def _range_us(key: bytes, blob: bytes, at: int) -> float:
    def act() -> None:
        vault.unseal_range(key, blob, at, at + 64 * 1024, context=_CONTEXT)

    return round(min(_seconds(act) for _ in range(200)) * 1e6, 1)


def _wrap_us(key: bytes) -> float:
    """Return microseconds for one key, over many: a single one is too short to time."""
    many = 5_000

    def act() -> None:
        for _ in range(many):
            vault.unwrap(key, vault.wrap(key, key, aad=_CONTEXT), aad=_CONTEXT)

    return round(min(_seconds(act) for _ in range(3)) / many * 1e6, 2)


def _openssl_version() -> str:
    said = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True)
    return " ".join(said.stdout.split()[:2])


def _openssl_rate() -> float:
    """Return what OpenSSL says of itself in megabytes a second of CPU time, or 0 without it."""
    command = shutil.which("openssl")
    if command is None:
        return 0.0
    speed = [command, "speed", "-mr", "-seconds", "1", "-bytes", "16384", "-evp", "aes-256-gcm"]
    said = subprocess.run(speed, capture_output=True, text=True, check=True).stdout
    found = re.search(r"^\+F:\d+:[^:]+:([0-9.]+)", said, re.MULTILINE)
    if found is None:
        raise RuntimeError("openssl speed answered in another form")
    return float(found[1]) / 1e6
