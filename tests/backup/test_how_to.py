"""Every command of "Back up and restore", run in its order, to the end."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

from web.test_commands import SAFELIGHT, init

DOCUMENT = Path(__file__).parents[2] / "docs" / "how-to" / "back-up-and-restore.md"


def typed() -> list[str]:
    """Every safelight command that the document tells to type."""
    blocks = re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    inline = re.findall(r"`(safelight restore --go-on [^`]*)`", DOCUMENT.read_text())
    lines = [line for block in blocks for line in block.splitlines()] + inline
    return [line for line in lines if line.startswith("safelight ")]


def test_what_the_document_says_works_to_the_end(tmp_path: Path):
    for name in ("backup", "keys", "witness"):
        (tmp_path / name).mkdir()
    first, second = tmp_path / "first", tmp_path / "second"
    assert init(first).returncode == 0
    with (first / "safelight.toml").open("a") as file:
        settings = re.search(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
        assert settings is not None
        file.write(settings[1].replace("/mnt", str(tmp_path)))
    commands = typed()
    assert len(commands) == 10
    key, back = (
        "",
        commands.index(next(c for c in commands if c.startswith("safelight restore --home"))),
    )
    for number, command in enumerate(commands):
        home = first if number < back else second
        if number == back:
            tell_the_witness(first)
        line = command.replace("/mnt", str(tmp_path)).replace("/var/lib/safelight", str(home))
        done = run(shlex.split(line)[1:], typed_in=key)
        shut = "--accept-loss" in line  # it has caught up before: there is nothing to accept
        if "doctor" in line:  # a machine for tests may lack a layer of the lock, or room
            assert "BAD   backups" not in done.stdout
        else:
            assert done.returncode == (3 if shut else 0), (line, done.stderr, done.stdout)
        if "init-key" in line:
            key = done.stdout
        if number == back:
            assert done.stdout.strip().endswith("It is open again.")
        if "--drill" in line:
            assert "left nothing" in done.stdout


def tell_the_witness(home: Path) -> None:
    """What the worker does by itself."""
    assert run(["worker", "--once", "--home", str(home)], typed_in="").returncode == 0


def run(words: list[str], *, typed_in: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    return subprocess.run(
        [*SAFELIGHT, *words],
        env=environment,
        input=typed_in,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
