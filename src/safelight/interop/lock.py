"""The lock on a process that opens a stranger's picture: it can compute and answer, nothing else.

Applied by the decoding child to itself, after its fork and before the first foreign byte
(docs/explanation/locked-decoding.md, ADR-0007). No root, no namespace, no helper program.
Imports nothing but the standard library: the process that decodes loads as little as it can.

What locks can't run in the test's own process, so no coverage is counted there: test_lock runs each
layer alone in a process of its own, and shows what it refuses.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.interop import bpf

if TYPE_CHECKING:
    from collections.abc import Callable

try:
    import resource
except ImportError:  # pragma: no cover - Windows, where nothing is locked and so nothing decoded
    resource = None  # type: ignore[assignment]

_MIB = 1 << 20
MEMORY_BYTES = 1536 * _MIB
PROCESSOR_SECONDS = 10
OPEN_FILES = 16

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT, _LANDLOCK_VERSION = 444, 446, 1
_PROBE_SECONDS = 30


class LockUnavailable(Exception):
    """This machine can't lock a decoding process, so nothing is decoded."""

    for_people = (
        "Pictures can't be opened on this machine, because opening them can't be locked away from "
        "everything else. Run “safelight doctor” to see what is missing."
    )


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the lock, and whether this machine enforces it."""

    name: str
    enforced: bool
    needed: bool
    """Without a needed layer nothing is decoded."""
    what: str
    missing_because: str | None = None


_LAYERS = {
    "parent-death": (True, "ends with the process that started it"),
    "not-dumpable": (True, "no debugger may attach, no memory image is written"),
    "limits": (True, "memory, processor time, files and core dumps are limited"),
    "no-new-privileges": (True, "no program can raise its rights"),
    "landlock": (False, "no file, port, abstract socket or foreign process (ABI 1 to 6)"),
    "seccomp": (True, "system calls beyond computing and answering end the process"),
}


def close() -> dict[str, str | None]:
    """Lock this process for good; return what each layer is missing, None where it holds.

    The process must have one thread and no file open that it may not use. Nothing is raised: who
    asked decides, by `is_enough`. The filter comes last, since it forbids what sets the others.
    """
    return {name: _attempt(name) for name in _LAYERS}


def is_enough(missing: dict[str, str | None]) -> bool:
    """Say whether every layer without which nothing is decoded holds."""
    return all(
        missing.get(name, "not tried") is None for name, (needed, _) in _LAYERS.items() if needed
    )


def report() -> tuple[Layer, ...]:
    """Say which layers this machine enforces, by locking a process of its own and asking it."""
    missing = _probe()
    return tuple(
        Layer(name, missing.get(name, "") is None, needed, what, missing.get(name, "not tried"))
        for name, (needed, what) in _LAYERS.items()
    )


def _attempt(name: str) -> str | None:
    try:
        _APPLY[name]()
    except (OSError, ValueError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _die_with_parent() -> None:  # pragma: no cover - as the module says
    # Checked by the caller too: a parent that ended just before leaves no signal.
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _not_dumpable() -> None:  # pragma: no cover - as the module says
    _prctl(_PR_SET_DUMPABLE, 0)


def _set_limits() -> None:  # pragma: no cover - as the module says
    if resource is None:  # pragma: no cover - Windows
        raise OSError(errno.ENOSYS, "no resource limits on this system")
    for what, soft, hard in (
        (resource.RLIMIT_AS, MEMORY_BYTES, MEMORY_BYTES),
        # Were they equal, the kernel would send SIGKILL and the reason would be lost.
        (resource.RLIMIT_CPU, PROCESSOR_SECONDS, PROCESSOR_SECONDS + 1),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES),
    ):
        resource.setrlimit(what, (soft, hard))


def _no_new_privileges() -> None:
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


def _landlock() -> None:  # pragma: no cover - as the module says
    """Take every right that the kernel's Landlock knows, and grant none back."""
    abi = _syscall(_LANDLOCK_CREATE, None, 0, _LANDLOCK_VERSION)
    rules = _Ruleset(fs=(1 << 13) - 1)
    rules.fs |= (1 << 13 if abi >= 2 else 0) | (1 << 14 if abi >= 3 else 0)
    rules.fs |= 1 << 15 if abi >= 5 else 0
    rules.net = 0b11 if abi >= 4 else 0
    rules.scoped = 0b11 if abi >= 6 else 0
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    ruleset = _syscall(_LANDLOCK_CREATE, ctypes.byref(rules), size, 0)
    try:
        _syscall(_LANDLOCK_RESTRICT, ruleset, 0, 0)
    finally:
        os.close(ruleset)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


