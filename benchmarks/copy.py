# ruff: noqa: A005 (the name that `./run bench` takes)
"""What a copy fit to leave costs: processor time and memory, everything included.

A fresh process makes each picture's copy several times: opened in the locked process, looked at,
covered, encoded, looked at again at other sizes, every byte accounted for. Models are loaded before
the clock starts, once, as a server has them. Time is processor time of the process and of all that
it started; the median of several. Memory is the process's own peak: what getrusage tells of it
includes that of whoever started it. The pictures are made up: a wristband, so that there is text and
a code to cover, at two sizes.

What the copy still shows is counted on drawn pictures, whose ink is known to the pixel
(`benchmarks/drawn.py`): a line of text is covered when HIDDEN of its ink is black, a code likewise.
Nothing was tuned on them. Text-free skin of every tone is counted for being alarmed or covered, and
what is written by hand by tone. With SAFELIGHT_PEERS, a folder for their environments, other tools
are asked about the same pictures in the same run (`benchmarks/copy_peers.py`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import copy_peers, drawn
from safelight.cli import made_up
from safelight.flows.pictures import inspect, make_copy
from safelight.interop import pictures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from benchmarks.drawn import Drawn
    from safelight.terms import Pixels

REPEATS = 5
HIDDEN = 0.995
"""Of a line's or code's ink; what the eye could still read is then gone."""
SCREEN_HIDDEN = 0.9
TIMES = int(os.environ.get("BENCH_TIMES", "1"))
"""How many times as many drawings are counted."""
TEXT_PICTURES, CODE_PICTURES, BY_HAND_PICTURES, SCREENS = (
    48 * TIMES,
    30 * TIMES,
    8 * TIMES,
    6 * TIMES,
)
SIZES = {"12mp": (4000, 3000), "1280": (1280, 960)}

WORKER = """
import json, os, statistics, sys, time
from pathlib import Path
from safelight.flows import pictures

def own_and_started():
    ticks = 0
    for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")

def median(act):
    act()
    spent = []
    for _ in range(int(sys.argv[3])):
        start = own_and_started()
        act()
        spent.append(own_and_started() - start)
    return statistics.median(spent)

data = Path(sys.argv[2]).read_bytes()
pictures.shared_detectors()
if sys.argv[1] == "inspect":
    cpu_s = median(lambda: pictures.inspect(data))
elif sys.argv[1] == "inspect_quick":
    assert pictures.inspect(data, quick=True).report.identifiable == "yes"
    cpu_s = median(lambda: pictures.inspect(data, quick=True))
else:
    assert pictures.make_copy(data).verified
    cpu_s = median(lambda: pictures.make_copy(data))
peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
print(json.dumps({"cpu_s": cpu_s, "peak_rss_mb": peak}))
"""


def figures() -> dict[str, float | int | str]:
    """Return seconds of processor time for a picture, and the most memory that making a copy took."""
    found: dict[str, float | int | str] = {}
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for name, size in SIZES.items():
            path = Path(folder) / f"{name}.jpg"
            path.write_bytes(pictures.encode_jpeg(made_up.wristband(3, "medium", size=size)))
            for act in ("inspect", "inspect_quick", "redact"):
                measured = _measured(act, path)
                found[f"{act}_{name}_cpu_s"] = round(measured["cpu_s"], 3)
                peaks.append(measured["peak_rss_mb"])
    found["peak_rss_mb"] = round(max(peaks))
    drawn_ones = {**_text(), **_by_hand(), **_codes(), **_screens(), **_text_free()}
    return {**found, **drawn_ones, **_peers()}


def _peers() -> dict[str, float | int | str]:
    if not os.environ.get("SAFELIGHT_PEERS"):
        return {"peers": "not asked: SAFELIGHT_PEERS names no folder for them"}
    return copy_peers.figures()


def _by_hand() -> dict[str, float | int | str]:
    """Return the share of lines in shaky joined letters that are covered, by tone and by manner."""
    by_tone: dict[str, list[bool]] = {}
    by_manner: dict[str, list[bool]] = {}
    for tone in made_up.TONES:
        for seed in range(BY_HAND_PICTURES):
            picture = drawn.by_hand(seed, tone=tone)
            hidden = list(_hidden(picture, _black(picture)))
            by_tone.setdefault(tone, []).extend(hidden)
            by_manner.setdefault(picture.manner, []).extend(hidden)
    return {
        f"by_hand_{name.replace(' ', '_')}": _share(some)
        for name, some in {**by_tone, **by_manner}.items()
    }


def _text_free() -> dict[str, float | int | str]:
    """Return the share of drawn skin, rashes and wounds in which text, a code or somebody is told."""
    told = [
        inspect(pictures.encode_jpeg(draw(seed, tone))).report
        for draw in (made_up.skin, made_up.rash, partial(made_up.wound, ruler=False))
        for seed, tone in enumerate(made_up.TONES)
    ]
    return {
        f"{kind}_alarmed_without": _share(
            [any(each.kind == kind for each in report.findings) for report in told]
        )
        for kind in ("text", "code", "face", "person", "screen", "tattoo", "background")
    }


def _text() -> dict[str, float | int | str]:
    """Return the share of drawn lines that are covered, all and by manner, and what else is black."""
    lines: dict[str, list[bool]] = {}
    areas = []
    for picture in map(drawn.written, range(TEXT_PICTURES)):
        black = _black(picture)
        lines.setdefault(picture.manner, []).extend(_hidden(picture, black))
        areas.append(float((black & ~picture.ground).mean()))
    every = [hidden for some in lines.values() for hidden in some]
    figures: dict[str, float | int | str] = {
        "text_lines": len(every),
        "text_lines_by_ink": _share(every),
        "text_false_area": round(float(np.mean(areas)), 4),
    }
    return figures | {f"text_{name}_by_ink": _share(some) for name, some in lines.items()}


def _codes() -> dict[str, float | int | str]:
    """Return the share of drawn codes that are covered."""
    codes = [
        hidden
        for picture in map(drawn.coded, range(CODE_PICTURES))
        for hidden in _hidden(picture, _black(picture))
    ]
    return {"codes": len(codes), "codes_found": _share(codes)}


def _screens() -> dict[str, float | int | str]:
    """Return the share of drawn screens, on or off, of which a copy covers nine tenths, by tone."""
    found: dict[str, float | int | str] = {}
    for tone in made_up.TONES:
        hidden = []
        for seed in range(SCREENS):
            pixels, there = drawn.with_screen(seed, tone=tone)
            black = _covered(pixels)[
                there.y : there.y + there.height, there.x : there.x + there.width
            ]
            hidden.append(bool(black.mean() >= SCREEN_HIDDEN))
        found[f"screens_{tone.replace(' ', '_')}"] = _share(hidden)
    return found


def _black(picture: Drawn) -> NDArray[np.bool_]:
    return _covered(picture.pixels)


def _covered(pixels: Pixels) -> NDArray[np.bool_]:
    """Return where the picture's finished copy is covered."""
    made = make_copy(pictures.encode_jpeg(pixels))
    black: NDArray[np.bool_] = np.zeros(pixels.shape[:2], np.bool_)
    for box in (each.box for each in made.covered):
        black[box.y : box.y + box.height, box.x : box.x + box.width] = True
    return black


def _hidden(picture: Drawn, black: NDArray[np.bool_]) -> Iterable[bool]:
    return (bool(black[ink].mean() >= HIDDEN) for ink in picture.inks)


def _share(hits: list[bool]) -> float:
    return round(sum(hits) / len(hits), 4)


def _measured(act: str, path: Path) -> dict[str, float]:
    command = [sys.executable, "-c", WORKER, act, str(path), str(REPEATS)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(answer.stdout)
    return measured
