"""The reference of the commands mentions each of them, with every option and every setting."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from safelight.cli import COMMANDS
from safelight.web.config import Config

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "commands.md"


def section(name: str) -> str:
    """Return what the reference says under the command's own heading."""
    found = re.search(
        rf"^## {re.escape(name)}$(.*?)(?=^## |\Z)", REFERENCE.read_text(), re.MULTILINE | re.DOTALL
    )
    return found.group(1) if found else ""


def parser_of(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=name)
    importlib.import_module(f"safelight.cli.{name}").arguments(parser)
    return parser


def options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield every option of a command, and those of the words below it (`ledger verify`)."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for word, below in action.choices.items():
                yield word
                yield from options(below)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_section_in_the_reference(name: str) -> None:
    assert f"safelight {name}" in section(name)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_the_reference(name: str) -> None:
    told = set(re.findall(r"[\w-]+", section(name)))
    missing = set(options(parser_of(name))) - told - {"-h", "--help"}
    assert not missing


@pytest.mark.parametrize("name", COMMANDS)
def test_the_reference_invents_no_option(name: str) -> None:
    told = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", section(name)))
    known = {each for command in COMMANDS for each in options(parser_of(command))}
    assert not told - known


def test_every_setting_is_in_the_reference() -> None:
    told = set(re.findall(r"`(\w+)`", section("init")))
    assert not {field.name for field in fields(Config)} - told