def _seccomp() -> None:
    machine = bpf.MACHINES.get(platform.machine())
    if machine is None or sys.maxsize <= 2**32 or sys.byteorder != "little":
        raise OSError(errno.ENOSYS, f"no filter written for {platform.machine()}")
    _install(bpf.decoding_filter(machine))  # pragma: no cover - as the module says


def _install(steps: bytes) -> None:  # pragma: no cover - as the module says
    held = ctypes.create_string_buffer(steps, len(steps))
    program = _Program(len(steps) // 8, ctypes.addressof(held))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))


_APPLY = {
    "parent-death": _die_with_parent,
    "not-dumpable": _not_dumpable,
    "limits": _set_limits,
    "no-new-privileges": _no_new_privileges,
    "landlock": _landlock,
    "seccomp": _seccomp,
}


def _libc() -> ctypes.CDLL:
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, f"not on {sys.platform}")
    return ctypes.CDLL(None, use_errno=True)  # pragma: no cover - as the module says


def _prctl(option: int, *arguments: int) -> None:
    _call_prctl(_libc().prctl, option, *arguments)


def _call_prctl(
    call: Callable[..., int], option: int, *arguments: int
) -> None:  # pragma: no cover - as the module says
    padded = [ctypes.c_ulong(each) for each in (*arguments, 0, 0, 0, 0)][:4]
    if call(ctypes.c_int(option), *padded) != 0:
        _raise_errno()


def _syscall(
    number: int, first: object, second: int, third: int
) -> int:  # pragma: no cover - as the module says
    held = first if not isinstance(first, int) else ctypes.c_long(first)
    answer: int = _libc().syscall(
        ctypes.c_long(number), held, ctypes.c_size_t(second), ctypes.c_uint(third)
    )
    if answer < 0:
        _raise_errno()
    return answer


def _raise_errno() -> None:  # pragma: no cover - as the module says
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))


PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])
"""Where `safelight` is imported from: an isolated interpreter may not find a checkout by itself."""


def isolated(module: str, call: str, *arguments: str) -> list[str]:
    """Return the command that runs one function of ours in an interpreter of its own."""
    code = (
        f"import sys; sys.path.append(sys.argv[1]); from {module} import {call}; sys.exit({call}())"
    )
    return [sys.executable, "-I", "-c", code, PACKAGE_ROOT, *arguments]


def bare_environment() -> dict[str, str]:
    """Return what a process of ours gets to know of the environment: next to nothing.

    One malloc arena, since each thread's own would count 64 MiB against the memory limit.
    """
    return {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1"}


def probe_main() -> int:  # pragma: no cover - as the module says
    """Lock this process and print what is missing; run by `report` in a process of its own."""
    missing = close()
    if missing["seccomp"] is None:
        try:
            os.open("/", os.O_RDONLY)
        except PermissionError:
            pass
        else:
            missing["seccomp"] = "set, yet a folder could be opened"
    os.write(1, json.dumps(missing).encode())
    return 0


def _probe() -> dict[str, str | None]:
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module, no shell
            isolated("safelight.interop.lock", "probe_main"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=bare_environment(),
            timeout=_PROBE_SECONDS,
            check=True,
        )
        answer: dict[str, str | None] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return dict.fromkeys(_LAYERS, f"the probe failed: {type(error).__name__}")
    return answer
