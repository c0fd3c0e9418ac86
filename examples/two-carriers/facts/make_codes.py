"""Writes codes.csv: dialling codes with country, kind and operator, derived once from the number facts of `phonenumbers`.

The table is committed and everything else reads it, so a newer release of the library never moves the example.
Run it only to refresh the table: `python facts/make_codes.py`. Operators with long lists of blocks are cut to shorter
codes of the country; this is an example of a rate sheet's code list, not a numbering plan to route by.
"""

from __future__ import annotations

import csv
import unicodedata
from pathlib import Path

import phonenumbers
from phonenumbers import geocoder
from phonenumbers.carrierdata import CARRIER_DATA

Row = tuple[str, str, str, str, str]  # code, iso, country, kind, operator or place
MOST_CODES_OF_A_COUNTRY = 130
CITIES = {
    "4420": "London", "44161": "Manchester", "9111": "Delhi", "9122": "Mumbai", "9242": "Lahore", "9221": "Karachi", "5511": "Sao Paulo",
    "5521": "Rio de Janeiro", "8802": "Dhaka", "2341": "Lagos", "8610": "Beijing", "8621": "Shanghai", "4822": "Warsaw", "49 30": "Berlin",
    "331": "Paris", "3906": "Rome", "3491": "Madrid", "9021": "Istanbul", "632": "Manila", "842": "Hanoi", "6221": "Jakarta", "511": "Lima",
    "571": "Bogota", "562": "Santiago", "7495": "Moscow", "7499": "Moscow", "38044": "Kyiv", "2022": "Cairo", "25420": "Nairobi",
}  # fmt: skip
SHARED = {
    "76": ("KZ", "FIXED", ""), "77": ("KZ", "MOBILE", ""), "441481": ("GG", "FIXED", ""), "441534": ("JE", "FIXED", ""),
    "441624": ("IM", "FIXED", ""), "3906698": ("VA", "FIXED", ""), "5999": ("CW", "FIXED", ""), "262269": ("YT", "FIXED", ""),
    "262639": ("YT", "MOBILE", ""), "447": ("GB", "MOBILE", ""), "923": ("PK", "MOBILE", ""), "8801": ("BD", "MOBILE", ""),
}  # fmt: skip
NETWORKS = {
    "870": "Inmarsat", "8816": "Iridium", "8817": "Iridium", "8818": "Globalstar", "8819": "Globalstar", "881": "Global Satellite",
    "882": "882", "88213": "882 13", "88299": "882 99", "883": "883", "979": "Premium 979",
}  # fmt: skip


def country_name(iso: str) -> str:
    return unicodedata.normalize("NFC", geocoder._region_display_name(iso, "en"))


def country_codes() -> list[Row]:
    """Every calling code with its main country, and the ranges of the countries that share one."""
    rows: list[Row] = []
    for number, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        iso = regions[0]
        if number != 1 and country_name(iso):
            rows.append((str(number), iso, country_name(iso), "FIXED", ""))
    rows += [(code, iso, country_name(iso), kind, place) for code, (iso, kind, place) in SHARED.items()]
    rows += [(code, "XN", "International Networks", "NETWORK", name) for code, name in NETWORKS.items()]
    return rows


def north_america() -> list[Row]:
    """+1: the United States by the bare code, the other countries by their area codes."""
    rows: list[Row] = [("1", "US", country_name("US"), "FIXED", ""), ("1907", "US", country_name("US"), "FIXED", "Alaska")]
    rows.append(("1808", "US", country_name("US"), "FIXED", "Hawaii"))
    for area in range(200, 1000):
        regions = set()
        for subscriber in ("2345678", "5012345", "7221234", "4561234"):
            number = phonenumbers.PhoneNumber(country_code=1, national_number=int(f"{area}{subscriber}"))
            regions.add(phonenumbers.region_code_for_number(number))
        found = {region for region in regions if region and region != "US"}
        if len(found) == 1 and regions <= found | {None}:
            iso = found.pop()
            rows.append((f"1{area}", iso, country_name(iso), "FIXED", ""))
    return rows


def calling_code(prefix: str) -> str:
    return next(prefix[:length] for length in (1, 2, 3) if int(prefix[:length]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


def mobile_codes() -> list[Row]:
    """Operator codes where a country has few enough, else shorter codes of the country without the operator."""
    by_country: dict[str, dict[str, str]] = {}
    for prefix, names in CARRIER_DATA.items():
        name = names.get("en") or next(iter(names.values()))
        by_country.setdefault(calling_code(prefix), {})[prefix] = unicodedata.normalize("NFC", " ".join(name.replace(",", " ").split()))
    rows: list[Row] = []
    for calling, operators in by_country.items():
        iso = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(calling)][0]
        if calling in {"1", "52"} or not country_name(iso):
            continue  # +1 and Mexico do not tell mobile numbers from fixed ones
        codes = dict(operators)
        length = max(map(len, codes))
        while len(codes) > MOST_CODES_OF_A_COUNTRY and length > len(calling) + 1:
            length -= 1
            codes = {prefix[:length]: "" for prefix in operators}
        rows += [(code, iso, country_name(iso), "MOBILE", name) for code, name in codes.items()]
    return rows


def without_repeats(rows: list[Row]) -> list[Row]:
    """Later rows win for a code; a code whose parent says the same is left out."""
    table = {row[0]: row for row in rows}
    kept = []
    for code, row in sorted(table.items()):
        parent = next((table[code[:length]] for length in range(len(code) - 1, 0, -1) if code[:length] in table), None)
        if parent is None or parent[1:] != row[1:]:
            kept.append(row)
    return kept


def main() -> None:
    cities = []
    for code, place in CITIES.items():
        digits = code.replace(" ", "")
        iso = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(calling_code(digits))][0]
        cities.append((digits, iso, country_name(iso), "FIXED", place))
    rows = without_repeats(mobile_codes() + country_codes() + north_america() + cities)
    with (Path(__file__).parent / "codes.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["code", "iso", "country", "kind", "name"])
        writer.writerows(rows)
    print(f"{len(rows)} codes of {len({row[1] for row in rows})} countries")


if __name__ == "__main__":
    main()
