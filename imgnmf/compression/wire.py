"""Numbers as bytes, a sealed frame around them, and a reader that never goes past the end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from imgnmf.errors import CodecError

__all__ = ["CLOSED", "COEFFICIENTS", "PARTS", "Reader", "seal", "unseal", "varint", "varints", "zigzag"]

MAGIC, VERSION, DIGEST = b"\x89NMF", 1, 16
PARTS, CLOSED, COEFFICIENTS = 1, 2, 3
KINDS = {PARTS: "shared parts", CLOSED: "images with their parts", COEFFICIENTS: "images without their parts"}
VARINT_BYTES = 9


def seal(kind: int, body: bytes, key: bytes = b"") -> bytes:
    """Put magic, version and kind before `body`, and the first 16 bytes of their SHA-256 behind it.

    >>> sealed = seal(PARTS, b"body")
    >>> len(sealed), unseal(sealed, PARTS)
    (26, b'body')
    """
    framed = MAGIC + bytes((VERSION, kind)) + body
    return framed + _digest(framed, key)


def unseal(data: bytes, kind: int, key: bytes = b"") -> bytes:
    """Return the body of a sealed frame.

    Raises
    ------
    CodecError
        If it is no such frame, of another kind or version, or a bit of it has changed.
    """
    if kind_of(data) != kind:
        raise CodecError(f"expected {KINDS[kind]}, found {KINDS[kind_of(data)]}: give the other file")
    if _digest(data[:-DIGEST], key) != data[-DIGEST:]:
        raise CodecError("the checksum does not match: the file is damaged, or other parts were given; copy it again")
    return bytes(data[len(MAGIC) + 2 : -DIGEST])


def kind_of(data: bytes) -> int:
    """Return what a frame holds, one of the constants of this module."""
    if len(data) < len(MAGIC) + 2 + DIGEST or data[: len(MAGIC)] != MAGIC:
        raise CodecError(f"expected a file of imgnmf compress, found {len(data)} bytes of something else")
    version, kind = data[len(MAGIC)], data[len(MAGIC) + 1]
    if version != VERSION:
        raise CodecError(f"expected format {VERSION}, found {version}: it is damaged or needs a newer imgnmf")
    if kind not in KINDS:
        raise CodecError(f"expected a kind of file in 1..{len(KINDS)}, found {kind}: the file is damaged")
    return kind


def _digest(framed: bytes, key: bytes) -> bytes:
    return hashlib.sha256(key + framed).digest()[:DIGEST]


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first.

    >>> varint(300).hex()
    'ac02'
    """
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))


def varints(values: Iterable[int]) -> bytes:
    """Return one after the other, without their number."""
    return b"".join(varint(int(value)) for value in values)


def zigzag(value: int) -> int:
    """Map 0, -1, 1, -2, ... to 0, 1, 2, 3, ...

    >>> [zigzag(v) for v in (0, -1, 1, -2)]
    [0, 1, 2, 3]
    """
    return 2 * value if value >= 0 else -2 * value - 1


class Reader:
    """Reads what `varint` and plain bytes wrote; every number has a largest value that it may have.

    >>> Reader(varints([5, 300])).varint(10, "rank")
    5
    """

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    @property
    def left(self) -> int:
        """How many bytes were not read yet."""
        return len(self._data) - self._place

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        if count > self.left:
            raise CodecError(f"expected {count} more bytes, found {self.left}: the file is damaged")
        self._place += count
        return self._data[self._place - count : self._place]

    def varint(self, largest: int, what: str, least: int = 0) -> int:
        """Return a number of `least` to `largest`."""
        value = 0
        for shift in range(0, 7 * VARINT_BYTES, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                break
        if not least <= value <= largest:
            raise CodecError(f"expected {what} in {least}..{largest}, found {value}: the file is damaged")
        return value

    def signed(self, largest: int, what: str) -> int:
        """Return what `zigzag` made a number of."""
        value = self.varint(2 * largest, what)
        return -(value + 1) // 2 if value & 1 else value // 2

    def end(self) -> None:
        """Refuse bytes that nobody asked for."""
        if self.left:
            raise CodecError(f"expected the end of the file, found {self.left} more bytes: the file is damaged")
