"""Write the two fonts of the PDF receipt from the font package of the front end.

    python -m tools.fonts PACKAGE FOLDER

Joins Public Sans' Latin and extended Latin parts (Welsh needs ŵ and ŷ) at two weights. `./run` does
it when it builds the front end; a wheel carries the result, with the font's licence.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from fontTools.merge import Merger
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

PARTS = ("latin", "latin-ext")
WEIGHTS = {"Regular": 400, "Bold": 700}


def main(package: Path, folder: Path) -> None:
    """Write PublicSans-Regular.ttf and PublicSans-Bold.ttf into the folder."""
    for name, weight in WEIGHTS.items():
        with tempfile.TemporaryDirectory() as scratch:
            parts = []
            for part in PARTS:
                font = TTFont(package / "files" / f"public-sans-{part}-wght-normal.woff2")
                font.flavor = None
                still = instantiateVariableFont(font, {"wght": weight})
                for table in ("GSUB", "GPOS", "GDEF", "STAT"):
                    if table in still:
                        del still[table]
                place = Path(scratch) / f"{part}.ttf"
                still.save(place)
                parts.append(str(place))
            whole = Merger().merge(parts)
            bold = name == "Bold"
            whole["OS/2"].usWeightClass = weight
            whole["OS/2"].fsSelection = 0x20 if bold else 0x40
            whole["head"].macStyle = 1 if bold else 0
            for record in list(whole["name"].names):
                if record.nameID in (1, 16):
                    record.string = "Safelight Sans"
                elif record.nameID in (2, 17):
                    record.string = name
                elif record.nameID == 4:
                    record.string = f"Safelight Sans {name}"
                elif record.nameID == 6:
                    record.string = f"SafelightSans-{name}"
            whole.save(folder / f"PublicSans-{name}.ttf")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
