"""Say whether every run-time package, those of the extras included, and every library bundled in its wheel, may be shipped.

Permissive licences pass, and the LGPL for what is used unmodified. GPL and AGPL don't, and neither does
a package or a bundled library that nobody has looked at: it has to be read, then named here.
Run by `./run check`.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

from packaging.requirements import Requirement

REQUIREMENTS = Path(__file__).parent.parent / "requirements" / "optional.txt"

PERMISSIVE = re.compile(
    r"\b(MIT|MIT-0|MIT-CMU|BSD|0BSD|Apache|PSF|Zlib|CC0|ISC|HPND|MPL|Mozilla|LGPL|Lesser)\b",
    re.IGNORECASE,
)
FORBIDDEN = re.compile(r"(?<!L)\b(A?GPL)|(?<!Lesser )\bGeneral Public License", re.IGNORECASE)

READ = {
    "flatbuffers": "Apache-2.0",
    "onnxruntime": "MIT",
    "protobuf": "BSD-3-Clause",
    "qrcode": "BSD-3-Clause",
}
"""Packages whose metadata says it badly; their licence files were read."""

BUNDLED = {
    "libXau": "MIT",
    "libaom": "BSD-2-Clause",
    "libavcodec": "LGPL-2.1 (built without GPL parts)",
    "libavformat": "LGPL-2.1 (built without GPL parts)",
    "libavif": "BSD-2-Clause",
    "libavutil": "LGPL-2.1 (built without GPL parts)",
    "libbrotlicommon": "MIT",
    "libbrotlidec": "MIT",
    "libcrypto": "Apache-2.0",
    "libdav1d": "BSD-2-Clause",
    "libde265": "LGPL-3.0",
    "libdrm": "MIT",
    "libfreetype": "FTL",
    "libgfortran": "GPL-3.0 with the GCC runtime library exception",
    "libharfbuzz": "MIT",
    "libheif": "LGPL-3.0",
    "libjpeg": "IJG and BSD-3-Clause",
    "liblcms2": "MIT",
    "liblzma": "0BSD",
    "libopenblasp": "BSD-3-Clause",
    "libopenjp2": "BSD-2-Clause",
    "libpng16": "libpng-2.0",
    "libquadmath": "LGPL-2.1",
    "libscipy_openblas64_": "BSD-3-Clause",
    "libsharpyuv": "BSD-3-Clause",
    "libssl": "Apache-2.0",
    "libswresample": "LGPL-2.1 (built without GPL parts)",
    "libswscale": "LGPL-2.1 (built without GPL parts)",
    "libtiff": "libtiff",
    "libvpx": "BSD-3-Clause",
    "libwebp": "BSD-3-Clause",
    "libwebpdemux": "BSD-3-Clause",
    "libwebpmux": "BSD-3-Clause",
    "libxcb": "MIT",
    "libzstd": "BSD-3-Clause",
}
"""Shared libraries in the `*.libs` folders of wheels, by name without version. libx264, libx265 and the
like are missing on purpose: their appearance fails the check."""


def packages() -> list[str]:
    """Return the names of the run-time packages that the hashed requirements list for this system."""
    lines = [line.rstrip("\\ ") for line in REQUIREMENTS.read_text().splitlines()]
    listed = [Requirement(line) for line in lines if re.match(r"[A-Za-z0-9._-]+==", line)]
    return [each.name for each in listed if each.marker is None or each.marker.evaluate()]


def stated(name: str) -> str:
    """Return what a package's metadata says of its licence."""
    about = importlib.metadata.metadata(name)
    classifiers = [c for c in about.get_all("Classifier") or [] if c.startswith("License ::")]
    first_line = (about.get("License") or "").splitlines()[:1]
    return " / ".join([about.get("License-Expression") or "", *first_line, *classifiers]).strip(
        " /"
    )


def bundled(name: str) -> list[str]:
    """Return the shared libraries that the package's wheel carries, by name without version."""
    files = importlib.metadata.files(name) or []
    libraries = {f.name for f in files if ".libs/" in str(f)}
    return sorted({re.split(r"-[0-9a-f]{8}|-r?\d|\.so", library)[0] for library in libraries})


def problems() -> list[str]:
    """Return a sentence for each package or library that may not be shipped."""
    found = []
    for name in packages():
        licence = READ.get(name) or stated(name)
        if FORBIDDEN.search(licence.replace("Lesser General Public License", "LGPL")):
            found.append(f"{name}: {licence} may not be shipped")
        elif not PERMISSIVE.search(licence):
            found.append(f"{name}: read its licence ({licence or 'none stated'}) and name it here")
        found += [
            f"{name}: bundles {library}, whose licence nobody has read"
            for library in bundled(name)
            if library not in BUNDLED
        ]
    return found


def main() -> int:
    """Print the problems, if any, and return 1 if there were."""
    found = problems()
    sys.stdout.write(
        "\n".join(found or [f"licences: {len(packages())} packages may be shipped"]) + "\n"
    )
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
