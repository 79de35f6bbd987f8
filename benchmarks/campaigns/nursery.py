"""One process that has loaded everything and forks: each trial begins in it, and each judgement.

    parent (campaign) ⇄ lines of JSON ⇄ nursery ─fork→ shift   does the practice's work, and may die
                                                └fork→ judge   starts anew on what is left

The nursery opens no file of the installation itself, so that a fork inherits none.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TextIO

if TYPE_CHECKING:
    from benchmarks.campaigns.practice import Prepared

ROOT = Path(__file__).parents[2]
PASSPHRASE = "only made-up pictures are kept here"
TRIAL_SECONDS = 3600
_PR_SET_PTRACER, _ANY = 0x59616D61, -1


@dataclass(frozen=True, slots=True)
class Shift:
    """What one trial is told to do."""

    plant: str = ""
    """Name of a mistake to plant; empty for the build as it is."""
    point: str = ""
    """Die at this point, the `occurrence`th time that it comes up."""
    occurrence: int = 0
    count: bool = False
    """Say how often each point comes up."""
    kill_after_s: float | None = None
    acts: tuple[str, ...] = ()
    """Only these; all if empty."""

    def as_json(self) -> dict[str, Any]:
        """Return it as the nursery reads it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Said:
    """What a trial acknowledged before it ended, and how it ended."""

    status: int
    """0 done, -9 killed, anything else is the campaign's own fault."""
    lines: list[dict[str, Any]] = field(default_factory=list)
    text: str = ""

    @property
    def was_killed(self) -> bool:
        """Say whether it died as it was meant to."""
        return self.status == -signal.SIGKILL


