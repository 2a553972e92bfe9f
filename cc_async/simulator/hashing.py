"""Numbers from a seed: by hashing, so that no order of questions matters; in a row where order is given."""

from __future__ import annotations

from math import gcd
from random import Random

_MASK = (1 << 64) - 1


def mix(seed: int, *parts: int) -> int:
    """Return 64 well-mixed bits that depend on the seed and every part."""
    x = seed & _MASK
    for part in parts:
        x = ((x ^ part) + 0x9E3779B97F4A7C15) * 0xBF58476D1CE4E5B9 & _MASK
        x = (x ^ (x >> 29)) * 0x94D049BB133111EB & _MASK
        x ^= x >> 32
    return x


def unit(bits: int) -> float:
    """Turn 64 bits into a number from 0 to 1, without 1."""
    return (bits >> 11) / (1 << 53)


def chances(seed: int, *parts: int) -> Random:
    """Return a generator of its own for whatever the parts name: what others draw does not change it."""
    return Random(mix(seed, *parts))  # noqa: S311 (a game of chance, not a secret)


class Permutation:
    """A seeded one-to-one map of range(size) onto itself, without a table."""

    def __init__(self, size: int, bits: int) -> None:
        self.size = size
        self._shift = bits % size if size else 0
        step = max(1, int(size * 0.38) + (bits >> 32) % max(1, size // 7))
        while gcd(step, size) != 1 and size > 1:
            step += 1
        self._step = step

    def __call__(self, index: int) -> int:
        """Return where `index` goes."""
        return (index * self._step + self._shift) % self.size
