"""A damaged file ends in a clear CodecError: no crash, no other picture, no memory that was not declared."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from imgnmf.compression import SharedParts, decode_images, encode_images, train_parts
from imgnmf.compression.wire import CLOSED, COEFFICIENTS, PARTS, seal, unseal, varint, varints
from imgnmf.errors import CodecError
from tests.compression.samples import made_of_parts
from tests.damage import mutated


def files():
    """The bytes of each kind of file, by each coder, and how it is read to pixels."""
    images = made_of_parts(20)
    parts = train_parts(images, 4)
    for coder in ("range", "lzma"):
        yield encode_images(images, rank=4, names=True, coder=coder), CLOSED, b"", lambda d: decode_images(d).pixels
        data = encode_images(images, parts=parts, step=20, coder=coder)
        yield data, COEFFICIENTS, parts.digest, lambda d: decode_images(d, parts).pixels
    yield parts.to_bytes(), PARTS, b"", lambda d: SharedParts.from_bytes(d).integers


def test_five_hundred_damaged_files_are_refused_or_read_as_they_were():
    rng = np.random.default_rng(0)
    for whole, _, _, read in files():
        right = read(whole)
        for _ in range(100):
            damaged = mutated(whole, rng)
            if damaged == whole:
                continue
            with pytest.raises(CodecError):
                read(damaged)
        assert np.array_equal(read(whole), right)


def test_files_damaged_before_they_were_sealed_are_refused_or_read_within_bounds():
    rng = np.random.default_rng(1)
    refused = 0
    for whole, kind, key, read in files():
        body = unseal(whole, kind, key)
        for _ in range(100):
            try:
                read(seal(kind, mutated(body, rng), key))
            except CodecError:
                refused += 1
    assert refused > 250


def test_declared_sizes_are_checked_before_memory_is_taken():
    head = varints((60000, 60000, 0, 0, 0))
    bomb = seal(CLOSED, head + varint(1000) + varint(0) + varint(4000) + bytes(200))
    tracemalloc.start()
    with pytest.raises(CodecError, match="pass max_pixels"):
        decode_images(bomb)
    with pytest.raises(CodecError):
        decode_images(bomb, max_pixels=1 << 50)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("data", [b"", b"\x89NMF", b"\x89PNG" + bytes(60), bytes(100)])
def test_other_files_are_refused(data):
    with pytest.raises(CodecError, match="expected a file of imgnmf compress"):
        decode_images(data)


def test_a_newer_format_is_named():
    whole = bytearray(next(iter(files()))[0])
    whole[4] = 9
    with pytest.raises(CodecError, match="expected format 1, found 9"):
        decode_images(bytes(whole))
