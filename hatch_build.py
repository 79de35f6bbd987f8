"""Put the model weights into the package before it is packed (docs/adr/0005-weights-by-build-hook.md).

The front end is built by `./run`; a wheel without it would show bare pages, so none is packed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC, PAPER = "src/safelight/web/static/built", "src/safelight/interop/paper"
BUILT = (
    *(
        f"{STATIC}/{name}"
        for name in ("site.css", "site.js", "capture.js", "editor.js", "share.js")
    ),
    *(f"{PAPER}/PublicSans-{weight}.ttf" for weight in ("Regular", "Bold")),
)


class WeightsHook(BuildHookInterface[Any]):
    """Run tools/weights.py for wheels and editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Take what is missing out of the pinned wheels; a wrong digest stops the build."""
        sys.path.insert(0, str(Path(self.root)))
        from tools import weights

        weights.ensure()
        if version == "standard" and (
            missing := [each for each in BUILT if not (Path(self.root) / each).is_file()]
        ):
            raise FileNotFoundError(
                f"the front end isn't built ({', '.join(missing)}): use ./run wheel"
            )
