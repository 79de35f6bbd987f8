"""The server survives whatever a decoding process does, and leaves none behind."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import interop_hostile as hostile
import numpy as np
import pytest
from interop_samples import drawing, saved

from safelight.interop import darkroom as darkrooms
from safelight.interop import lock, pictures, wire, zygote
from safelight.interop.darkroom import Darkroom, Ended
from safelight.interop.pictures import LockUnavailable, PictureRefused, Reason

PNG = saved(drawing(16, 16), "PNG")
LIES = int(os.environ.get("TEST_LIES", "300"))


@pytest.fixture
def darkroom(request):
    made = []

    def make(*kind):
        made.append(Darkroom(hostile.command(*kind)) if kind else Darkroom())
        return made[-1]

    yield make
    for each in made:
        each.close()


def children(pid):
    return [
        int(each)
        for path in Path(f"/proc/{pid}/task").glob("*/children")
        for each in path.read_text().split()
    ]


def refusal(data, **options):
    with pytest.raises(PictureRefused) as refused:
        pictures.decode(data, **options)
    return refused.value.reason


def test_many_threads_decode_at_once(darkroom):
    room, seen, problems = darkroom(), [], []
    samples = [np.full((40, 30, 3), shade, np.uint8) for shade in range(0, 240, 10)]

    def work(pixels):
        try:
            seen.extend(
                np.array_equal(pictures.decode(saved(pixels, "PNG"), darkroom=room).pixels, pixels)
                for _ in range(3)
            )
        except Exception as error:  # noqa: BLE001 - told below, in the test's own thread
            problems.append(error)

    threads = [threading.Thread(target=work, args=(pixels,)) for pixels in samples]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert seen == [True] * (3 * len(samples))


def test_no_process_is_left_when_a_picture_is_done(darkroom):
    room = darkroom()
    for _ in range(5):
        pictures.decode(PNG, darkroom=room)
    refusal(PNG[:40], darkroom=room)
    until = time.monotonic() + 30
    while children(room._zygote.pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert children(room._zygote.pid) == []
    assert len(list(Path("/proc/self/fd").iterdir())) < 100


def test_nothing_of_the_servers_files_is_left_open(darkroom):
    room = darkroom()
    pictures.decode(PNG, darkroom=room)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        pictures.decode(PNG, darkroom=room)
        refusal(PNG[:40], darkroom=room)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_dead_zygote_is_replaced(darkroom):
    room = darkroom()
    pictures.decode(PNG, darkroom=room)
    first = room._zygote.pid
    os.kill(first, signal.SIGKILL)
    room._zygote.wait()
    assert pictures.decode(PNG, darkroom=room).width == 16
    assert room._zygote.pid != first


def test_a_zygote_that_hears_nothing_is_replaced_and_then_given_up(darkroom, monkeypatch):
    room = darkroom()
    pictures.decode(PNG, darkroom=room)
    room._control.shutdown(socket.SHUT_RDWR)
    assert pictures.decode(PNG, darkroom=room).width == 16
    monkeypatch.setattr(darkrooms, "_STATUS_SECONDS", 0.1)
    with pytest.raises(LockUnavailable):
        pictures.decode(PNG, darkroom=darkroom("deaf"))
    monkeypatch.setattr(darkrooms, "_ATTEMPTS", 0)
    with pytest.raises(LockUnavailable, match="reached"):
        pictures.decode(PNG, darkroom=room)


def test_a_zygote_that_keeps_ending_is_given_up(darkroom, monkeypatch):
    room = darkroom()

    def gone(*_, **__):
        raise darkrooms.ZygoteGone

    monkeypatch.setattr(darkrooms.Job, "read", gone)
    with pytest.raises(LockUnavailable, match="keeps ending"):
        pictures.decode(PNG, darkroom=room)


def test_a_forgotten_zygote_ends_and_another_is_made(darkroom):
    room = darkroom()
    pictures.decode(PNG, darkroom=room)
    first = room._zygote
    room.forget()
    room.forget()
    assert first.wait(30) == 0
    assert pictures.decode(PNG, darkroom=room).width == 16


def test_a_stopped_zygote_is_found_out_and_replaced(darkroom):
    room = darkroom()
    pictures.decode(PNG, darkroom=room)
    first = room._zygote.pid
    os.kill(first, signal.SIGSTOP)
    assert pictures.decode(PNG, darkroom=room, limits=wire.Limits(seconds=2)).width == 16
    assert room._zygote.pid != first


def test_threads_outlive_a_zygote_that_is_killed_under_them(darkroom):
    room, seen = darkroom(), []
    pictures.decode(PNG, darkroom=room)

    def work():
        for _ in range(15):
            try:
                seen.append(pictures.decode(PNG, darkroom=room).width)
            except LockUnavailable:
                seen.append(None)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    with room._guard:
        room._zygote.kill()
    for thread in threads:
        thread.join()
    assert seen == [16] * 60


def test_a_picture_dies_with_its_zygote(darkroom):
    room = darkroom("sleep")
    with room.job(locked=True, seconds=10) as job:
        job.send(b"")
        time.sleep(0.1)
        room._zygote.kill()
        started = time.monotonic()
        with pytest.raises(Ended):
            job.read(1)
        assert time.monotonic() - started < 9
        with pytest.raises(darkrooms.ZygoteGone):
            job.wait_status()


def test_the_zygote_ends_with_its_server():
    code = (
        "import os, sys; sys.path.append(sys.argv[1])\n"
        "from safelight.interop import pictures\n"
        "pictures.decode(sys.stdin.buffer.read())\n"
        "print(pictures._darkroom._zygote.pid, flush=True)\n"
        "os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, lock.PACKAGE_ROOT], input=PNG, capture_output=True, check=True
    )
    pid, until = int(done.stdout), time.monotonic() + 30
    while Path(f"/proc/{pid}/stat").exists() and time.monotonic() < until:
        if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.01)
    assert not Path(f"/proc/{pid}").exists()


def test_a_forked_server_makes_its_own_zygote():
    pictures.decode(PNG)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        answer = b"no"
        try:
            forgotten = pictures._darkroom._zygote is None
            if forgotten and pictures.decode(PNG).width == 16:
                answer = b"ok"
            pictures._darkroom.close()
        finally:
            os.write(writing, answer)
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 2) == b"ok"
    os.close(reading)
    os.close(writing)
    assert pictures.decode(PNG).width == 16


@pytest.mark.parametrize("kind", ["threaded", "numpy"])
def test_a_zygote_that_is_not_as_it_should_be_opens_nothing(darkroom, kind):
    with pytest.raises(LockUnavailable):
        pictures.decode(PNG, darkroom=darkroom(kind))


@pytest.mark.parametrize("program", ["/bin/false", "/no/such/program"])
def test_a_zygote_that_cannot_start_opens_nothing(program):
    with pytest.raises(LockUnavailable):
        pictures.decode(PNG, darkroom=Darkroom(lambda _: [program]))


def test_a_zygote_that_does_not_start_in_time_opens_nothing(darkroom, monkeypatch):
    monkeypatch.setattr(darkrooms, "_START_SECONDS", 0.5)
    with pytest.raises(LockUnavailable):
        pictures.decode(PNG, darkroom=darkroom("mute"))


def test_a_process_that_cannot_be_locked_opens_nothing(darkroom):
    with pytest.raises(LockUnavailable, match="seccomp"):
        pictures.decode(PNG, darkroom=darkroom("nolock"))


def test_without_the_lock_only_who_says_so_opens_pictures():
    assert np.array_equal(pictures.decode(PNG, unlocked=True).pixels, drawing(16, 16))


@pytest.mark.parametrize("words", ["", "yes", "true"])
def test_a_process_is_unlocked_by_the_frightening_words_only(monkeypatch, darkroom, words):
    monkeypatch.setattr(pictures, "_unlocked", [])
    with pytest.raises(ValueError, match="made-up-pictures-only"):
        pictures.allow_unlocked(words)
    with pytest.raises(pictures.LockUnavailable):
        pictures.decode(PNG, darkroom=darkroom("nolock"))
    pictures.allow_unlocked(pictures.UNLOCKED_WORDS)
    assert np.array_equal(pictures.decode(PNG).pixels, drawing(16, 16))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (("crash",), Reason.DAMAGED),
        (("loop",), Reason.TOO_SLOW),
        (("attempt", "fork"), Reason.STOPPED),
        (("say", ""), Reason.DAMAGED),
        (("say", "00" * 8), Reason.NOT_BELIEVED),
        (("say", b"SLp1\xff\xff\xff\xff".hex()), Reason.NOT_BELIEVED),
        (("say", (b"SLp1\0\0\0\2{}").hex()), Reason.NOT_BELIEVED),
        (("say", (b"SLr1\0\0\0\2{}").hex()), Reason.NOT_BELIEVED),
        (("say", (b'SLn1\0\0\0\x0e{"layers":[7]}').hex()), Reason.NOT_BELIEVED),
    ],
)
def test_how_a_process_ends_becomes_a_reason(darkroom, kind, reason):
    assert refusal(PNG, darkroom=darkroom(*kind)) is reason


def test_a_process_that_sleeps_is_given_up(darkroom):
    assert (
        refusal(PNG, darkroom=darkroom("sleep"), limits=wire.Limits(seconds=0.4)) is Reason.TOO_SLOW
    )


def opened(**other):
    fields = {
        "kind": wire.Kind.PNG,
        "width": 16,
        "height": 16,
        "columns": 16,
        "rows": 16,
        "findings": (),
    }
    return wire.Opened(**fields | other)


@pytest.mark.parametrize(
    "reply",
    [
        wire.say_opened(opened()) + bytes(16 * 16 * 3 + 1),
        wire.say_opened(opened(kind=wire.Kind.JPEG)) + bytes(16 * 16 * 3),
        wire.say_opened(opened(width=0)),
        wire.say_opened(opened(width=-16, height=-16)),
        wire.say_opened(opened(rows=17)),
        wire.say_opened(opened(width=10**6, height=10**6, columns=10**6, rows=10**6)),
        wire.say_opened(opened(width=True)),
        wire.say_opened(opened(findings=(wire.FileFinding("a value: Rosalind", "why"),))),
        wire.say_opened(opened(findings=(wire.FileFinding("<script>", wire.Why.WORDS),))),
        b"SLp1" + (100_000).to_bytes(4, "big") + b"[" * 100_000,
    ],
)
def test_a_reply_that_cannot_be_right_is_not_believed(darkroom, reply):
    # Too long for a command line: the file itself says what to answer.
    if len(reply) > 50_000:
        with pytest.raises(wire.ReplyNotBelieved):
            wire.read_answer(
                b"SLp1", reply[8:], asked=wire.Request(wire.LIMITS, None), kind=wire.Kind.PNG
            )
        return
    assert refusal(PNG, darkroom=darkroom("say", reply.hex())) is Reason.NOT_BELIEVED


def test_a_reply_cut_short_is_no_picture(darkroom):
    reply = wire.say_opened(opened()) + bytes(16 * 16 * 3 - 1)
    assert refusal(PNG, darkroom=darkroom("say", reply.hex())) is Reason.DAMAGED


def test_no_lie_brings_the_server_down(darkroom):
    room, outcomes = darkroom("lie", "safelight"), set()
    for number in range(LIES):
        try:
            decoded = pictures.decode(PNG + f"{number:06d}".encode(), darkroom=room)
        except PictureRefused as refused:
            outcomes.add(refused.reason)
        else:
            assert decoded.pixels.shape == (decoded.height, decoded.width, 3)
            outcomes.add("believed")
    assert {"believed", Reason.NOT_BELIEVED, Reason.DAMAGED} <= outcomes


def test_too_many_findings_are_cut_at_the_source_and_refused_on_arrival():
    many = tuple(
        wire.FileFinding(f"PNG:t{n:03d}", wire.Why.WORDS) for n in range(wire.MOST_FINDINGS + 5)
    )
    said = wire.say_opened(opened(findings=many))
    answer = wire.read_answer(
        said[:4], said[8:], asked=wire.Request(wire.LIMITS, None), kind=wire.Kind.PNG
    )
    assert isinstance(answer, wire.Opened)
    assert len(answer.findings) == wire.MOST_FINDINGS
    padded = said[8:].replace(
        b'"findings": [', b'"findings": [' + b'["XMP", "holds data about the picture"], '
    )
    with pytest.raises(wire.ReplyNotBelieved):
        wire.read_answer(
            said[:4], padded, asked=wire.Request(wire.LIMITS, None), kind=wire.Kind.PNG
        )


def test_what_is_no_request_is_not_read():
    with pytest.raises(ValueError, match="not a request"):
        wire.read_request_header(bytes(wire.REQUEST_HEADER))


@pytest.mark.parametrize("seed", range(40))
def test_a_fitted_size_keeps_its_shape_and_never_grows(seed):
    chance = random.Random(seed)
    width, height, most = (chance.randint(1, 9000) for _ in range(3))
    columns, rows = wire.fitted(width, height, most)
    assert 1 <= columns <= width
    assert 1 <= rows <= height
    assert max(columns, rows) == min(most, max(width, height))
    assert wire.fitted(width, height, None) == (width, height)


def test_the_zygote_holds_only_what_decoding_needs(darkroom):
    room = darkroom()
    pictures.decode(PNG, darkroom=room)
    maps = Path(f"/proc/{room._zygote.pid}/maps").read_text()
    for unwanted in ("numpy", "onnxruntime", "cv2", "sqlite", "cryptography"):
        assert unwanted not in maps
    assert "_imaging" in maps
    environment = Path(f"/proc/{room._zygote.pid}/environ").read_bytes().split(b"\0")
    assert {each.split(b"=")[0] for each in environment if each} == {b"LC_ALL", b"MALLOC_ARENA_MAX"}
    assert len(list(Path(f"/proc/{room._zygote.pid}/task").iterdir())) == 1


def test_the_zygotes_loop_takes_a_malformed_message(darkroom):
    """Fewer files than a job has: taken as nobody's, and closed."""
    room = darkroom()
    pictures.decode(PNG, darkroom=room)
    reading, writing = os.pipe()
    socket.send_fds(room._control, [zygote.LOCKED], [reading])
    os.close(reading)
    os.close(writing)
    assert pictures.decode(PNG, darkroom=room).width == 16
