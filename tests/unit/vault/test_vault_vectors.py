"""The vectors open for ever, here as in the browser. They were made apart from this code."""

import base64
import hashlib
import json
import runpy
from pathlib import Path
from uuid import UUID

import pytest

from safelight import vault
from safelight.vault.blob import seal_with_salt

VECTORS = Path(__file__).parents[2] / "vectors"


def vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


SEAL, ENVELOPE = vectors("seal"), vectors("envelope")
KEY, CONTEXT = bytes.fromhex(SEAL["key"]), bytes.fromhex(SEAL["context"])
BLOBS = {case["length"]: base64.b64decode(case["blob"]) for case in SEAL["sealed"]}


def plaintext(length):
    return bytes((i * 31 + 7) & 255 for i in range(length))


@pytest.mark.parametrize("name", sorted(path.stem for path in VECTORS.glob("*.json")))
def test_the_vectors_are_what_their_maker_makes(name):
    made = runpy.run_path(str(VECTORS / "make.py"))["written"](name)
    assert made == (VECTORS / f"{name}.json").read_text(encoding="utf-8")


def test_every_context_is_the_published_one():
    as_part = {"text": str, "bytes": bytes.fromhex, "uuid": UUID, "number": int}
    for case in vectors("context")["contexts"]:
        parts = [as_part[kind](shown) for part in case["parts"] for kind, shown in part.items()]
        assert vault.context(*parts).hex() == case["context"]


@pytest.mark.parametrize("case", SEAL["sealed"], ids=lambda case: str(case["length"]))
def test_every_published_blob_opens_and_seals_the_same_again(case):
    blob, text = BLOBS[case["length"]], plaintext(case["length"])
    assert vault.unseal(KEY, blob, context=CONTEXT) == text
    salt = bytes.fromhex(case["salt"])
    assert seal_with_salt(KEY, text, context=CONTEXT, salt=salt) == blob
    assert len(blob) == case["blob_bytes"] == vault.sealed_length(len(text))
    assert hashlib.sha256(blob).hexdigest() == case["blob_sha256"]


def test_the_key_of_a_copy_is_the_published_one():
    derived = SEAL["derived"]
    assert vault.derive(KEY, derived["kind"]).hex() == derived["key"]


RANGES = vectors("ranges")


def in_range(case, key=KEY):
    """Open a part as a reader of ranges does; return it with the chunks that were read."""
    blob, asked = edited(BLOBS[case["length"]], case.get("edits", [])), []

    def read(start, stop):
        chunks = [] if start == 0 else range((start - 56) // 16400, (stop - 57) // 16400 + 1)
        asked.extend(chunks)
        return blob[start:stop]

    parts = vault.unseal_parts(key, read, len(blob), case["start"], case["stop"], context=CONTEXT)
    return b"".join(parts), asked


@pytest.mark.parametrize("case", RANGES["opened"], ids=str)
def test_every_published_part_opens_and_reads_no_other_chunk(case):
    part, asked = in_range(case)
    assert hashlib.sha256(part).hexdigest() == case["sha256"]
    assert asked == case["chunks"]
    blob = BLOBS[case["length"]]
    assert vault.unseal_range(KEY, blob, case["start"], case["stop"], context=CONTEXT) == part


@pytest.mark.parametrize("case", RANGES["still_opened"], ids=lambda case: case["name"])
def test_what_is_broken_elsewhere_keeps_no_part_shut(case):
    assert in_range(case)[0] == plaintext(case["length"])[case["start"] : case["stop"]]


@pytest.mark.parametrize("case", RANGES["refused"], ids=lambda case: case["name"])
def test_every_published_broken_part_is_refused(case):
    with pytest.raises(vault.SealBroken):
        in_range(case)


def edited(blob, edits):
    data = bytearray(blob)
    for edit in edits:
        if "cut" in edit:
            del data[-edit["cut"] :]
        elif "add" in edit:
            data += bytes.fromhex(edit["add"])
        elif "flip" in edit:
            data[edit["flip"]] ^= 1
        elif "swap" in edit:
            (a, b), size = edit["swap"], edit["bytes"]
            data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]
        else:
            del data[edit["remove"] : edit["remove"] + edit["bytes"]]
    return bytes(data)


@pytest.mark.parametrize("case", SEAL["broken"], ids=lambda case: case["name"])
def test_every_published_broken_blob_is_refused(case):
    blob = edited(BLOBS[case["length"]], case.get("edits", []))
    key = bytes.fromhex(case.get("key", SEAL["key"]))
    context = bytes.fromhex(case.get("context", SEAL["context"]))
    with pytest.raises(vault.SealBroken):
        vault.unseal(key, blob, context=context)


@pytest.mark.parametrize("length", SEAL["broken_lengths"])
def test_no_blob_has_a_length_that_sealing_cannot_give(length):
    assert not vault.is_sealed(BLOBS[100000][:length])
    with pytest.raises(vault.SealBroken):
        vault.unseal(KEY, BLOBS[100000][:length], context=CONTEXT)


def test_the_published_wrapped_key_opens():
    case = {k: v if k == "about" else bytes.fromhex(v) for k, v in vectors("wrap").items()}
    assert vault.unwrap(case["kek"], case["wrapped"], aad=case["aad"]) == case["key"]


def private_of(case):
    secret = bytes.fromhex(case["private"])
    return vault.IngestPrivate.from_bytes(case["envelope"]["suite"].encode() + b"\0" + secret)


@pytest.mark.parametrize("case", ENVELOPE["envelopes"])
def test_every_published_envelope_opens(case):
    private, envelope = private_of(case), vault.Envelope.from_json(case["envelope"])
    assert base64.b64encode(private.public).decode() == case["public"]
    assert envelope.info().hex() == case["info"]
    assert vault.open_envelope(private, envelope).hex() == case["data_key"]
    assert envelope.as_json() == case["envelope"]


@pytest.mark.parametrize("change", ENVELOPE["broken"], ids=lambda change: change["name"])
@pytest.mark.parametrize("case", ENVELOPE["envelopes"])
def test_every_published_broken_envelope_is_refused(case, change):
    fields = case["envelope"] | change.get("set", {})
    if "flip" in change:
        wrapped = bytearray(base64.b64decode(fields["wrapped_key"]))
        wrapped[change["flip"]] ^= 1
        fields["wrapped_key"] = base64.b64encode(wrapped).decode()
    with pytest.raises((vault.EnvelopeRefused, vault.SealBroken)):
        vault.open_envelope(private_of(case), vault.Envelope.from_json(fields))
