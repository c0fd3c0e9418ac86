"""Makes the inputs of the example book from the lab's records: `python make_example.py`, or `--check` to compare only.

What it writes is committed, so nobody has to run it; a test runs the comparison. Files are compared by what they say (the members of a
workbook, the text in a .gz), since packers differ between machines.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from bookmaker import files, sell  # noqa: E402
from bookmaker.decks import CHANGE_AT, Row, aurora  # noqa: E402
from bookmaker.facts import Code, read_codes  # noqa: E402
from oracle import billing, invoice, receivable, report, waterfall  # noqa: E402
from oracle.lab import Lab, read_lab  # noqa: E402
from oracle.pricing import Deck  # noqa: E402

AURORA_HEADING = [
    "AURORA VOICE - A-Z TERMINATION, PREMIUM",
    "Constructed prices of an example, no carrier's offer",
    "Currency: USD per minute",
    "Times: UTC",
]


def other_decks(codes: list[Code], first: list[Row], second: list[Row]) -> dict[str, list[list[Row]]]:
    """The versions of every deck but Aurora's, by partner."""
    cost: dict[str, int] = {}
    for row in first + second:
        cost[row.code] = max(cost.get(row.code, 0), row.price)
    before, after = ({row.code: row.price for row in rows} for rows in (first, second))
    derived = {partner: [sell.derive(partner, codes, cost)] for partner in sell.PLANS}
    # Dubai time: the instant of Aurora's change. Midnight in Bogota is 05:00 UTC, after this traffic.
    for partner, effective in (("gulfrt", "2026-11-22T05:39:00"), ("andes", "2026-11-22")):
        derived[partner].append(sell.passed_on(derived[partner][0], before, after, effective))
    return derived


def sheets(versions: tuple[list[Row], list[Row]], others: dict[str, list[list[Row]]]) -> dict[str, bytes]:
    """Every rate sheet by the name of its file."""
    gulf = ["Boreal Carrier - rate notice", "Constructed prices of an example"]
    return {
        "aurora_az_v1.xlsx": files.deck_xlsx(versions[0], AURORA_HEADING, "Rates", "USD", with_change=False),
        "aurora_az_v2.xlsx": files.deck_xlsx(versions[1], AURORA_HEADING, "Rates", "USD", with_change=True),
        "cirrus_az_v1.csv": files.deck_csv(others["cirrus"][0]),
        "nordtel_sell_v1.xlsx": files.deck_xlsx(others["nordtel"][0], [], "Nordtel", "EUR", with_change=False),
        "latvox_sell_v1.csv": files.deck_csv_lists(others["latvox"][0]),
        "gulfrt_sell_v1.xlsx": files.deck_xlsx(others["gulfrt"][0], gulf, "GULFRT", "USD", with_change=False),
        "gulfrt_sell_v2.xlsx": files.deck_xlsx(others["gulfrt"][1], gulf, "GULFRT", "USD", with_change=True),
        "andes_sell_v1.csv": files.deck_csv(others["andes"][0]),
        "andes_sell_v2.csv": files.deck_csv(others["andes"][1]),
        "callshop_sell_v1.csv": files.deck_csv(others["callshop"][0]),
        "dialer_sell_v1.csv": files.deck_csv(others["dialer"][0]),
    }


@dataclass(frozen=True)
class Basis:
    """What everything is made from: the decks, the lab's records, and Aurora's bill."""

    others: dict[str, list[list[Row]]]
    versions: tuple[list[Row], list[Row]]
    lab: Lab
    deck: Deck
    billed: list[billing.Billed]


def read_basis() -> Basis:
    codes, lab = read_codes(), read_lab()
    versions = aurora(codes)
    deck = Deck(versions)
    return Basis(other_decks(codes, *versions), versions, lab, deck, billing.bill_all(lab, deck))


def make(basis: Basis) -> dict[str, bytes]:
    """Every generated file by its path below this folder."""
    billed = basis.billed
    expected = waterfall.compare(basis.lab, basis.deck, billed)
    made = {f"inbox/decks/{name}": data for name, data in sheets(basis.versions, basis.others).items()}
    lines = invoice.invoice_lines(billed)
    made["inbox/aurora/aurora_cdr_2026-11.csv.gz"] = files.zipped(files.csv_bytes(billing.rated_rows(billed)))
    made["inbox/aurora/aurora_invoice_2026-11.csv"] = files.csv_bytes(lines)
    made["inbox/aurora/aurora_invoice_2026-11.toml"] = invoice.invoice_toml(lines).encode()
    made["oracle/planted.toml"] = report.planted_toml(expected).encode()
    made["oracle/expected.toml"] = report.expected_toml(expected, billed).encode()
    made["oracle/accounts.toml"] = report.accounts_toml(receivable.accounts(basis.lab, basis.others)).encode()
    for name in ("carrier_a_cdr", "carrier_a_missed_calls"):
        made[f"inbox/boreal/{name}.csv.gz"] = (HERE / "lab" / f"{name}.csv.gz").read_bytes()
    made["inbox/sources/labny.zi"] = (HERE / "lab" / "labny.zi").read_bytes()
    return made


def differing(made: dict[str, bytes]) -> list[str]:
    """The generated files that are missing or say something else than the committed ones."""
    found = []
    for name, data in made.items():
        path = HERE / name
        if not path.exists() or files.content(name, path.read_bytes()) != files.content(name, data):
            found.append(name)
    return found


def main() -> int:
    made = make(read_basis())
    if "--check" in sys.argv[1:]:
        different = differing(made)
        print("\n".join(f"differs: {name}" for name in different) or f"{len(made)} files as made from the lab; change at {CHANGE_AT}Z")
        return 1 if different else 0
    written = [name for name, data in made.items() if files.write_if_changed(HERE / name, data)]
    print("\n".join(f"wrote {name}" for name in written) or f"all {len(made)} files were up to date")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
