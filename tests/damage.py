"""Bytes that are not what was saved."""

from __future__ import annotations


def mutated(whole, rng):
    """One of eight kinds of damage, at random places."""
    data = bytearray(whole)
    place, other = sorted(int(i) for i in rng.integers(0, len(data), 2))
    kind = int(rng.integers(8))
    if kind == 0:
        data[place] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        data[place] = int(rng.integers(256))
    elif kind == 2:
        del data[place:]
    elif kind == 3:
        del data[place:other]
    elif kind == 4:
        data[place:place] = rng.bytes(int(rng.integers(1, 9)))
    elif kind == 5:
        data[place : place + 64] = bytes(min(64, len(data) - place))
    elif kind == 6:
        data += rng.bytes(int(rng.integers(1, 65)))
    else:
        # In the first bytes stand the length of the header, and the header's names and offsets.
        data[int(rng.integers(0, min(600, len(data))))] = int(rng.integers(32, 127))
    return bytes(data)
