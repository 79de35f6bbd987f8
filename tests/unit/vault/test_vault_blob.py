import mmap
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight import vault
from safelight.vault.blob import seal_parts_with_salt, seal_with_salt

KEY = bytes(range(32))
CHUNK = 16400
plaintexts = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda pieces, extra, byte: bytes([byte]) * max(0, pieces * 16384 + extra),
        st.integers(0, 4),
        st.integers(-2, 2),
        st.integers(0, 255),
    ),
)
keys = st.binary(min_size=32, max_size=32)
contexts = st.binary(max_size=80)


@given(key=keys, text=plaintexts, context=contexts)
def test_what_was_sealed_comes_back(key, text, context):
    blob = vault.seal(key, text, context=context)
    assert vault.unseal(key, blob, context=context) == text
    assert vault.is_sealed(blob)
    assert vault.plaintext_length(len(blob)) == len(text)
    assert vault.sealed_length(len(text)) == len(blob)


@given(text=plaintexts, bounds=st.tuples(st.integers(0, 70000), st.integers(0, 70000)))
def test_a_range_is_what_a_slice_would_be(text, bounds):
    start, stop = sorted(bounds)
    blob = vault.seal(KEY, text, context=b"c")
    assert vault.unseal_range(KEY, blob, start, stop, context=b"c") == text[start:stop]


@given(text=plaintexts, context=contexts, other=contexts, key=keys)
def test_another_key_or_context_opens_nothing(text, context, other, key):
    blob = vault.seal(KEY, text, context=context)
    if key != KEY:
        with pytest.raises(vault.SealBroken):
            vault.unseal(key, blob, context=context)
    if other != context:
        with pytest.raises(vault.SealBroken):
            vault.unseal(KEY, blob, context=other)


@given(text=plaintexts, data=st.data())
def test_no_changed_blob_opens(text, data):
    blob = bytearray(vault.seal(KEY, text, context=b"c"))
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(vault.SealBroken):
        vault.unseal(KEY, blob, context=b"c")


@given(text=plaintexts, data=st.data())
def test_no_shortened_or_lengthened_blob_opens(text, data):
    blob = vault.seal(KEY, text, context=b"c")
    cut = blob[: data.draw(st.integers(0, len(blob) - 1))]
    longer = blob + data.draw(st.binary(min_size=1, max_size=20))
    for wrong in (cut, longer):
        with pytest.raises(vault.SealBroken):
            vault.unseal(KEY, wrong, context=b"c")
        with pytest.raises(vault.SealBroken):
            vault.unseal_range(KEY, wrong, 0, 1, context=b"c")


def test_a_flip_in_any_chunk_is_found():
    text = bytes(5 * 16384)
    blob = vault.seal(KEY, text, context=b"c")
    for number in range(6):
        wrong = bytearray(blob)
        wrong[56 + number * CHUNK] ^= 1
        with pytest.raises(vault.SealBroken, match=f"chunk {number}"):
            vault.unseal(KEY, wrong, context=b"c")


def test_any_two_chunks_swapped_are_found():
    text = bytes(4 * 16384)
    blob = vault.seal(KEY, text, context=b"c")
    chunks = [blob[56 + n * CHUNK : 56 + (n + 1) * CHUNK] for n in range(4)]
    for a in range(4):
        for b in range(a):
            mixed = list(chunks)
            mixed[a], mixed[b] = mixed[b], mixed[a]
            with pytest.raises(vault.SealBroken):
                vault.unseal(KEY, blob[:56] + b"".join(mixed) + blob[-16:], context=b"c")


def test_a_range_reads_only_its_own_chunks():
    blob = bytearray(vault.seal(KEY, bytes(5 * 16384), context=b"c"))
    blob[56 + 3 * CHUNK] ^= 1
    assert vault.unseal_range(KEY, blob, 0, 3 * 16384, context=b"c") == bytes(3 * 16384)
    with pytest.raises(vault.SealBroken):
        vault.unseal_range(KEY, blob, 0, 3 * 16384 + 1, context=b"c")


def test_a_mapped_file_opens_in_ranges(tmp_path):
    path = tmp_path / "blob"
    path.write_bytes(vault.seal(KEY, b"x" * 40000 + b"end", context=b"c"))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert vault.unseal_range(KEY, mapped, 39999, 50000, context=b"c") == b"xend"
        assert vault.unseal(KEY, mapped, context=b"c") == b"x" * 40000 + b"end"


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (4, 3)])
def test_a_range_never_runs_backwards(start, stop):
    with pytest.raises(ValueError, match="range"):
        vault.unseal_range(KEY, vault.seal(KEY, b"abc", context=b""), start, stop, context=b"")


def test_a_short_key_is_not_a_key():
    with pytest.raises(ValueError, match="32 bytes"):
        vault.seal(b"short", b"", context=b"")


def test_no_two_seals_of_the_same_are_alike():
    assert len({vault.seal(KEY, b"same", context=b"") for _ in range(50)}) == 50


