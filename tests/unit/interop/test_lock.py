"""A decoder that is taken over finds nothing to take; each layer of the lock is tested alone."""

import os
import signal
import sys

import interop_hostile as hostile
import pytest

from safelight.interop import bpf, lock
from safelight.interop.darkroom import Darkroom, Ended, TooSlow

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this lock")

LANDLOCK = next(layer for layer in lock.report() if layer.name == "landlock")


def told(*kind, locked, seconds=10.0):
    """Return what a hostile process managed to say, or the signal that ended it."""
    darkroom = Darkroom(hostile.command(*kind))
    try:
        with darkroom.job(locked=locked, seconds=seconds) as job:
            job.send(b"")
            said = bytearray()
            try:
                while True:
                    said += job.read(1)
            except Ended:
                if said:
                    return said.decode()
            except TooSlow:
                return "too slow"
            return signal.Signals(os.WTERMSIG(job.wait_status())).name
    finally:
        darkroom.close()


@pytest.mark.parametrize("name", hostile.ATTEMPTS)
def test_what_a_hostile_decoder_tries_is_refused(name):
    if told("attempt", name, locked=False) != "done":
        pytest.skip("this machine refuses it to everyone, so it would prove nothing")
    assert told("attempt", name, locked=True) in {"refused", "SIGSYS"}


def test_most_attempts_would_succeed_without_the_lock():
    """The control: attempts that fail for everyone prove nothing, so few may."""
    kinds = ("open_a_file", "write_a_file", "fork", "run_a_program", "take_four_gigabytes", "trace")
    assert {told("attempt", name, locked=False) for name in kinds} == {"done"}


def test_threads_are_let_through():
    assert told("threads", locked=True) == "done"


def test_an_endless_loop_runs_out_of_processor_time():
    assert told("loop", locked=True) == "SIGXCPU"


def test_an_endless_loop_and_an_endless_sleep_run_out_of_wall_time():
    assert told("loop", locked=False, seconds=0.3) == "too slow"
    assert told("sleep", locked=True, seconds=0.3) == "too slow"


@pytest.mark.parametrize(
    ("layer", "name", "outcomes"),
    [
        ("seccomp", "open_a_file", {"refused"}),
        ("seccomp", "fork", {"SIGSYS"}),
        ("seccomp", "run_a_program", {"SIGSYS"}),
        ("seccomp", "speak_to_the_network", {"refused"}),
        ("seccomp", "run_own_code", {"refused"}),
        ("landlock", "open_a_file", {"refused"}),
        ("landlock", "write_a_file", {"refused"}),
        ("landlock", "list_a_folder", {"refused"}),
        ("landlock", "run_a_program", {"refused"}),
        ("limits", "take_four_gigabytes", {"refused"}),
        ("limits", "write_to_memory_file", {"refused", "SIGXFSZ"}),
        ("no-new-privileges", "status", {"privileges 1, dumpable 1"}),
        ("not-dumpable", "status", {"privileges 0, dumpable 0", "privileges 1, dumpable 0"}),
    ],
)
def test_each_layer_refuses_by_itself_what_it_is_there_for(layer, name, outcomes):
    if layer == "landlock" and not LANDLOCK.enforced:
        pytest.skip("this kernel has no landlock; seccomp stands alone")
    assert told("layer", layer, name, locked=False) in outcomes


def test_a_machine_without_a_needed_layer_opens_nothing():
    assert "seccomp" in told("nolock", locked=True)


def test_the_report_names_every_layer_of_the_lock():
    layers = lock.report()
    assert [layer.name for layer in layers] == list(lock._LAYERS)
    assert all(layer.enforced for layer in layers if layer.needed)
    assert all(layer.enforced == (layer.missing_because is None) for layer in layers)


def test_a_probe_that_fails_enforces_nothing(monkeypatch):
    monkeypatch.setattr(lock, "isolated", lambda *_: ["/no/such/program"])
    assert not any(layer.enforced for layer in lock.report())


