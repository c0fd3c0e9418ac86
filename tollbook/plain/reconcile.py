"""Two carriers' records compared, without a book: read, mark, rate, match, explain. See docs/guides/reconcile-two-files.md.

with reconcile("ours.csv", "theirs.csv", "terms.toml") as found:
    found.summary["sentence"]; found.matches(); found.write(Path("report"))
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import duckdb
import pyarrow as pa

from tollbook import __version__
from tollbook.core.agreement import Agreement
from tollbook.core.problem import Problem, refuse
from tollbook.core.zone import find_zone
from tollbook.engine.database import open_database
from tollbook.engine.matching import match
from tollbook.engine.reconciliation import Inputs, Reconciled
from tollbook.engine.reconciliation import reconcile as reconcile_views
from tollbook.engine.reconciliation_prices import DeckPrices
from tollbook.engine.reconciliation_sides import CHARGES, OTHER_BLOCK, OUR_DUPLICATES, OURS, THEIR_DUPLICATES, THEIRS, charge, prepare
from tollbook.engine.reconciliation_summary import Setting, summarize
from tollbook.plain.agreement_file import read_agreement_file
from tollbook.plain.deck_files import DeckFiles, read_decks
from tollbook.plain.reconcile_output import problem_rows, write_folder
from tollbook.plain.sides import Records, Side, read_side

PAYABLE: Final = "PAYABLE"
RECEIVABLE: Final = "RECEIVABLE"
LEG_OF: Final = {PAYABLE: "OUT", RECEIVABLE: "IN"}


@dataclass
class Reconciliation:
    """A finished comparison: `summary` (JSON-ready, as in summary.json), `problems`, and the tables.

    It holds temporary files: close it, or use it in a `with` block.
    """

    summary: dict[str, Any]
    problems: list[Problem]
    found: Reconciled
    record_problems: list[tuple[str, pa.Table]] = field(repr=False)
    files: dict[str, str] = field(repr=False)
    _folder: Path = field(repr=False)

    def matches(self) -> pa.Table:
        """Pairs and records without a counterpart, in the MATCH schema."""
        return self.found.matches()

    def variances(self) -> pa.Table:
        """The difference by pair and cause, in the VARIANCE schema."""
        return self.found.variances()

    def write(self, folder: str | Path) -> Path:
        """Write summary.json, matches.csv, unmatched.csv, waterfall.csv, problems.csv and report.html; gives the report's path.

        The folder is made where it is not there.
        """
        return write_folder(self.found, self.summary, self.problems, self.record_problems, self.files, Path(folder))

    def close(self) -> None:
        """Forget the tables and remove the temporary files."""
        self.found.connection.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Reconciliation:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def reconcile(
    ours: Records,
    theirs: Records,
    agreement: str | Path | Agreement,
    *,
    ours_format: str | Path | None = None,
    theirs_format: str | Path | None = None,
    decks: Sequence[str | Path] = (),
    direction: str | None = None,
) -> Reconciliation:
    """Compare our records with theirs under an agreement, and explain every difference in minutes and in money.

    Records are CDR files (a path or several) or Arrow tables in the CDR schema. `direction` is PAYABLE (their bill against our OUT legs;
    the default where the agreement has a buy deck) or RECEIVABLE (our IN legs). `decks` names the versions of the deck in the order in
    which they were received; without them the agreement's own deck beside it is used. Raises `Refusal` where nothing can be compared.
    """
    folder = Path(tempfile.mkdtemp(prefix="tollbook-reconcile-"))
    connection: duckdb.DuckDBPyConnection | None = None
    try:
        terms, beside, problems = _terms(agreement)
        way = _direction(terms, direction)
        with ThreadPoolExecutor(2) as pool:
            readings = [
                pool.submit(read_side, ours, "OURS", folder, ours_format),
                pool.submit(read_side, theirs, "THEIRS", folder, theirs_format),
            ]
            sides = [reading.result() for reading in readings]
        deck = read_decks(terms, terms.buy if way == PAYABLE else terms.sell, beside, decks)
        connection = open_database(spill_folder=folder / "spill")
        return _compare(connection, folder, sides, terms, deck, way, [*problems, *deck.problems])
    except BaseException:
        if connection is not None:
            connection.close()
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _terms(agreement: str | Path | Agreement) -> tuple[Agreement, Path | None, list[Problem]]:
    """The agreement, the folder it lies in, and what was found in it."""
    if isinstance(agreement, Agreement):
        return agreement, None, []
    path = Path(agreement)
    terms, problems = read_agreement_file(path)
    return terms, path.parent, problems


def _direction(agreement: Agreement, given: str | None) -> str:
    if given is not None:
        chosen = given.upper()
        if chosen not in LEG_OF:
            raise refuse("RECONCILE_DIRECTION", f"{given!r} is no direction.", value=given)
        return chosen
    return RECEIVABLE if agreement.buy is None and agreement.sell is not None else PAYABLE


def _compare(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    sides: list[Side],
    terms: Agreement,
    deck: DeckFiles,
    way: str,
    problems: list[Problem],
) -> Reconciliation:
    leg = LEG_OF[way]
    zone = find_zone(terms.zone)
    problems += prepare(connection, folder, [(side.name, side.parquet) for side in sides], terms.partner, leg)
    if deck.compiled:
        problems += charge(connection, folder, deck.compiled, terms, zone, payable=way == PAYABLE)
    matched = match(connection, OURS, THEIRS, theirs_zone=sides[1].zone, callid_rewrite=terms.matching.callid_rewrite, leg=leg)
    problems += [each.as_problem() for each in matched.findings]
    connection.register("plain_matches", matched.matches)
    inputs = Inputs(OURS, THEIRS, "plain_matches", CHARGES if deck.compiled else "", OUR_DUPLICATES, THEIR_DUPLICATES, OTHER_BLOCK)
    prices = DeckPrices(deck.compiled, terms.rating) if deck.compiled else None
    found = reconcile_views(connection, inputs, terms, zone, prices, leg=leg)
    problems += found.problems()
    record_problems = [(side.name, table) for side in sides for table in side.problems]
    setting = Setting(
        terms,
        zone,
        way == PAYABLE,
        matched.pieces,
        matched.findings,
        [*sides[0].inputs, *sides[1].inputs, *deck.inputs],
        __version__,
        problem_rows(problems, record_problems, sides[0].files | sides[1].files),
    )
    return Reconciliation(summarize(found, setting), problems, found, record_problems, sides[0].files | sides[1].files, folder)
