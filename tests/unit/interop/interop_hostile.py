"""A decoder that was taken over: what it would try from inside the lock.

Run as a zygote of its own, so that nothing of this is within reach of the product. Each attempt
writes "done" if the machine let it, "refused" if not, or is killed in the middle.
"""

# The very calls are the point here, so no Path wraps them.
# ruff: noqa: PTH102, PTH106, PTH108, PTH116, PTH123, PTH208, PTH211

import contextlib
import ctypes
import mmap
import os
import random
import resource
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path

from safelight.interop import lock, wire, zygote

HERE = str(Path(__file__).parent)
LIBC = ctypes.CDLL(None, use_errno=True)
NUMBERS = {
    "x86_64": {"io_uring_setup": 425, "clone3": 435, "bpf": 321, "userfaultfd": 323, "keyctl": 250},
    "aarch64": {
        "io_uring_setup": 425,
        "clone3": 435,
        "bpf": 280,
        "userfaultfd": 282,
        "keyctl": 219,
    },
}.get(os.uname().machine, {})


def command(kind, *arguments):
    """Return what starts this zygote, for Darkroom."""

    def started(control):
        code = (
            "import sys; sys.path += [sys.argv[1], sys.argv[3]]; "
            "from interop_hostile import main; sys.exit(main())"
        )
        return [
            sys.executable,
            "-I",
            "-c",
            code,
            lock.PACKAGE_ROOT,
            control,
            HERE,
            kind,
            *arguments,
        ]

    return started


def raw(name, *arguments):
    return LIBC.syscall(ctypes.c_long(NUMBERS[name]), *arguments)


def called(answer):
    if answer < 0:
        raise OSError(ctypes.get_errno(), "refused")


def open_a_file():
    os.close(os.open("/etc/hostname", os.O_RDONLY))


def list_a_folder():
    os.listdir("/")


def look_at_a_file():
    os.stat("/etc/hostname")


def read_own_environment():
    Path("/proc/self/environ").read_bytes()


def read_parents_memory():
    os.close(os.open(f"/proc/{os.getppid()}/maps", os.O_RDONLY))


def write_a_file():
    place = f"/tmp/safelight-hostile-{os.getpid()}"
    with open(place, "wb") as file:
        file.write(b"out")
    os.unlink(place)


def write_to_memory_file():
    number = os.memfd_create("x")
    os.write(number, b"x" * 4096)


def make_a_folder():
    place = f"/tmp/safelight-hostile-{os.getpid()}"
    os.mkdir(place)
    os.rmdir(place)


def remove_a_file():
    with contextlib.suppress(FileNotFoundError):
        os.unlink("/tmp/safelight-no-such-file")


def link_a_file():
    place = f"/tmp/safelight-hostile-{os.getpid()}"
    os.symlink("/etc/hostname", place)
    os.unlink(place)


def speak_to_the_network():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()


def speak_to_a_neighbour():
    socket.socketpair()


def run_a_program():
    os.execv("/bin/sh", ["sh", "-c", "printf done"])


def fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def fork_by_clone3():
    arguments = struct.pack("<QQQQQQQQ", 0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    child = raw("clone3", arguments, ctypes.c_size_t(len(arguments)))
    called(child)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def signal_the_parent():
    os.kill(os.getppid(), signal.SIGCONT)


def signal_everyone():
    os.killpg(os.getpgid(0), signal.SIGCONT)


def trace():
    called(LIBC.ptrace(0, 0, 0, 0))


def read_another_process():
    held = ctypes.create_string_buffer(8)
    both = (ctypes.c_size_t * 2)(ctypes.addressof(held), 8)
    called(LIBC.process_vm_readv(os.getpid(), both, ctypes.c_ulong(1), both, ctypes.c_ulong(1), 0))


def take_four_gigabytes():
    mmap.mmap(-1, 4 << 30).close()


def unshare():
    called(LIBC.unshare(0x200))


def use_io_uring():
    called(raw("io_uring_setup", 4, ctypes.create_string_buffer(120)))


def load_a_filter():
    called(raw("bpf", 0, struct.pack("<IIIII", 2, 4, 4, 1, 0), 20))


def handle_page_faults():
    called(raw("userfaultfd", 1))


def open_a_keyring():
    called(raw("keyctl", 0, ctypes.c_int(-3), 1))


def raise_limits():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def become_dumpable():
    called(LIBC.prctl(4, 1, 0, 0, 0))


def run_own_code():
    place = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    place.close()


def make_code_of_data():
    place = mmap.mmap(-1, 4096)
    at = ctypes.addressof(ctypes.c_char.from_buffer(place))
    called(LIBC.mprotect(ctypes.c_void_p(at), 4096, 5))


def make_a_pipe():
    os.pipe()


def leave_the_session():
    os.setpgid(0, 0)


def change_user():
    os.setuid(os.getuid())


def change_folder():
    os.chdir("/")


def set_the_clock_of_a_timer():
    signal.setitimer(signal.ITIMER_REAL, 1000)


def map_shared_memory():
    number = LIBC.shmget(0, 4096, 0o1600)
    called(number)
    LIBC.shmctl(number, 0, None)


ATTEMPTS = {
    attempt.__name__: attempt
    for attempt in (
        open_a_file,
        list_a_folder,
        look_at_a_file,
        read_own_environment,
        read_parents_memory,
        write_a_file,
        write_to_memory_file,
        make_a_folder,
        remove_a_file,
        link_a_file,
        speak_to_the_network,
        speak_to_a_neighbour,
        run_a_program,
        fork,
        fork_by_clone3,
        signal_the_parent,
        signal_everyone,
        trace,
        read_another_process,
        take_four_gigabytes,
        unshare,
        use_io_uring,
        load_a_filter,
        handle_page_faults,
        open_a_keyring,
        raise_limits,
        become_dumpable,
        run_own_code,
        make_code_of_data,
        make_a_pipe,
        leave_the_session,
        change_user,
        change_folder,
        set_the_clock_of_a_timer,
        map_shared_memory,
    )
}


def attempt(name, writing):
    try:
        ATTEMPTS[name]()
    except (OSError, MemoryError, ValueError):
        os.write(writing, b"refused")
    else:
        os.write(writing, b"done")


def loop_for_ever():
    while True:
        pass


def status_of_itself(writing):
    """Say what can be said from inside about the layers that have no attempt of their own."""
    fields = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines()
    )
    dumpable = LIBC.prctl(3, 0, 0, 0, 0)
    os.write(writing, f"privileges {fields['NoNewPrivs']}, dumpable {dumpable}".encode())