class Nursery:
    """The parent's side: start it, send shifts, ask for judgements."""

    def __init__(self, work: Path) -> None:
        """work: an empty folder; `home` in it is the installation, `template` how it begins."""
        self.home, self.template = work / "home", work / "template"
        self._work = work
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SAFELIGHT_", "DJANGO_"))}
        environment = kept | {
            "SAFELIGHT_MODE": "test",
            "SAFELIGHT_HOME": str(self.home),
            "SAFELIGHT_PASSPHRASE": PASSPHRASE,
            "SAFELIGHT_SECRET_KEY": "only for this test",
            "DJANGO_SETTINGS_MODULE": "safelight.web.settings",
            "TMPDIR": str(self.home / "tmp"),
            "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in (".", "src", "tests")),
        }
        self._log = (work / "nursery.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.campaigns.nursery", str(work)],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self._heard() == {"ready": True}

    def reset(self) -> None:
        """Put the installation back to its beginning."""
        self.home.mkdir(exist_ok=True)
        for path in self.home.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(self.template, self.home, dirs_exist_ok=True)

    def run(self, shift: Shift) -> Said:
        """Do a shift on the home folder as it is, to its end or its death."""
        self._tell({"shift": shift.as_json(), "wait": False})
        return self._ended()

    def watched(self, shift: Shift, attach: Callable[[int], Callable[[], None]]) -> Said:
        """Do a shift that waits until `attach` has got hold of its process; then end what watches."""
        self._tell({"shift": shift.as_json(), "wait": True})
        release = attach(int(self._heard()["pid"]))
        self._tell({"go": True})
        said = self._ended()
        release()
        return said

    def judge(self, lines: list[dict[str, Any]], *, resend: bool = False) -> list[str]:
        """Start anew on what is left; return everything that isn't as it was acknowledged."""
        self._tell({"judge": lines, "resend": resend})
        told = self._heard()
        if told["status"] != 0:
            return [f"the next start failed: {told['text'][-1500:]}"]
        wrongs: list[str] = told["lines"][-1]["wrongs"]
        return wrongs

    def call(self, module: str, **given: Any) -> list[dict[str, Any]]:
        """Call `work` of a module of this folder in a fork; return what it said."""
        self._tell({"call": module, "given": given})
        return self._ended().lines

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ended(self) -> Said:
        told = self._heard()
        said = Said(told["status"], told["lines"], told["text"])
        if said.status not in (0, -signal.SIGKILL):
            raise RuntimeError(f"the trial itself failed: {said.text[-3000:]}")
        return said

    def _tell(self, what: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def _heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._log.flush()
            raise RuntimeError((self._work / "nursery.log").read_text()[-3000:])
        heard: dict[str, Any] = json.loads(line)
        return heard


# What follows runs in the nursery's own process.


def _main(work: Path) -> None:
    said_to_parent = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import django

    django.setup()
    from benchmarks.campaigns import judging, practice, shift  # noqa: F401 - loaded once, for every fork
    from safelight.interop import pictures

    if not (work / "template").exists():
        told = _forked(lambda _say: practice.build(work))
        if told["status"] != 0:
            raise SystemExit(told["text"])
        shutil.copytree(work / "home", work / "template")
    made = practice.load(work)
    _load_what_a_trial_loads(made)
    pictures.decode(practice.picture(0))  # starts one zygote for every fork: that takes long
    serving = _Serving(made, said_to_parent, pictures._darkroom._control)
    serving.say({"ready": True})
    for line in sys.stdin:
        told = json.loads(line)
        serving.say(serving.answer(told))


def _load_what_a_trial_loads(made: Prepared) -> None:
    """Rehearse once in a fork, and import here whatever it had to: each fork then has it already.

    Code, networks and tables alone are taken over: a judge starts without anything that a trial remembered.
    """
    from safelight import exposure
    from safelight.flows import pictures

    def rehearse(say: Callable[[dict[str, Any]], None]) -> None:
        from benchmarks.campaigns import judging, shift

        lines: list[dict[str, Any]] = []
        shift.work(made, Shift(), lines.append)
        judging.wrongs(made, lines, resend=True)
        found = {name: getattr(module, "__spec__", None) for name, module in sys.modules.items()}
        say({"modules": [name for name, spec in found.items() if spec and spec.has_location]})

    told = _forked(rehearse)
    if told["status"] != 0:
        raise SystemExit(told["text"])
    for name in sorted(set(told["lines"][-1]["modules"]) - {"__main__"}):
        importlib.import_module(name)
    pictures.shared_detectors()
    exposure.load_population()
    gc.collect()
    gc.freeze()  # else every fork's first collection copies every page


class _Serving:
    """Answers the parent: a shift, a judgement, or the work of another module, each in a fork."""

    def __init__(self, made: Prepared, out: TextIO, control: socket.socket | None) -> None:
        self._made, self._out, self._control = made, out, control

    def say(self, what: dict[str, Any]) -> None:
        self._out.write(json.dumps(what) + "\n")
        self._out.flush()

    def answer(self, told: dict[str, Any]) -> dict[str, Any]:
        if "judge" in told:
            return self._judged(told["judge"], resend=told["resend"])
        if "call" in told:
            there = importlib.import_module(f"benchmarks.campaigns.{told['call']}").work
            return _forked(lambda say: there(say, **told["given"]), control=self._control)
        asked = Shift(**{**told["shift"], "acts": tuple(told["shift"]["acts"])})
        return self._worked(asked, wait=told["wait"])

    def _judged(self, lines: list[dict[str, Any]], *, resend: bool) -> dict[str, Any]:
        from benchmarks.campaigns import judging

        return _forked(
            lambda say: say({"wrongs": judging.wrongs(self._made, lines, resend=resend)}),
            control=self._control,
        )

    def _worked(self, asked: Shift, *, wait: bool) -> dict[str, Any]:
        """Do a shift; one that waits begins when the parent says that it watches."""
        from benchmarks.campaigns import shift

        gate = socket.socketpair() if wait else None

        def begun(pid: int) -> None:
            if gate is not None:
                self.say({"pid": pid})
                json.loads(sys.stdin.readline())
                gate[1].sendall(b"x")

        return _forked(
            lambda say: shift.work(self._made, asked, say),
            control=self._control,
            gate=gate,
            begun=begun,
            kill_after_s=asked.kill_after_s,
        )


class _SharedZygote:
    """The nursery's zygote, as a fork sees it: it can neither wait for it nor end it."""

    def poll(self) -> None:
        return None

    def kill(self) -> None:
        return None

    def wait(self, timeout: float | None = None) -> int:
        return 0


def _forked(
    act: Callable[[Callable[[dict[str, Any]], None]], object],
    *,
    control: socket.socket | None = None,
    gate: tuple[socket.socket, socket.socket] | None = None,
    begun: Callable[[int], None] | None = None,
    kill_after_s: float | None = None,
) -> dict[str, Any]:
    """Fork, act, and return what the fork said and how it ended."""
    ours, theirs = socket.socketpair()
    errors, told_errors = os.pipe()
    kept = control.dup() if control is not None else None
    pid = os.fork()
    if pid == 0:
        ours.close()
        os.close(errors)
        _act(act, theirs, told_errors, kept, gate)
    theirs.close()
    os.close(told_errors)
    if kept is not None:
        kept.close()
    if begun is not None:
        begun(pid)
    if kill_after_s is not None:
        _kill_later(pid, kill_after_s)
    said = _everything(ours)
    text = _everything(os.fdopen(errors, "rb"))
    _, status = os.waitpid(pid, 0)
    for end in gate or ():
        end.close()
    whole, _, _torn = said.rpartition(b"\n")
    return {
        "status": os.waitstatus_to_exitcode(status),
        "lines": [json.loads(line) for line in whole.splitlines()],
        "text": text.decode(errors="replace"),
    }


def _act(
    act: Callable[[Callable[[dict[str, Any]], None]], object],
    out: socket.socket,
    errors: int,
    control: socket.socket | None,
    gate: tuple[socket.socket, socket.socket] | None,
) -> None:
    """Act in the fork, and leave it without any of the nursery's own endings."""
    status = 1
    gc.disable()  # it lives for a second
    try:
        signal.alarm(TRIAL_SECONDS)
        if control is not None:
            from safelight.interop import pictures

            room: Any = pictures._darkroom
            room._control, room._zygote = control, _SharedZygote()
        if gate is not None:
            with suppress(OSError):  # a hardened kernel lets only parents watch, unless allowed
                ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANY, 0, 0, 0)
            gate[0].recv(1)  # none of the calls that `faults` lets fail
        act(lambda what: out.sendall(json.dumps(what).encode() + b"\n"))
        status = 0
    except BaseException:  # noqa: BLE001 - told to the campaign, word for word
        os.write(errors, traceback.format_exc().encode()[-60_000:])
    finally:
        os._exit(status)


def _kill_later(pid: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.01))
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _everything(end: Any) -> bytes:
    with end:
        read = end.recv if isinstance(end, socket.socket) else end.read
        parts = []
        while part := read(1 << 16):
            parts.append(part)
        return b"".join(parts)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