@pytest.mark.parametrize(
    "head",
    [
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
        b"\xff\xd8\xff\xe1\x12\x34Exif\x00\x00",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\x10\x20\x30\x00WEBP",
        b"\x00\x00\x00\x18ftypheic",
        b"\x00\x00\x00\x1cftypavif",
        b"GIF89a",
        b"II*\x00\x08\x00\x00\x00",
    ],
)
def test_a_picture_in_the_clear_is_not_sealed(head):
    assert not vault.is_sealed(head + bytes(5000))


def test_sealed_bytes_are_told_from_impossible_lengths():
    assert vault.is_sealed(bytes(72))
    assert not vault.is_sealed(bytes(71))
    assert not vault.is_sealed(b"")


# in parts


class Cut:
    """A blob that is read in ranges, and remembers which."""

    def __init__(self, blob: bytes) -> None:
        self.blob, self.asked = blob, []

    def __call__(self, start: int, stop: int) -> bytes:
        self.asked.append((start, stop))
        return self.blob[start:stop]


def in_parts(blob, start=0, stop=None, *, length=None, key=KEY):
    read = Cut(bytes(blob))
    return vault.unseal_parts(
        key, read, len(blob) if length is None else length, start, stop, context=b"c"
    )


@given(text=plaintexts, cuts=st.lists(st.integers(0, 70000), max_size=6))
def test_in_whatever_parts_it_comes_the_blob_is_the_same(text, cuts):
    edges = [0, *sorted(cuts), len(text)]
    parts = [text[a:b] for a, b in pairwise(edges)]
    salt = bytes(24)
    made = b"".join(seal_parts_with_salt(KEY, parts, context=b"c", salt=salt))
    assert made == seal_with_salt(KEY, b"".join(parts), context=b"c", salt=salt)
    assert (
        vault.unseal(KEY, b"".join(vault.seal_parts(KEY, parts, context=b"c")), context=b"c")[:9]
        == b"".join(parts)[:9]
    )


@given(text=plaintexts, bounds=st.tuples(st.integers(0, 70000), st.integers(0, 70000)))
def test_parts_are_what_a_slice_would_be(text, bounds):
    start, stop = sorted(bounds)
    blob = vault.seal(KEY, text, context=b"c")
    assert b"".join(in_parts(blob, start, stop)) == text[start:stop]
    assert b"".join(in_parts(blob, start)) == text[start:]


def test_a_long_blob_is_read_a_mebibyte_at_a_time():
    text = bytes(range(256)) * 4 * 1024 * 3  # three mebibytes, and an empty piece at the end
    read = Cut(vault.seal(KEY, text, context=b"c"))
    parts = list(vault.unseal_parts(KEY, read, len(read.blob), context=b"c"))
    assert b"".join(parts) == text
    assert max(map(len, parts)) <= 64 * 16384
    assert max(stop - start for start, stop in read.asked) <= 64 * CHUNK
    assert read.asked[:2] == [(0, 56), (len(read.blob) - 16, len(read.blob))]


@pytest.mark.parametrize("pieces", [0, 1, 2, 70])
@pytest.mark.parametrize("extra", [0, 1, 16383])
def test_a_blob_cut_at_any_chunks_edge_gives_out_nothing(pieces, extra):
    blob = vault.seal(KEY, bytes(pieces * 16384 + extra), context=b"c")
    edges = {56 + n * CHUNK + more for n in range(pieces + 1) for more in (-1, 0, 1, 15, 16, 17)}
    for edge in sorted(each for each in edges if 0 <= each < len(blob)):
        with pytest.raises(vault.SealBroken):
            in_parts(blob[:edge])
        with pytest.raises(vault.SealBroken):  # cut after its length was asked
            list(in_parts(blob[:edge], length=len(blob)))


def test_of_a_blob_changed_in_a_chunk_only_what_comes_before_is_given_out():
    text = bytes(70 * 16384 + 5)
    blob = vault.seal(KEY, text, context=b"c")
    for number in range(71):
        wrong = bytearray(blob)
        wrong[56 + number * CHUNK + 3] ^= 1
        given_out = bytearray()

        def consume(wrong=bytes(wrong), given_out=given_out):
            for part in in_parts(wrong):
                given_out.extend(part)

        with pytest.raises(vault.SealBroken, match=f"chunk {number}"):
            consume()
        assert len(given_out) <= number * 16384


@pytest.mark.parametrize(("start", "stop"), [(-1, None), (-1, 3), (4, 3)])
def test_parts_never_run_backwards(start, stop):
    with pytest.raises(ValueError, match="range"):
        in_parts(vault.seal(KEY, b"abc", context=b"c"), start, stop)


def test_another_key_gives_out_no_parts():
    with pytest.raises(vault.SealBroken):
        in_parts(vault.seal(KEY, b"abc", context=b"c"), key=bytes(32))