def with_one_layer(layer, name, writing):
    if layer in ("seccomp", "landlock") and os.geteuid() != 0:
        lock._attempt("no-new-privileges")  # without it the kernel takes these from root only
    missing = lock._attempt(layer)
    if missing is not None:
        os.write(writing, b"missing")
    elif name == "status":
        status_of_itself(writing)
    else:
        attempt(name, writing)


def use_threads(writing):
    threads = [threading.Thread(target=time.sleep, args=(0.01,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(writing, b"done")


def lie(reading, writing, seed):
    """Answer with a damaged, foreign or endless reply, a different one for each file."""
    with os.fdopen(reading, "rb", closefd=False) as asked:
        about, length = wire.read_request_header(asked.read(wire.REQUEST_HEADER))
        asked.read(about)
        number = int(asked.read(length)[-6:])
    chance = random.Random(f"{seed}-{number}")
    opened = wire.Opened(
        wire.Kind.PNG, 8, 4, 8, 4, (wire.FileFinding("XMP", "holds words that someone wrote"),)
    )
    reply = bytearray(wire.say_opened(opened) + bytes(8 * 4 * 3))
    for _ in range(chance.randint(0, 6)):
        at = chance.randrange(len(reply))
        match chance.randrange(4):
            case 0:
                reply[at] = chance.randrange(256)
            case 1:
                del reply[at : at + chance.randint(1, 40)]
            case 2:
                reply[at:at] = chance.randbytes(chance.randint(1, 40))
            case _:
                reply = reply[: max(1, at)]
    os.write(writing, bytes(reply))
    if chance.randrange(8) == 0:
        os.kill(os.getpid(), chance.choice([signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM]))


def say(writing, hexadecimal):
    os.write(writing, bytes.fromhex(hexadecimal))


def main():
    kind, *arguments = sys.argv[4:]
    works = {
        "attempt": lambda _, writing: attempt(arguments[0], writing),
        "layer": lambda _, writing: with_one_layer(*arguments, writing),
        "loop": lambda *_: loop_for_ever(),
        "sleep": lambda *_: time.sleep(1000),
        "threads": lambda _, writing: use_threads(writing),
        "lie": lambda reading, writing: lie(reading, writing, arguments[0]),
        "say": lambda _, writing: say(writing, arguments[0]),
        "crash": lambda *_: ctypes.string_at(0),
        "nolock": lambda *_: None,
    }
    if kind == "loop":
        lock.PROCESSOR_SECONDS = 1
    if kind == "nolock":
        lock._APPLY["seccomp"] = lambda: (_ for _ in ()).throw(OSError(38, "not here"))
    if kind == "threaded":
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
    if kind == "mute":
        time.sleep(1000)
    if kind == "deaf":
        control = socket.socket(fileno=int(sys.argv[2]))
        control.send(zygote.READY)
        control.shutdown(socket.SHUT_RDWR)
        time.sleep(1000)
    if kind == "numpy":
        __import__("numpy")
    return zygote.serve(socket.socket(fileno=int(sys.argv[2])), works.get(kind))
