#!/usr/bin/env python3
"""Prints gateway/codec/number_powers.c: 128-bit significands of the powers of ten.

tests/unit/codec/make_powers.py > gateway/codec/number_powers.c
"""

LOW, HIGH = -342, 324


def significand(exponent):
    """The leading 128 bits of 10**exponent, cut (not rounded), as (high, low)."""
    if exponent >= 0:
        value = 10**exponent
        bits = value.bit_length()
        value = value << (128 - bits) if bits < 128 else value >> (bits - 128)
    else:
        divisor = 10**-exponent
        value = (1 << (divisor.bit_length() + 130)) // divisor
        value >>= value.bit_length() - 128
    assert value.bit_length() == 128
    return value >> 64, value & (2**64 - 1)


print('/* Made by tests/unit/codec/make_powers.py; do not edit. */')
print('#include "codec/number_powers.h"')
print()
print('/* clang-format off: a table of 667 equal lines */')
print('const uint64_t gw_number_powers[GW_NUMBER_POWER_MAX - GW_NUMBER_POWER_MIN + 1][2] = {')
for e in range(LOW, HIGH + 1):
    high, low = significand(e)
    print(f'  {{ 0x{high:016x}u, 0x{low:016x}u }}, /* 1e{e} */')
print('};')
