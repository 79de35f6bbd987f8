"""A pack is whose key signed it, byte for byte, and nobody else's."""

from __future__ import annotations

import base64
import hashlib

import pytest

from safelight import policy
from safelight.policy.reading import shipped
from safelight.policy.signing import Publisher, SignatureRefused, sign, signed_by
from unit.policy.cases import PACK

SEED, OTHER_SEED = bytes(range(32)), bytes(range(1, 33))
NOTE, PUBLISHER = sign(PACK, name="rules.example", seed=SEED)
OTHER_NOTE, OTHER = sign(PACK, name="rules.example", seed=OTHER_SEED)
ALTERED = policy.read_pack(shipped("england").replace(b"child_until = 18", b"child_until = 16"))


def test_a_signed_pack_names_its_publisher() -> None:
    assert signed_by(NOTE, pack=PACK, trusted=[OTHER, PUBLISHER]) == PUBLISHER
    assert Publisher.from_text(PUBLISHER.text() + "\n") == PUBLISHER


def test_a_signature_is_a_signed_note() -> None:
    lines = NOTE.split("\n")
    assert lines[:3] == ["safelight.pack/v1", "england-2026.1", "2026-11-01"]
    assert lines[3] == f"sha256 {PACK.hash}"
    assert lines[5].startswith("— rules.example ")


def test_a_key_is_named_by_four_bytes_before_its_signature() -> None:
    signature = base64.b64decode(NOTE.rpartition(" ")[2])
    named = hashlib.sha256(b"rules.example\n\x01" + PUBLISHER.public).digest()[:4]
    assert (len(signature), signature[:4]) == (4 + 64, named)


@pytest.mark.parametrize("key", [b"\x02" + PUBLISHER.public, b"\x01" + PUBLISHER.public + b"\0"])
def test_a_key_of_another_kind_or_length_refuses(key: bytes) -> None:
    other = Publisher("rules.example", key[1:])
    text = f"rules.example+{other.key_id.hex()}+{base64.b64encode(key).decode()}"
    with pytest.raises(SignatureRefused, match="not a publisher's key"):
        Publisher.from_text(text)


def test_a_second_signature_is_passed_over() -> None:
    both = NOTE + OTHER_NOTE.partition("\n\n")[2]
    assert signed_by(both, pack=PACK, trusted=[OTHER]) == OTHER
    assert signed_by(both, pack=PACK, trusted=[OTHER, PUBLISHER]) == PUBLISHER


@pytest.mark.parametrize("length", [0, 67, 69])
def test_half_a_signature_beside_a_good_one_refuses_the_note(length: int) -> None:
    """Whoever made it: a note in which something doesn't fit was changed on its way."""
    line = f"— elsewhere.example {base64.b64encode(bytes(length)).decode()}\n"
    with pytest.raises(SignatureRefused, match="not a signature"):
        signed_by(NOTE + line, pack=PACK, trusted=[PUBLISHER])
    whole = f"— elsewhere.example {base64.b64encode(bytes(68)).decode()}\n"
    assert signed_by(NOTE + whole, pack=PACK, trusted=[PUBLISHER]) == PUBLISHER


def _broken(note: str) -> str:
    """Return the note with the last byte of its signature changed."""
    head, _, encoded = note.removesuffix("\n").rpartition(" ")
    data = bytearray(base64.b64decode(encoded))
    data[-1] ^= 1
    return f"{head} {base64.b64encode(data).decode()}\n"


REFUSED = {
    "an altered pack": (NOTE, ALTERED, [PUBLISHER]),
    "an unknown publisher": (NOTE, PACK, [OTHER]),
    "nobody trusted": (NOTE, PACK, []),
    "a broken signature": (_broken(NOTE), PACK, [PUBLISHER]),
    "a second line that is broken": (
        OTHER_NOTE + _broken(NOTE).partition("\n\n")[2],
        PACK,
        [OTHER, PUBLISHER],
    ),
    "no note": ("safelight", PACK, [PUBLISHER]),
    "no signature": (NOTE.partition("\n\n")[0] + "\n\n\n", PACK, [PUBLISHER]),
    "a signature that is too short": (
        NOTE.partition("— ")[0] + "— rules.example AAAA\n",
        PACK,
        [PUBLISHER],
    ),
    "a signature that is no base64": (
        NOTE.partition("— ")[0] + "— rules.example AAAAA\n",
        PACK,
        [PUBLISHER],
    ),
    "another day": (NOTE.replace("2026-11-01", "2026-12-01"), PACK, [PUBLISHER]),
    "endless": (NOTE + "x" * 10_000 + "\n", PACK, [PUBLISHER]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_whatever_does_not_fit_refuses(case: str) -> None:
    note, pack, trusted = REFUSED[case]
    with pytest.raises(SignatureRefused):
        signed_by(note, pack=pack, trusted=trusted)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rules.example",
        PUBLISHER.text().replace("+", " ", 1),
        PUBLISHER.text().replace(PUBLISHER.key_id.hex(), "00000000"),
        PUBLISHER.text()[:-4],
        PUBLISHER.text() + "!",
        "two words" + PUBLISHER.text().removeprefix("rules.example"),
    ],
)
def test_a_key_with_a_slip_of_the_pen_refuses(text: str) -> None:
    with pytest.raises(SignatureRefused):
        Publisher.from_text(text)


def test_a_note_may_be_ten_thousand_characters_long_and_no_longer() -> None:
    line = "— nobody " + base64.b64encode(bytes(68)).decode() + "\n"
    filled = NOTE + line * ((10_000 - len(NOTE)) // len(line))
    filled = filled.replace("nobody", "nobody" + "y" * (10_000 - len(filled)), 1)
    assert len(filled) == 10_000
    assert signed_by(filled, pack=PACK, trusted=[PUBLISHER]) == PUBLISHER
    with pytest.raises(SignatureRefused, match="not a signed note"):
        signed_by(filled.replace("nobody", "nobodyy", 1), pack=PACK, trusted=[PUBLISHER])


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a,b"])
def test_a_publishers_name_fits_into_one_line(name: str) -> None:
    with pytest.raises(SignatureRefused):
        sign(PACK, name=name, seed=SEED)
