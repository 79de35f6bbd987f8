"""The system-call filter of the lock, written by hand as classic BPF.

Pure: numbers in, bytes out, so that tests can run the program for both machines without being it.
Allowed is what decoding needs; a few calls that libraries try and can live without get an error;
anything else ends the process at once. Numbers: arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h of the Linux kernel.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

KILL_PROCESS = 0x8000_0000
ALLOW = 0x7FFF_0000
REFUSE_EPERM = 0x0005_0000 | errno.EPERM
REFUSE_ENOSYS = 0x0005_0000 | errno.ENOSYS

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER_AT, _MACHINE_AT, _ARGUMENTS_AT = 0, 4, 16

PR_SET_NAME = 15
PROT_EXEC = 4
CLONE_THREAD = 0x0001_0000
CLONE_NEW_ANY = 0x7E02_0080
"""NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET together."""
X32_BIT = 0x4000_0000
"""x86_64 accepts a second numbering of the same calls above this bit."""

ALLOWED = """
    read write readv writev close fstat lseek pread64 mmap mprotect munmap mremap brk madvise
    rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall exit exit_group futex
    set_robust_list rseq getpid getppid gettid getcpu sched_yield sched_getaffinity nanosleep
    clock_nanosleep clock_gettime clock_getres gettimeofday time getrandom uname sysinfo getrusage
    """
REFUSED = """
    open openat openat2 stat lstat newfstatat statx access faccessat faccessat2 readlink
    readlinkat getcwd socket ioctl fcntl dup dup2 dup3 tgkill prlimit64 getrlimit
    sched_setaffinity
    """


@dataclass(frozen=True, slots=True)
class Machine:
    """How one processor family names its system calls."""

    name: str
    audit_arch: int
    numbers: Mapping[str, int]
    has_x32: bool


def _numbers(table: str) -> dict[str, int]:
    pairs = (entry.split("=") for entry in table.split())
    return {name: int(number) for name, number in pairs}


X86_64 = Machine(
    name="x86_64",
    audit_arch=0xC000_003E,
    has_x32=True,
    numbers=_numbers(
        """
        read=0 write=1 open=2 close=3 stat=4 fstat=5 lstat=6 lseek=8 mmap=9 mprotect=10
        munmap=11 brk=12 rt_sigaction=13 rt_sigprocmask=14 rt_sigreturn=15 ioctl=16
        pread64=17 readv=19 writev=20 access=21 sched_yield=24 mremap=25 madvise=28
        dup=32 dup2=33 nanosleep=35 getpid=39 socket=41 clone=56 exit=60 uname=63
        fcntl=72 getcwd=79 readlink=89 getppid=110 gettimeofday=96 getrlimit=97
        getrusage=98 sysinfo=99 sigaltstack=131 prctl=157 gettid=186 time=201 futex=202
        sched_setaffinity=203 sched_getaffinity=204 restart_syscall=219
        clock_gettime=228 clock_getres=229 clock_nanosleep=230 exit_group=231 tgkill=234
        openat=257 newfstatat=262 readlinkat=267 faccessat=269 set_robust_list=273
        dup3=292 prlimit64=302 getcpu=309 getrandom=318 statx=332 rseq=334 clone3=435
        openat2=437 faccessat2=439
        """
    ),
)
AARCH64 = Machine(
    name="aarch64",
    audit_arch=0xC000_00B7,
    has_x32=False,
    numbers=_numbers(
        """
        getcwd=17 dup=23 dup3=24 fcntl=25 ioctl=29 faccessat=48 openat=56 close=57
        lseek=62 read=63 write=64 readv=65 writev=66 pread64=67 readlinkat=78
        newfstatat=79 fstat=80 exit=93 exit_group=94 futex=98 set_robust_list=99
        nanosleep=101 clock_gettime=113 clock_getres=114 clock_nanosleep=115
        sched_setaffinity=122 sched_getaffinity=123 sched_yield=124 restart_syscall=128
        tgkill=131 sigaltstack=132 rt_sigaction=134 rt_sigprocmask=135 rt_sigreturn=139
        uname=160 getrlimit=163 getrusage=165 prctl=167 getcpu=168 gettimeofday=169
        getpid=172 getppid=173 gettid=178 sysinfo=179 socket=198 brk=214 munmap=215
        mremap=216 clone=220 mmap=222 mprotect=226 madvise=233 prlimit64=261
        getrandom=278 statx=291 rseq=293 clone3=435 openat2=437 faccessat2=439
        """
    ),
)
MACHINES = {"x86_64": X86_64, "aarch64": AARCH64, "arm64": AARCH64}


def decoding_filter(machine: Machine) -> bytes:
    """Return the filter for a decoding process as an array of `struct sock_filter`."""
    program = [
        _step(_LOAD, _MACHINE_AT),
        _step(_EQUAL, machine.audit_arch, then=1),
        _step(_RETURN, KILL_PROCESS),
        _step(_LOAD, _NUMBER_AT),
    ]
    if machine.has_x32:
        program += [_step(_AT_LEAST, X32_BIT, otherwise=1), _step(_RETURN, KILL_PROCESS)]
    program += _clone_only_threads(machine)
    program += _no_new_code(machine)
    program += _prctl_only_naming(machine)
    program += _answer(machine, "clone3", REFUSE_ENOSYS)
    for name in (name for name in ALLOWED.split() if name not in {"mmap", "mprotect"}):
        program += _answer(machine, name, ALLOW)
    for name in REFUSED.split():
        program += _answer(machine, name, REFUSE_EPERM)
    program.append(_step(_RETURN, KILL_PROCESS))
    return b"".join(program)


def _step(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)


def _answer(machine: Machine, name: str, verdict: int) -> list[bytes]:
    """One call, one verdict; nothing where the machine has no such call."""
    number = machine.numbers.get(name)
    if number is None:
        return []
    return [_step(_EQUAL, number, otherwise=1), _step(_RETURN, verdict)]


def _argument(index: int) -> bytes:
    """Load the low half of an argument: both machines are little-endian."""
    return _step(_LOAD, _ARGUMENTS_AT + 8 * index)


def _clone_only_threads(machine: Machine) -> list[bytes]:
    """AV1 decodes with threads; a new process or a new namespace is refused by death."""
    return [
        _step(_EQUAL, machine.numbers["clone"], otherwise=5),
        _argument(0),
        _step(_AND, CLONE_THREAD | CLONE_NEW_ANY),
        _step(_EQUAL, CLONE_THREAD, otherwise=1),
        _step(_RETURN, ALLOW),
        _step(_RETURN, KILL_PROCESS),
    ]


def _no_new_code(machine: Machine) -> list[bytes]:
    """Memory may be had, but never memory that can be run."""
    steps = []
    for name in ("mmap", "mprotect"):
        steps += [
            _step(_EQUAL, machine.numbers[name], otherwise=4),
            _argument(2),
            _step(_ANY_BIT, PROT_EXEC, otherwise=1),
            _step(_RETURN, REFUSE_EPERM),
            _step(_RETURN, ALLOW),
        ]
    return steps


def _prctl_only_naming(machine: Machine) -> list[bytes]:
    """dav1d names its threads; without this 84 valid AVIF files died of an earlier filter."""
    return [
        _step(_EQUAL, machine.numbers["prctl"], otherwise=4),
        _argument(0),
        _step(_EQUAL, PR_SET_NAME, otherwise=1),
        _step(_RETURN, ALLOW),
        _step(_RETURN, REFUSE_EPERM),
    ]