def test_a_layer_that_cannot_be_set_says_why(monkeypatch):
    def refused():
        raise OSError(1, "not permitted")

    monkeypatch.setattr(lock, "_APPLY", dict.fromkeys(lock._LAYERS, refused))
    missing = lock.close()
    assert set(missing) == set(lock._LAYERS)
    assert not lock.is_enough(missing)
    assert "not permitted" in missing["limits"]


def test_layers_that_are_all_set_are_enough(monkeypatch):
    monkeypatch.setattr(lock, "_APPLY", dict.fromkeys(lock._LAYERS, lambda: None))
    assert lock.is_enough(lock.close())


def test_only_landlock_may_be_missing():
    held = dict.fromkeys(lock._LAYERS)
    assert lock.is_enough(held | {"landlock": "no such call"})
    for name in lock._LAYERS:
        if name != "landlock":
            assert not lock.is_enough(held | {name: "missing"})
    assert not lock.is_enough({})


def test_another_system_or_processor_has_no_lock(monkeypatch):
    monkeypatch.setattr(lock.platform, "machine", lambda: "riscv64")
    assert "riscv64" in lock._attempt("seccomp")
    monkeypatch.setattr(lock.sys, "platform", "darwin")
    assert "darwin" in lock._attempt("no-new-privileges")


def verdict(program, machine, number, *arguments):
    """Run a filter as the kernel would (Documentation/networking/filter.rst)."""
    import struct

    held = struct.pack("<iIQ6Q", number, machine, 0, *arguments, *[0] * (6 - len(arguments)))
    at = value = 0
    while True:
        code, then, otherwise, operand = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        match code:
            case 0x20:
                value = struct.unpack_from("<I", held, operand)[0]
            case 0x54:
                value &= operand
            case 0x15:
                at += then if value == operand else otherwise
            case 0x35:
                at += then if value >= operand else otherwise
            case 0x45:
                at += then if value & operand else otherwise
            case 0x06:
                return operand


@pytest.mark.parametrize("machine", [bpf.X86_64, bpf.AARCH64], ids=["x86_64", "aarch64"])
class TestFilter:
    """The filter as numbers, for both processors."""

    def ask(self, machine, name, *arguments):
        program = bpf.decoding_filter(machine)
        return verdict(program, machine.audit_arch, machine.numbers[name], *arguments)

    def test_allowed_calls_are_allowed_and_refused_ones_refused(self, machine):
        for name in bpf.ALLOWED.split():
            if name in machine.numbers:
                assert self.ask(machine, name) == bpf.ALLOW, name
        for name in bpf.REFUSED.split():
            if name in machine.numbers:
                assert self.ask(machine, name) == bpf.REFUSE_EPERM, name

    def test_any_other_number_kills(self, machine):
        program = bpf.decoding_filter(machine)
        known = set(machine.numbers.values())
        for number in set(range(600)) - known | {-1}:
            assert verdict(program, machine.audit_arch, number) == bpf.KILL_PROCESS

    def test_another_numbering_kills(self, machine):
        program = bpf.decoding_filter(machine)
        read = machine.numbers["read"]
        assert verdict(program, 0x4000_0003, read) == bpf.KILL_PROCESS
        assert verdict(program, machine.audit_arch, 0x4000_0000 | read) == bpf.KILL_PROCESS

    def test_clone_makes_threads_and_nothing_else(self, machine):
        assert self.ask(machine, "clone", 0x3D0F00) == bpf.ALLOW
        for flags in (0, 17, 0x3D0F00 | 0x10000000, 0x3D0F00 | 0x40000000, 0x3D0F00 | 0x80):
            assert self.ask(machine, "clone", flags) == bpf.KILL_PROCESS
        assert self.ask(machine, "clone3") == bpf.REFUSE_ENOSYS

    def test_memory_is_never_code(self, machine):
        for name in ("mmap", "mprotect"):
            assert self.ask(machine, name, 0, 4096, 3) == bpf.ALLOW
            for protection in (4, 5, 7):
                assert self.ask(machine, name, 0, 4096, protection) == bpf.REFUSE_EPERM

    def test_prctl_only_names(self, machine):
        assert self.ask(machine, "prctl", 15) == bpf.ALLOW
        for option in (1, 4, 22, 38):
            assert self.ask(machine, "prctl", option) == bpf.REFUSE_EPERM
