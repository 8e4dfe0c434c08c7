"""Go's seeded random numbers, which choose a tenant's shuffle shard: an additive lagged Fibonacci generator.

The table Go ships is the generator's own state, of another seeding, after 7.8e12 steps. A step is linear modulo
2**64, so the table is computed here, in about a tenth of a second, once a process and only when it is needed.

Source: golang/go, src/math/rand/rng.go.
"""

from functools import cache

_LENGTH, _TAP = 607, 273
_WORD = (1 << 64) - 1
_INT63 = (1 << 63) - 1
_MODULUS = (1 << 31) - 1
_MULTIPLIER = 48271
_ZERO_SEED = 89482311
_STEPS = 7_800_000_000_000


class GoRand:
    """The numbers of `rand.New(rand.NewSource(seed))`, for a seed that fits 64 bits with its sign."""

    def __init__(self, seed: int) -> None:
        """Seed it, which takes half a millisecond."""
        remainder = abs(seed) % _MODULUS
        if seed < 0:
            remainder = (_MODULUS - remainder) % _MODULUS
        state = _warmed_up(remainder or _ZERO_SEED)
        self._state = []
        for cooked in _cooked():
            first = state * _MULTIPLIER % _MODULUS
            second = first * _MULTIPLIER % _MODULUS
            state = second * _MULTIPLIER % _MODULUS
            self._state.append((first << 40 ^ second << 20 ^ state ^ cooked) & _WORD)
        self._tap, self._feed = 0, _LENGTH - _TAP

    def uint64(self) -> int:
        """Return the next number, of 64 bits."""
        self._tap = (self._tap - 1) % _LENGTH
        self._feed = (self._feed - 1) % _LENGTH
        value = (self._state[self._feed] + self._state[self._tap]) & _WORD
        self._state[self._feed] = value
        return value

    def int63(self) -> int:
        """Return the lower 63 bits of the next number."""
        return self.uint64() & _INT63

    def uint32(self) -> int:
        """Return the upper 32 bits of the next 63."""
        return self.int63() >> 31


def _warmed_up(state: int) -> int:
    for _ in range(20):
        state = state * _MULTIPLIER % _MODULUS
    return state


@cache
def _cooked() -> tuple[int, ...]:
    """Return the table: term n + j of the recurrence, for j in 0..606, from its first 607 terms.

    x**(n+j) modulo the recurrence's polynomial has for coefficients what each first term contributes.
    """
    seeded, state = [], _warmed_up(1)
    for _ in range(_LENGTH):
        first = state * _MULTIPLIER % _MODULUS
        second = first * _MULTIPLIER % _MODULUS
        state = second * _MULTIPLIER % _MODULUS
        seeded.append(first << 20 ^ second << 10 ^ state)
    last_feed = _LENGTH - _TAP - 1
    terms = [seeded[(last_feed - position) % _LENGTH] for position in range(_LENGTH)]
    power = [1, *[0] * (_LENGTH - 1)]
    for bit in f"{_STEPS:b}":
        power = _squared(power)
        if bit == "1":
            power = _reduced([0, *power])
    table = [0] * _LENGTH
    for position in range(_LENGTH):
        term = sum(coefficient * value for coefficient, value in zip(power, terms, strict=True)) & _WORD
        table[(last_feed - (_STEPS - _LENGTH + position)) % _LENGTH] = term
        power = _reduced([0, *power])
    return tuple(table)


def _reduced(polynomial: list[int]) -> list[int]:
    """Return the polynomial, of ascending powers, modulo x**607 = x**334 + 1. It is changed on the way."""
    for power in range(len(polynomial) - 1, _LENGTH - 1, -1):
        polynomial[power - _LENGTH] = (polynomial[power - _LENGTH] + polynomial[power]) & _WORD
        polynomial[power - _TAP] = (polynomial[power - _TAP] + polynomial[power]) & _WORD
    return polynomial[:_LENGTH]


def _squared(polynomial: list[int]) -> list[int]:
    """Return the square, as one product of integers: 18 bytes hold a sum of 607 products of 64-bit words."""
    width = 18
    number = int.from_bytes(b"".join(value.to_bytes(width, "little") for value in polynomial), "little")
    product = (number * number).to_bytes(2 * _LENGTH * width, "little")
    return _reduced(
        [int.from_bytes(product[at : at + 8], "little") for at in range(0, (2 * _LENGTH - 1) * width, width)]
    )
