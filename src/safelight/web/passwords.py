"""What a password must be: long, not known, not about you. No rules of composition.

Fifteen characters is NIST SP 800-63B-4's minimum for a password that opens the door alone; it
stays fifteen with a second factor, because one rule is easier to keep than two. Three words do it.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

LONGEST = 200
_RUNS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiopasdfghjklzxcvbnm")
_RUN_LENGTH = 6
_LEFT_OVER = 8
"""Letters and digits that must remain once everything guessable is taken away."""


class Argon2id(Argon2PasswordHasher):
    """Argon2id with 64 MiB and three passes (RFC 9106, second recommendation, one lane)."""

    time_cost = 3
    memory_cost = 64 * 1024
    parallelism = 1


class NotTooLong:
    """Refuses what is longer than anyone types, so that nobody can send a book to be hashed."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError if the password is too long."""
        if len(password) > LONGEST:
            raise ValidationError(f"Use at most {LONGEST} characters", code="password_too_long")

    def get_help_text(self) -> str:
        """Say the rule."""
        return f"At most {LONGEST} characters."


class NotKnown:
    """Refuses passwords from lists, with or without digits around them, and mere patterns."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError if an attacker's list would hold the password."""
        bare = _bare(password)
        words = re.sub(r"^\d+|\d+$", "", bare)
        if {bare, words} & _known() or len(_without_patterns(bare)) < _LEFT_OVER:
            raise ValidationError(
                "Many people use this one. Try three or four words that don’t belong together",
                code="password_known",
            )

    def get_help_text(self) -> str:
        """Say the rule."""
        return "Not one that many people use."


class NotAboutYou:
    """Refuses passwords made of one's own name, address or practice."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError if little is left without what colleagues know."""
        left = _bare(password)
        for word in _own_words(user):
            left = left.replace(word, "")
        if len(left) < _LEFT_OVER and left != _bare(password):
            raise ValidationError(
                "Leave out your name and the practice’s name", code="password_about_you"
            )

    def get_help_text(self) -> str:
        """Say the rule."""
        return "Not your name, nor the practice’s."


def _bare(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _own_words(user: Any) -> list[str]:
    practice = getattr(user, "practice", None) if getattr(user, "practice_id", None) else None
    told = [getattr(user, "name", ""), getattr(user, "email", ""), getattr(practice, "name", "")]
    words = {_bare(word) for text in told for word in re.split(r"\W+", text)}
    return sorted((word for word in (*words, "safelight") if len(word) >= 4), key=len, reverse=True)


def _without_patterns(bare: str) -> str:
    """Return the text with repetition counted once and keyboard runs taken out."""
    once = re.sub(r"(.{1,16}?)\1+", r"\1", bare)
    for run in _RUNS:
        for line in (run, run[::-1]):
            for start in range(len(line) - _RUN_LENGTH + 1):
                once = once.replace(line[start : start + _RUN_LENGTH], "")
    return once


@cache
def _known() -> frozenset[str]:
    ours = resources.files("safelight.web").joinpath("known_passwords.txt")
    lines = ours.read_text(encoding="utf-8").splitlines()
    mine = {_bare(line) for line in lines if line and not line.startswith("#")}
    return frozenset(mine | {_bare(word) for word in CommonPasswordValidator().passwords})
