"""What the server and a decoding process say to each other, and what the server makes of it.

The server reads this as a letter from a stranger: every number is checked against what was asked,
every word against what may be said. Standard library only; both sides import it.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import asdict, dataclass
from enum import StrEnum

_MIB = 1 << 20


class Kind(StrEnum):
    """The picture formats that are opened."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WebP"
    HEIF = "HEIF"
    AVIF = "AVIF"
    TIFF = "TIFF"
    GIF = "GIF"
    BMP = "BMP"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture may at most be. docs/explanation/locked-decoding.md has the reasons."""

    body_bytes: int = 30 * _MIB
    pixels: int = 64_000_000
    scans: int = 100
    """A 385 KiB progressive JPEG with 300 scans kept a decoder busy for over 15 seconds."""
    directories: int = 64
    frames: int = 1000
    parts: int = 20_000
    """Segments, chunks, blocks, boxes or tags looked at before a file counts as a maze."""
    text_bytes: int = _MIB
    seconds: float = 15.0


LIMITS = Limits()


class Reason(StrEnum):
    """Why a picture is refused."""

    EMPTY = "empty"
    TOO_LARGE = "too-large"
    UNKNOWN_FORMAT = "unknown-format"
    TOO_MANY_PIXELS = "too-many-pixels"
    TOO_INTRICATE = "too-intricate"
    DAMAGED = "damaged"
    UNSUPPORTED = "unsupported"
    TOO_MUCH_MEMORY = "too-much-memory"
    TOO_SLOW = "too-slow"
    STOPPED = "stopped"
    NOT_BELIEVED = "not-believed"


FOR_PEOPLE = {
    Reason.EMPTY: "There is nothing in this file. Please choose another picture.",
    Reason.TOO_LARGE: "This file is too large to open: the most is 30 MB. Please choose a smaller one.",
    Reason.UNKNOWN_FORMAT: (
        "This is not a picture that can be opened here. JPEG, PNG, HEIC, AVIF, WebP, TIFF, GIF and "
        "BMP can be."
    ),
    Reason.TOO_MANY_PIXELS: (
        "This picture is too big to open: the most is 64 million pixels. Please save it smaller."
    ),
    Reason.TOO_INTRICATE: (
        "This file is built in a way that no camera builds, so it isn't opened. Please save the "
        "picture again as a plain JPEG or PNG."
    ),
    Reason.DAMAGED: "This picture is damaged or cut short, and can't be opened. Please try the original.",
    Reason.UNSUPPORTED: (
        "This kind of picture stores its colours in a way that can't be shown truly here. Please "
        "save it again as a JPEG or PNG."
    ),
    Reason.TOO_MUCH_MEMORY: "Opening this picture takes too much memory. Please save it smaller.",
    Reason.TOO_SLOW: "Opening this picture takes too long. Please save it again as a plain JPEG or PNG.",
    Reason.STOPPED: (
        "Opening this picture was stopped, because the file tried to do something that no picture "
        "does. Please don't send it on; tell your administrator."
    ),
    Reason.NOT_BELIEVED: (
        "Opening this picture gave an answer that can't be right, so it isn't used. Please tell "
        "your administrator."
    ),
}


class PictureRefused(Exception):
    """The file isn't opened; nothing of it is kept and nothing of it is in the message."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.for_people = FOR_PEOPLE[reason]


class ReplyNotBelieved(ValueError):
    """A decoding process answered something that can't be right."""


class Why(StrEnum):
    """What a part of a file can give away. Fixed sentences: a reply can carry no value."""

    PLACE = "says where the picture was taken"
    TIME = "says when the picture was taken or changed"
    DEVICE = "says which device or program made the picture"
    SERIAL = "numbers the very device"
    PERSON = "names a person"
    WORDS = "holds words that someone wrote"
    PICTURE = "holds another picture"
    HIDDEN = "holds pixels that aren't seen"
    BEYOND = "holds data beyond the end of the picture"
    UNKNOWN = "holds data that no format explains"
    MAKER = "holds data that only the maker can read"
    COLOUR = "names the device or person that made the colour profile"
    ID = "numbers this picture, so that copies can be linked"
    METADATA = "holds data about the picture"
    UNREADABLE = "can't be read to the end"


@dataclass(frozen=True, slots=True, order=True)
class FileFinding:
    """A part of a file that can identify: its name and what it can give away, never its value."""

    where: str
    why: str


MOST_FINDINGS = 400
_WHERE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 :._/#()+-]{0,79}")
_WHYS = frozenset(Why)

