"""Write the vectors anew: `python tests/vectors/make.py`, which must change nothing.

Made from the pages in docs/formats alone, on primitives only: nothing of Safelight is imported
here, so that the vectors are a second opinion and not an echo. Everything is fixed, HPKE's
ephemeral keys included.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from uuid import UUID

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HERE = Path(__file__).parent
TENANT = UUID("6f0c1b9e-52a4-4c0e-9d6b-0d1c7a2e4f10")
CAPTURE = UUID("0190f3a2-6c1e-7cc3-8f53-5a7a5f3a9d10")
OTHER_CAPTURE = UUID("0190f3a2-6c1e-7cc3-8f53-5a7a5f3a9d11")
LENGTHS = (0, 1, 16383, 16384, 16385, 100000)
X25519, P256 = "x25519-sha256-aes256gcm", "p256-sha256-aes256gcm"


def fixed(name: str, length: int = 32) -> bytes:
    """Bytes that anybody can make again: SHA-512 of a name."""
    return hashlib.sha512(name.encode()).digest()[:length]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def plaintext(length: int) -> bytes:
    return bytes((i * 31 + 7) & 255 for i in range(length))


def context(*parts: str | bytes | UUID | int) -> bytes:
    out = b""
    for part in parts:
        if isinstance(part, str):
            part = part.encode()
        elif isinstance(part, UUID):
            part = part.bytes
        elif isinstance(part, int):
            part = part.to_bytes(8, "big")
        out += len(part).to_bytes(4, "big") + part
    return out


def described(*parts: str | bytes | UUID | int) -> list[dict[str, object]]:
    names = {str: "text", bytes: "bytes", UUID: "uuid", int: "number"}
    shown = [p.hex() if isinstance(p, bytes) else str(p) for p in parts]
    return [{names[type(p)]: s} for p, s in zip(parts, shown, strict=True)]


def extract(hash_name: str, salt: bytes, key: bytes) -> bytes:
    return hmac.digest(salt, key, hash_name)


def expand(hash_name: str, key: bytes, info: bytes, length: int) -> bytes:
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.digest(key, block + info + bytes([counter]), hash_name)
        out, counter = out + block, counter + 1
    return out[:length]


def seal(key: bytes, text: bytes, bound: bytes, salt: bytes) -> bytes:
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM" + b"\0" + salt + bound
    secret = expand("sha512", key, info, 76)
    aead, base = AESGCM(secret[:32]), secret[32:44]
    out, number = salt + secret[44:], 0
    while True:
        piece = text[number * 16384 : (number + 1) * 16384]
        nonce = bytes(a ^ b for a, b in zip(base, number.to_bytes(12, "big"), strict=True))
        out += aead.encrypt(nonce, piece, b"")
        if len(piece) < 16384:
            return out
        number += 1


def seals() -> dict[str, object]:
    key, parts = fixed("blob key"), ("safelight-blob-v1", TENANT, CAPTURE, "original")
    bound = context(*parts)
    whole = []
    for length in LENGTHS:
        salt = fixed(f"salt {length}", 24)
        blob = seal(key, plaintext(length), bound, salt)
        whole.append(
            {
                "length": length,
                "salt": salt.hex(),
                "plaintext_sha256": hashlib.sha256(plaintext(length)).hexdigest(),
                "blob_bytes": len(blob),
                "blob_sha256": hashlib.sha256(blob).hexdigest(),
                "blob": b64(blob),
            }
        )
    elsewhere = context("safelight-blob-v1", TENANT, OTHER_CAPTURE, "original")
    copy_key = expand("sha512", key, context("safelight-derive-v1", "view-1280"), 32)
    return {
        "about": "docs/formats/sealed-blob.md. Byte i of each plaintext is (i * 31 + 7) & 255.",
        "key": key.hex(),
        "context_parts": described(*parts),
        "context": bound.hex(),
        "sealed": whole,
        "derived": {"kind": "view-1280", "key": copy_key.hex()},
        "broken_about": "Take the blob of that length, make the edits in order, open it under the "
        "key and context given here or else those above: it must be refused. "
        "cut: drop that many bytes from the end; add: append; flip: change the lowest bit of the "
        "byte there; swap: exchange `bytes` bytes at the two places; remove: drop `bytes` at `at`.",
        "broken": broken(elsewhere),
        "broken_lengths": [0, 1, 55, 56, 71, 16456, 16471, 32856, 32871],
    }


def broken(elsewhere: bytes) -> list[dict[str, object]]:
    first, second, chunk = 56, 56 + 16400, 16400
    cases: list[tuple[str, int, dict[str, object]]] = [
        ("another key", 100000, {"key": fixed("another key").hex()}),
        ("another key, empty", 0, {"key": fixed("another key").hex()}),
        ("another capture's context", 100000, {"context": elsewhere.hex()}),
        ("no context", 1, {"context": ""}),
        ("a byte cut", 100000, {"edits": [{"cut": 1}]}),
        ("cut at a chunk's edge", 16385, {"edits": [{"cut": 17}]}),
        ("last chunk cut to a shorter one", 100000, {"edits": [{"cut": 1000}]}),
        ("empty last chunk cut off", 16384, {"edits": [{"cut": 16}]}),
        ("a byte added", 100000, {"edits": [{"add": "00"}]}),
        ("bytes added after an empty one", 0, {"edits": [{"add": "00" * 16}]}),
        ("chunks swapped", 100000, {"edits": [{"swap": [first, second], "bytes": chunk}]}),
        ("a chunk removed", 100000, {"edits": [{"remove": second, "bytes": chunk}]}),
        ("first chunk removed", 16384, {"edits": [{"remove": first, "bytes": chunk}]}),
        ("salt flipped", 100000, {"edits": [{"flip": 0}]}),
        ("commitment flipped", 100000, {"edits": [{"flip": 24}]}),
        ("first chunk flipped", 100000, {"edits": [{"flip": 56}]}),
        ("middle chunk flipped", 100000, {"edits": [{"flip": 56 + 3 * 16400 + 77}]}),
        ("last tag flipped", 100000, {"edits": [{"flip": 100167}]}),
        ("only tag flipped", 0, {"edits": [{"flip": 71}]}),
    ]
    return [{"name": name, "length": length, **change} for name, length, change in cases]


def ranges() -> dict[str, object]:
    """Parts of the blobs in seal.json, and which chunks a reader may look at to open them."""
    opened = [
        *((0, 0, 1), (1, 0, 1), (1, 1, 9), (16383, 0, 16383), (16384, 16383, 16384)),
        *((16384, 16384, 20000), (16385, 16380, 16385), (100000, 0, 1), (100000, 16383, 16385)),
        *((100000, 32768, 49152), (100000, 40000, 40001), (100000, 98304, 100000)),
        *((100000, 99999, 200000), (100000, 0, 100000), (100000, 50000, 50000)),
    ]
    flip = 56 + 3 * 16400 + 5
    return {
        "about": "docs/formats/sealed-blob.md#opening. Of the blobs in seal.json, by the length of their "
        "plaintext; stop past the end means the end. chunks: those that are read, the last one first.",
        "opened": [_range(*each) for each in opened],
        "still_opened": [
            {"name": "a flip in another chunk", "length": 100000, "edits": [{"flip": flip}]}
            | {"start": 0, "stop": 49152}
        ],
        "refused": [
            {"name": name, "length": 100000, "edits": edits, "start": start, "stop": stop}
            for name, edits, start, stop in (
                ("a flip in its chunk", [{"flip": flip}], 49152, 49153),
                ("a flip in the last chunk", [{"flip": 56 + 6 * 16400}], 0, 1),
                ("the last chunk cut off", [{"cut": 1712}], 0, 1),
                ("cut inside the last chunk", [{"cut": 1}], 0, 1),
                ("two chunks swapped", [{"swap": [56, 56 + 16400], "bytes": 16400}], 0, 1),
                ("another commitment", [{"flip": 24}], 0, 1),
            )
        ],
    }


def _range(length: int, start: int, stop: int) -> dict[str, object]:
    last, end = length // 16384, min(stop, length)
    inside = range(start // 16384, (end - 1) // 16384 + 1) if start < end else ()
    part = plaintext(length)[start:stop]
    return {
        "length": length,
        "start": start,
        "stop": stop,
        "chunks": [last, *(n for n in inside if n != last)],
        "bytes": len(part),
        "sha256": hashlib.sha256(part).hexdigest(),
    }


def contexts() -> dict[str, object]:
    lists: list[tuple[str | bytes | UUID | int, ...]] = [
        (),
        ("",),
        ("", ""),
        ("ab", "c"),
        ("a", "bc"),
        ("Grüße, 写真",),
        (b"\x00\xff",),
        (UUID(int=0),),
        (0, 1, 2**32, 2**64 - 1),
        ("safelight-blob-v1", TENANT, CAPTURE, "original"),
        ("safelight-data-key-v1", TENANT, CAPTURE, OTHER_CAPTURE, 3),
    ]
    return {
        "about": "docs/formats/sealed-blob.md#contexts. Numbers are written as text: JavaScript's "
        "own would lose the largest.",
        "contexts": [{"parts": described(*p), "context": context(*p).hex()} for p in lists],
    }


def wraps() -> dict[str, object]:
    kek, key, nonce = fixed("kek"), fixed("wrapped"), fixed("nonce", 12)
    aad = context("safelight-data-key-v1", TENANT, CAPTURE, OTHER_CAPTURE, 3)
    wrapped = b"\x01" + nonce + AESGCM(kek).encrypt(nonce, key, aad)
    return {
        "about": "docs/formats/sealed-blob.md#wrapped-keys",
        "kek": kek.hex(),
        "key": key.hex(),
        "aad": aad.hex(),
        "wrapped": wrapped.hex(),
    }


def x25519_pair(name: str) -> tuple[bytes, bytes]:
    private = x25519.X25519PrivateKey.from_private_bytes(fixed(name))
    return private.private_bytes_raw(), private.public_key().public_bytes_raw()


def p256_pair(name: str) -> tuple[bytes, bytes]:
    private = ec.derive_private_key(int.from_bytes(fixed(name), "big") >> 1, ec.SECP256R1())
    point = private.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return private.private_numbers().private_value.to_bytes(32, "big"), point


def agreed(suite: str, secret: bytes, public: bytes) -> bytes:
    if suite == X25519:
        private = x25519.X25519PrivateKey.from_private_bytes(secret)
        return private.exchange(x25519.X25519PublicKey.from_public_bytes(public))
    curve = ec.SECP256R1()
    number = ec.derive_private_key(int.from_bytes(secret, "big"), curve)
    point = ec.EllipticCurvePublicKey.from_encoded_point(curve, public)
    return number.exchange(ec.ECDH(), point)


def hpke(
    suite: str, ephemeral: tuple[bytes, bytes], public: bytes, info: bytes, text: bytes
) -> bytes:
    """RFC 9180, base mode, one message (sections 4.1 and 5.1) with a chosen ephemeral key."""
    kem = b"KEM" + (0x0020 if suite == X25519 else 0x0010).to_bytes(2, "big")
    all_ids = b"HPKE" + kem[3:] + b"\x00\x01" + b"\x00\x02"

    def labelled_extract(ids: bytes, salt: bytes, label: bytes, key: bytes) -> bytes:
        return extract("sha256", salt, b"HPKE-v1" + ids + label + key)

    def labelled_expand(ids: bytes, key: bytes, label: bytes, data: bytes, length: int) -> bytes:
        head = length.to_bytes(2, "big") + b"HPKE-v1" + ids + label
        return expand("sha256", key, head + data, length)

    secret, enc = ephemeral
    eae = labelled_extract(kem, b"", b"eae_prk", agreed(suite, secret, public))
    shared = labelled_expand(kem, eae, b"shared_secret", enc + public, 32)
    bound = b"\x00" + labelled_extract(all_ids, b"", b"psk_id_hash", b"")
    bound += labelled_extract(all_ids, b"", b"info_hash", info)
    root = labelled_extract(all_ids, shared, b"secret", b"")
    key = labelled_expand(all_ids, root, b"key", bound, 32)
    nonce = labelled_expand(all_ids, root, b"base_nonce", bound, 12)
    return enc + AESGCM(key).encrypt(nonce, text, b"")


def envelopes() -> dict[str, object]:
    cases = []
    for suite, pair in ((X25519, x25519_pair), (P256, p256_pair)):
        private, public = pair("ingest")
        ephemeral = pair("ephemeral")
        kid = hashlib.sha256(context("safelight-ingest-v1", suite, public)).hexdigest()[:32]
        digest, data_key = fixed("blob hash"), fixed("data key")
        for device in (None, "phone-7"):
            parts = ("safelight-envelope-v1", suite, kid, device or "", CAPTURE, digest)
            wrapped = hpke(suite, ephemeral, public, context(*parts), data_key)
            envelope: dict[str, object] = {
                "v": 1,
                "suite": suite,
                "kid": kid,
                "capture_id": str(CAPTURE),
                "sha256": digest.hex(),
                "wrapped_key": b64(wrapped),
            }
            if device:
                envelope["device_id"] = device
            cases.append(
                {
                    "private": private.hex(),
                    "public": b64(public),
                    "ephemeral_private": ephemeral[0].hex(),
                    "info": context(*parts).hex(),
                    "data_key": data_key.hex(),
                    "envelope": envelope,
                }
            )
    return {
        "about": "docs/formats/envelope.md. The private keys are raw: 32 bytes, for P-256 the "
        "number big-endian.",
        "envelopes": cases,
        "broken_about": "Make this change to each envelope above: it must be refused. "
        "flip: change the lowest bit of that byte of wrapped_key.",
        "broken": [
            {"name": "another capture", "set": {"capture_id": str(OTHER_CAPTURE)}},
            {"name": "another blob", "set": {"sha256": fixed("other hash").hex()}},
            {"name": "another device", "set": {"device_id": "phone-8"}},
            {"name": "another key", "set": {"kid": "0" * 32}},
            {"name": "enc flipped", "flip": 1},
            {"name": "ct flipped", "flip": -1},
            {"name": "unknown field", "set": {"note": ""}},
            {"name": "another version", "set": {"v": 2}},
            {"name": "unknown suite", "set": {"suite": "x25519"}},
            {"name": "upper case id", "set": {"capture_id": str(CAPTURE).upper()}},
        ],
    }


def key_files() -> dict[str, object]:
    passphrase, salt = "caf\u00e9 in the darkroom", fixed("argon2 salt", 16)
    key = hash_secret_raw(passphrase.encode(), salt, 1, 8, 1, 32, Type.ID)
    versions = {"1": fixed("version 1").hex(), "2": fixed("version 2").hex()}
    inside = json.dumps({"current": 2, "versions": versions}).encode()
    aad = context("safelight-sealed-file-v1", salt, 1, 8, 1)
    number, bound = (2).to_bytes(4, "big"), context("safelight-secret-v1", "ledger")
    under = context("safelight-manager-v1", number, bound)
    wrapped = number + wrapped_under(fixed("version 2"), fixed("ledger seed"), under)
    return {
        "about": "docs/formats/key-store.md#the-key-file",
        "passphrase": passphrase,
        "file": {
            "format": "safelight-sealed-file-v1",
            "salt": salt.hex(),
            "argon2id": {"passes": 1, "memory_kib": 8, "lanes": 1},
            "sealed": b64(wrapped_under(key, inside, aad)),
        },
        "wrapped": wrapped.hex(),
        "aad": bound.hex(),
        "secret": fixed("ledger seed").hex(),
    }


def wrapped_under(kek: bytes, data: bytes, aad: bytes) -> bytes:
    nonce = fixed(f"nonce for {aad.hex()}", 12)
    return b"\x01" + nonce + AESGCM(kek).encrypt(nonce, data, aad)


def tree(leaves: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + tree(leaves[:k]) + tree(leaves[k:])).digest()


def ledgers() -> dict[str, object]:
    at = "2026-11-22T10:00:00.000123Z"
    entries = [
        f'{{"at":"{at}","by":"u-2","details":{{"a":"é\\n","b":[1,"x"]}},'
        f'"kind":"consent.given","subject":"p-{n}","v":1}}'
        for n in range(7)
    ]
    leaves = [hashlib.sha256(b"\x00" + entry.encode()).digest() for entry in entries]
    key = Ed25519PrivateKey.from_private_bytes(fixed("ledger seed"))
    public, origin = key.public_key().public_bytes_raw(), "safelight.example/practice-1"
    key_id = hashlib.sha256(origin.encode() + b"\n\x01" + public).digest()[:4]
    notes = []
    for size in range(len(leaves) + 1):
        text = f"{origin}\n{size}\n{b64(tree(leaves[:size]))}\n"
        notes.append(f"{text}\n— {origin} {b64(key_id + key.sign(text.encode()))}\n")
    return {
        "about": "docs/formats/ledger.md. Checkpoint n is over the first n entries.",
        "public": public.hex(),
        "verifier_key": f"{origin}+{key_id.hex()}+{b64(bytes([1]) + public)}",
        "entries": entries,
        "checkpoints": notes,
    }


def shared() -> list[dict[str, object]]:
    """Shamir's sharing with tables of logarithms to the base 3, where the vault shifts and adds."""
    power, log = [1], {1: 0}
    while len(power) < 255:
        last = power[-1]
        twice = (last << 1) ^ (0x11B if last & 0x80 else 0)
        power.append(twice ^ last)
        log[power[-1]] = len(power) - 1

    def times(a: int, b: int) -> int:
        return power[(log[a] + log[b]) % 255] if a and b else 0

    def at(coefficients: list[bytes], number: int) -> bytes:
        out = b""
        for column in zip(*coefficients, strict=True):
            value, x = 0, 1
            for c in column:
                value, x = value ^ times(c, x), times(x, number)
            out += bytes([value])
        return out

    def text(group: bytes, needed: int, number: int, data: bytes) -> str:
        body = group + bytes([needed, number]) + data
        check = hashlib.sha256(b"safelight-share-v1\0" + body).digest()[:4]
        letters = base64.b32encode(body + check).decode().rstrip("=")
        return "-".join(["SLS1", *(letters[i : i + 5] for i in range(0, len(letters), 5))])

    made = []
    for needed, count in ((2, 3), (3, 5)):
        secret, group = b"four random words, said once", fixed(f"group {needed}", 4)
        rest = [fixed(f"coefficient {needed} {n}", len(secret)) for n in range(1, needed)]
        data = [at([secret, *rest], number) for number in range(1, count + 1)]
        made.append(
            {
                "what": f"{needed} of {count}",
                "needed": needed,
                "secret": secret.hex(),
                "coefficients": [each.hex() for each in rest],
                "data": [each.hex() for each in data],
                "shares": [text(group, needed, n, each) for n, each in enumerate(data, 1)],
            }
        )
    return made


MADE = {
    "context": contexts,
    "seal": seals,
    "ranges": ranges,
    "wrap": wraps,
    "envelope": envelopes,
    "key-file": key_files,
    "ledger": ledgers,
    "shares": shared,
}


def written(name: str) -> str:
    return json.dumps(MADE[name](), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in MADE:
        (HERE / f"{name}.json").write_text(written(name), encoding="utf-8")
