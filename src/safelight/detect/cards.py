"""Model cards: what each detector rests on, and what it is known to miss."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Where a model comes from, what it was trained on, what was measured here."""

    name: str
    kind: str
    title: str
    source: str
    licence: str
    trained_on: str
    measured: str
    misses: str
    file: str | None = None
    sha256: str | None = None


@cache
def model_cards() -> dict[str, ModelCard]:
    """Return the cards of the models that the package carries, by name (models.toml)."""
    text = resources.files("safelight.detect").joinpath("models.toml").read_text("utf-8")
    fields = set(ModelCard.__dataclass_fields__) - {"name"}
    return {
        name: ModelCard(name=name, **{key: table[key] for key in fields})
        for name, table in tomllib.loads(text).items()
    }
