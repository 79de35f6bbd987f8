import hashlib
import json
from dataclasses import replace
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight import vault
from safelight.vault import Envelope, EnvelopeRefused, IngestPrivate, SealBroken, Suite

CAPTURE = UUID("0190f3a2-6c1e-7cc3-8f53-5a7a5f3a9d10")
BLOB = b"the sealed blob"
PRIVATE = {suite: IngestPrivate.generate(suite) for suite in Suite}
suites = st.sampled_from(Suite)


def closed(suite=Suite.X25519, *, key=bytes(32), device=None):
    return vault.close_envelope(
        PRIVATE[suite].public,
        key,
        capture_id=CAPTURE,
        sha256=hashlib.sha256(BLOB).hexdigest(),
        suite=suite,
        device_id=device,
    )


@settings(deadline=None)
@given(suite=suites, key=st.binary(min_size=32, max_size=32), device=st.sampled_from([None, "d-1"]))
def test_the_server_opens_what_a_phone_closed(suite, key, device):
    sent = json.dumps(closed(suite, key=key, device=device).as_json())
    received = Envelope.from_json(sent)
    assert vault.open_envelope(PRIVATE[suite], received) == key
    assert received.covers(BLOB)
    assert not received.covers(BLOB + b"x")


@settings(deadline=None)
@given(suite=suites, data=st.data())
def test_no_changed_wrapped_key_opens(suite, data):
    envelope = closed(suite)
    wrapped = bytearray(envelope.wrapped_key)
    wrapped[data.draw(st.integers(0, len(wrapped) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealBroken):
        vault.open_envelope(PRIVATE[suite], replace(envelope, wrapped_key=bytes(wrapped)))


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("filler", [0, 1, 0xFF])
def test_points_off_the_curve_and_of_low_order_are_refused(suite, filler):
    wrong = bytes([filler]) * suite.wrapped_bytes
    with pytest.raises(SealBroken):
        vault.open_envelope(PRIVATE[suite], replace(closed(suite), wrapped_key=wrong))


@pytest.mark.parametrize(
    "change",
    [{"capture_id": UUID(int=1)}, {"sha256": "0" * 64}, {"device_id": "another"}],
)
def test_the_data_key_is_bound_to_everything_said(change):
    with pytest.raises(SealBroken):
        vault.open_envelope(PRIVATE[Suite.X25519], replace(closed(device="d"), **change))


def test_another_ingest_key_does_not_try():
    with pytest.raises(EnvelopeRefused):
        vault.open_envelope(IngestPrivate.generate(), closed())


def test_something_else_closed_to_the_key_is_no_data_key():
    with pytest.raises(EnvelopeRefused):
        closed(key=b"not 32 bytes")


@pytest.mark.parametrize("suite", Suite)
def test_an_ingest_key_comes_back_from_its_bytes_and_never_shows_itself(suite):
    private = PRIVATE[suite]
    again = IngestPrivate.from_bytes(private.to_bytes())
    assert (again.public, again.kid, again.suite) == (private.public, private.kid, suite)
    assert len(private.public) == suite.public_bytes
    secret = private.to_bytes().split(b"\0", 1)[1]
    assert secret.hex() not in repr(private)
    assert repr(secret) not in repr(private)


@pytest.mark.parametrize("data", [b"", b"x25519", b"unknown\0" + bytes(32), b"\xff\0" + bytes(32)])
def test_other_bytes_are_no_ingest_key(data):
    with pytest.raises(EnvelopeRefused):
        IngestPrivate.from_bytes(data)


GOOD = closed(device="phone-7").as_json()


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": True},
        {"v": 1.0},
        {"v": "1"},
        {"suite": "rot13"},
        {"suite": 1},
        {"kid": "B" * 32},
        {"kid": "short"},
        {"kid": GOOD["kid"] + "\n"},
        {"capture_id": str(CAPTURE).upper()},
        {"capture_id": CAPTURE.hex},
        {"capture_id": "no"},
        {"sha256": "A" * 64},
        {"sha256": "ab"},
        {"wrapped_key": "@@@@"},
        {"wrapped_key": "é"},
        {"wrapped_key": "AAAA"},
        {"wrapped_key": GOOD["wrapped_key"].rstrip("=")},
        {"wrapped_key": None},
        {"device_id": ""},
        {"device_id": "a b"},
        {"device_id": None},
        {"signature": "AAAA"},
        {"extra": 1},
    ],
    ids=lambda change: "-".join(change),
)
def test_anything_but_an_envelope_is_refused(change):
    with pytest.raises(EnvelopeRefused):
        Envelope.from_json(GOOD | change)


@pytest.mark.parametrize("field", sorted(GOOD.keys() - {"device_id"}))
def test_no_needed_field_may_be_missing(field):
    with pytest.raises(EnvelopeRefused):
        Envelope.from_json({k: v for k, v in GOOD.items() if k != field})


@pytest.mark.parametrize(
    "text", ["", "[]", "1", "{", "\ufeff{}", b"\xff", "[" * 100_000, '{"v":1,"v":1}']
)
def test_other_text_is_no_envelope(text):
    with pytest.raises(EnvelopeRefused):
        Envelope.from_json(text)


def device_signature(device, envelope):
    r, s = decode_dss_signature(device.sign(envelope.signed_bytes(), ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def point(device):
    return device.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def test_only_the_device_that_signed_is_believed():
    device, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    bare = closed(device="phone-7")
    signed = replace(bare, signature=device_signature(device, bare))
    again = Envelope.from_json(signed.as_json())
    assert again == signed
    assert again.is_signed_by(point(device))
    assert not again.is_signed_by(point(other))
    assert not replace(again, device_id="phone-8").is_signed_by(point(device))
    assert not bare.is_signed_by(point(device))


def test_a_signature_names_its_device():
    with pytest.raises(EnvelopeRefused):
        replace(closed(), signature=bytes(64))
