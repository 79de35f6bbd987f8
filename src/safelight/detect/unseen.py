"""What nothing here can find reliably, said so that silence is not taken for "none".

No free model with a clear licence finds these well enough, and simple rules miss too many. Each is
answered HELD at least for every picture, until a better detector is plugged in: a person looks, by
the tick-list. People, screens and some things are found in part: what is found is said, and the
rest is held.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSEEN: Mapping[str, str] = MappingProxyType(
    {
        "person": "whole people are looked for: hands, backs close up and parts of bodies are not",
        "screen": "screens are looked for: small, dark and cut off ones are missed, and mirrors too",
        "tattoo": "tattoos are looked for: small, faint and thinly drawn ones are missed, and some lesions are taken for one",
        "mark": "no machine here knows a scar or a birthmark that others would recognise",
        "jewellery": "bags, ties and umbrellas are looked for: jewellery, nails, glasses, clothes are not",
        "background": "things of a room are looked for: which room others would know, no machine knows",
        "handwriting": "ink that is faint, smeared or under hair may be missed by the text detector",
    }
)
"""Kind to the reason, for a person to read."""
