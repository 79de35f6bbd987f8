import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight import ledger
from safelight.ledger import Checkpoint, CheckpointRefused, SigningKey
from safelight.ledger.checkpoint import check_signature

KEY = SigningKey.from_bytes(bytes(range(32)))
ORIGIN = "safelight.example/practice-1"
NOTE = Checkpoint(ORIGIN, 3, bytes(32)).sign(KEY)


@given(size=st.integers(0, 10**15), root=st.binary(min_size=32, max_size=32))
def test_a_signed_checkpoint_says_what_was_signed(size, root):
    checkpoint = Checkpoint(ORIGIN, size, root)
    assert ledger.read_checkpoint(checkpoint.sign(KEY), KEY.public) == checkpoint


def test_the_note_is_laid_out_as_published():
    assert (
        f"{ORIGIN}\n3\n{base64.b64encode(bytes(32)).decode()}\n\n"
        f"— {ORIGIN} {NOTE.rsplit(' ', 1)[1]}"
    ) == NOTE


def test_the_example_of_the_signed_note_specification_verifies():
    """c2sp.org/signed-note, Verifier keys: the key, its id, and the signature over the text."""
    public = base64.b64decode("AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")[1:]
    vkey = ledger.verifier_key("example.com/foo", public)
    assert vkey == "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    signature = base64.b64decode(
        "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
    )
    assert signature[:4].hex() == "530d903a"
    check_signature(public, signature[4:], b"This is an example message.\n")


@given(data=st.data())
def test_no_changed_note_is_believed(data):
    at = data.draw(st.integers(0, len(NOTE) - 1))
    other = data.draw(st.characters(exclude_categories=["Cs"]))
    if other != NOTE[at]:
        with pytest.raises(CheckpointRefused):
            ledger.read_checkpoint(NOTE[:at] + other + NOTE[at + 1 :], KEY.public)


def test_another_key_signed_something_else():
    with pytest.raises(CheckpointRefused):
        ledger.read_checkpoint(NOTE, SigningKey.generate().public)


def test_a_witness_may_sign_beneath():
    cosigned = NOTE + "— witness.example/w " + base64.b64encode(bytes(76)).decode() + "\n"
    assert ledger.read_checkpoint(cosigned, KEY.public).size == 3


def test_one_wrong_signature_in_our_name_refuses_the_note():
    line = NOTE.rsplit("\n", 2)[1]
    data = bytearray(base64.b64decode(line.rsplit(" ", 1)[1]))
    data[10] ^= 1
    wrong = f"— {ORIGIN} {base64.b64encode(data).decode()}\n"
    with pytest.raises(CheckpointRefused):
        ledger.read_checkpoint(NOTE + wrong, KEY.public)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        NOTE.replace("\n3\n", "\n03\n"),
        NOTE.replace("\n3\n", "\n-3\n"),
        NOTE.replace("\n3\n", "\n3\n3\n"),
        NOTE.replace("\n\n", "\n"),
        NOTE.removesuffix("\n"),
        NOTE.replace("— ", "- "),
        NOTE.replace("=\n\n", "\n\n"),
        NOTE.replace("AAAA=\n\n", "AAAB=\n\n"),
        NOTE + "x" * 200_000,
    ],
)
def test_other_text_is_no_checkpoint(note):
    with pytest.raises(CheckpointRefused):
        ledger.read_checkpoint(note, KEY.public)


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [
        ("", 1, bytes(32)),
        ("a b", 1, bytes(32)),
        ("a+b", 1, bytes(32)),
        ("a\n", 1, bytes(32)),
        ("a", -1, bytes(32)),
        ("a", 1, bytes(31)),
    ],
)
def test_a_checkpoint_that_cannot_be_written_cannot_be_made(origin, size, root):
    with pytest.raises(CheckpointRefused):
        Checkpoint(origin, size, root)


def test_a_signing_key_comes_back_and_never_shows_itself():
    key = SigningKey.generate()
    assert SigningKey.from_bytes(key.to_bytes()).public == key.public
    assert key.to_bytes().hex() not in repr(key)
    assert repr(key.to_bytes()) not in repr(key)
    with pytest.raises(CheckpointRefused):
        SigningKey.from_bytes(b"short")
