"""The bare country calling codes (ITU-T E.164), which decide what a dash in a code list means."""

from __future__ import annotations

from functools import cache


@cache
def calling_codes() -> frozenset[str]:
    """All of them, with the shared codes such as 882 and 883. Loaded on first use: most sheets have no dash."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    return frozenset(map(str, COUNTRY_CODE_TO_REGION_CODE))
