"""Constructed prices: plausible per country and kind, drawn from a seed by name, so that nothing depends on an order.

No carrier's price list was used. A price is an integer of 0.00001 of the currency per minute.
"""

from __future__ import annotations

import hashlib

from bookmaker.facts import Code

SEED = "two-carriers 2026-11-22"

# US dollars per minute to fixed and to mobile, in 0.00001. What is not here is drawn between the limits below.
LEVELS = {
    "US": (430, 430), "CA": (480, 480), "GB": (520, 1_350), "FR": (590, 1_620), "DE": (610, 1_580), "IT": (730, 1_490),
    "ES": (690, 1_450), "PL": (880, 1_940), "RO": (820, 1_660), "IN": (820, 880), "PK": (2_450, 2_980), "BD": (2_150, 2_260),
    "NG": (9_400, 11_800), "EG": (10_900, 12_600), "MX": (890, 890), "PH": (11_800, 14_200), "TR": (4_900, 15_300), "VN": (6_200, 6_900),
    "ID": (4_300, 5_700), "AF": (19_500, 21_800), "RU": (4_100, 7_300), "MA": (7_900, 27_500), "SO": (38_500, 42_300),
    "SA": (8_300, 10_400), "CN": (910, 930), "KE": (13_100, 15_700), "BR": (730, 2_650), "CO": (610, 1_140), "IQ": (14_600, 17_300),
    "UZ": (7_600, 8_200), "UA": (9_200, 18_900), "ET": (17_900, 19_600), "GH": (18_200, 20_700), "DZ": (7_100, 33_400),
    "TJ": (12_400, 14_100), "AE": (13_800, 14_700), "TN": (32_500, 38_100), "DO": (3_900, 6_100), "SY": (15_900, 17_200),
    "JM": (6_800, 15_900), "ZW": (14_800, 31_600), "SL": (34_900, 39_700), "GE": (9_900, 16_300), "PE": (690, 1_230),
    "TH": (1_250, 1_380), "KM": (38_200, 44_100), "CL": (940, 1_020), "BS": (11_300, 14_900), "LV": (8_400, 26_800),
    "EC": (10_700, 16_200), "PG": (46_500, 61_200), "SB": (97_000, 118_000), "GA": (36_100, 41_300), "EE": (2_900, 24_700),
    "CU": (72_100, 74_800), "KP": (69_300, 71_500), "IO": (158_000, 158_000), "XN": (640_000, 640_000),
}  # fmt: skip


def draw(low: int, high: int, *names: str) -> int:
    """A whole number from low to high (inclusive), always the same for the same names."""
    digest = hashlib.sha256("|".join((SEED, *names)).encode()).digest()
    return low + int.from_bytes(digest[:8], "big") % (high - low + 1)


def buy_price(code: Code) -> int:
    """What the example's supplier asks for a destination, before any change, in 0.00001 US dollar per minute."""
    fixed, mobile = LEVELS.get(code.iso) or (draw(2_400, 19_000, "fixed", code.iso), draw(9_000, 32_000, "mobile", code.iso))
    level = mobile if code.kind == "MOBILE" else fixed
    price = level * draw(92, 112, "operator", code.destination) // 100
    step = 10 if price >= 1_000 else 1  # four decimals, five below a cent
    return max(step, price // step * step)


def chance(percent: int, *names: str) -> bool:
    """True for so many of a hundred names, always the same ones."""
    return draw(1, 100, *names) <= percent