_REQUEST = struct.Struct(">4sII")
_ANSWER = struct.Struct(">4sI")
REQUEST_HEADER, ANSWER_HEADER = _REQUEST.size, _ANSWER.size
_ASK, _OPENED, _REFUSED, _NO_LOCK = b"SLq1", b"SLp1", b"SLr1", b"SLn1"
_MOST_ABOUT = 128 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What a decoding process is asked."""

    limits: Limits
    max_side: int | None


@dataclass(frozen=True, slots=True)
class Opened:
    """What a decoding process says of a picture; its pixels follow, row by row."""

    kind: Kind
    width: int
    height: int
    columns: int
    rows: int
    findings: tuple[FileFinding, ...]


@dataclass(frozen=True, slots=True)
class NoLock:
    """The decoding process couldn't be locked, and read nothing."""

    layers: tuple[str, ...]


def fitted(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """Return the size at which a picture is handed over: never larger than it is."""
    longest = max(width, height)
    if max_side is None or longest <= max_side:
        return width, height
    return max(1, round(width * max_side / longest)), max(1, round(height * max_side / longest))


def ask(request: Request, length: int) -> bytes:
    """Return the request's opening bytes; `length` bytes of file follow."""
    about = json.dumps({"limits": asdict(request.limits), "max_side": request.max_side}).encode()
    return _REQUEST.pack(_ASK, len(about), length) + about


def read_request_header(header: bytes) -> tuple[int, int]:
    """Return the lengths of the request's description and of the file."""
    magic, about, length = _REQUEST.unpack(header)
    if magic != _ASK:
        raise ValueError("not a request")
    return about, length


def read_request(about: bytes) -> Request:
    """Read the request's description, which our own server wrote."""
    fields = json.loads(about)
    return Request(Limits(**fields["limits"]), fields["max_side"])


def say_opened(opened: Opened) -> bytes:
    """Return the opening bytes of an answer that pixels follow."""
    fields = asdict(opened)
    fields["findings"] = [[each.where, each.why] for each in opened.findings[:MOST_FINDINGS]]
    return _framed(_OPENED, fields)


def say_refused(reason: Reason) -> bytes:
    """Return a refusal."""
    return _framed(_REFUSED, {"reason": reason.value})


def say_no_lock(missing: dict[str, str | None]) -> bytes:
    """Return the answer of a process that couldn't be locked."""
    return _framed(_NO_LOCK, {"layers": [name for name, why in missing.items() if why is not None]})


def _framed(magic: bytes, fields: dict[str, object]) -> bytes:
    about = json.dumps(fields).encode()
    return _ANSWER.pack(magic, len(about)) + about


def read_answer_header(header: bytes) -> tuple[bytes, int]:
    """Return what sort of answer it claims to be and how long its description is."""
    magic, length = _ANSWER.unpack(header)
    if magic not in {_OPENED, _REFUSED, _NO_LOCK} or length > _MOST_ABOUT:
        raise ReplyNotBelieved("not an answer")
    return magic, length


def read_answer(
    magic: bytes, about: bytes, *, asked: Request, kind: Kind
) -> Opened | PictureRefused | NoLock:
    """Read an answer's description, believing nothing that wasn't asked for.

    kind: what the server itself recognised the file as.
    Raises ReplyNotBelieved.
    """
    try:
        fields = json.loads(about)
        if magic == _REFUSED:
            return PictureRefused(Reason(fields["reason"]))
        if magic == _NO_LOCK:
            return NoLock(tuple(_where(each) for each in fields["layers"]))
        opened = Opened(
            kind=Kind(fields["kind"]),
            width=_count(fields["width"]),
            height=_count(fields["height"]),
            columns=_count(fields["columns"]),
            rows=_count(fields["rows"]),
            findings=_findings(fields["findings"]),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ReplyNotBelieved("malformed") from error
    if opened.kind is not kind:
        raise ReplyNotBelieved("another format")
    if opened.width * opened.height > asked.limits.pixels:
        raise ReplyNotBelieved("more pixels than allowed")
    if (opened.columns, opened.rows) != fitted(opened.width, opened.height, asked.max_side):
        raise ReplyNotBelieved("another size than asked")
    return opened


def _count(value: object) -> int:
    if type(value) is not int or value < 1:
        raise ValueError("not a count")
    return value


def _where(value: object) -> str:
    if not isinstance(value, str) or not _WHERE.fullmatch(value):
        raise ValueError("not a name")
    return value


def _findings(value: object) -> tuple[FileFinding, ...]:
    if not isinstance(value, list) or len(value) > MOST_FINDINGS:
        raise ValueError("not findings")
    return tuple(FileFinding(_where(where), Why(why).value) for where, why in value)
