"""The figures of a close, computed again from the records inside: marks, prices, matches, differences, lines and totals, annexes and pages.

The steps are those of `engine.derivation`, which are those of the book. Each result is compared by its TD1, each document by its content.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tollbook.core.agreement import Agreement
from tollbook.core.agreement_reader import read_agreement
from tollbook.core.cdr import CDR, CHARGE, MARK
from tollbook.core.deck_notice import NoticeTerms
from tollbook.core.digest import json_digest, run_key
from tollbook.core.evidence import Pack, read_pack
from tollbook.core.invoice import check_arithmetic, make_lines, totals
from tollbook.core.invoice_record import document_content, read_document, results_of
from tollbook.core.problem import refuse
from tollbook.core.zone import find_zone
from tollbook.engine import derivation
from tollbook.engine.collection import canonical_batches
from tollbook.engine.database import open_database
from tollbook.engine.deck import CompiledDeck, compile_timeline
from tollbook.engine.reconciliation import Inputs, reconcile
from tollbook.engine.reconciliation_prices import DeckPrices
from tollbook.engine.settlement import rates_of, usages, write_annex
from tollbook.formats.cdr.profile import profile_of
from tollbook.formats.deck.profile import read_deck_profile
from tollbook.formats.deck.reader import read_deck
from tollbook.formats.invoice.incoming import read_incoming
from tollbook.formats.invoice.pdf import invoice_pdf
from tollbook.plain.close_again import CloseAgain, Step
from tollbook.plain.verification import Verification
from tollbook.plain.verify_dispute import verify_dispute

# The rules this version computes by; a close made by others is checked by its digests, and says which version computes it again.
SEMANTICS: Final = {"mediation": 1, "rating": 1, "matching": 1, "reconciliation": 1}
LARGEST_EXPANSION: Final = 200
KINDS_OF: Final = {"mediation": ("mark",), "rating": ("charge",), "matching": ("match",), "reconciliation": ("match", "variance")}


def verify_close(pack: Pack, folder: Path, found: Verification) -> None:
    """Adds the checks of the figures. Raises KeyError, TypeError or ValueError where the pack does not have the form of a close."""
    manifest = pack.manifest
    found.result_digest = str(manifest["result_digest"])
    found.add("results", "The result digest is that of the results listed.", manifest["result_digest"], json_digest(manifest["results"]))
    _check_keys(manifest, found)
    connection = open_database(spill_folder=folder / "spill")
    try:
        close = CloseAgain(pack, folder, found, connection)
        close.sealed = {(each["stage"], each["scope"]): each for each in manifest["results"]["runs"]}
        close.together([_read_references, _read_records])
        for stages in (("mediation",), ("rating", "matching")):
            close.together(_runs(manifest, stages))
        close.together([*_runs(manifest, ("reconciliation",)), _invoices, _received, _disputes])
    finally:
        connection.close()


def _runs(manifest: Any, stages: tuple[str, ...]) -> list[Step]:
    """The runs of stages that do not rest on one another, in the order of the manifest."""
    return [partial(_run, run=run) for run in manifest["runs"] if run["stage"] in stages]


def _run(close: CloseAgain, run: dict[str, Any]) -> None:
    steps = {"mediation": _mediation, "rating": _rating, "matching": _matching, "reconciliation": _reconciliation}
    if _is_ours(close, run):
        steps[run["stage"]](close, run)


def _check_keys(manifest: Any, found: Verification) -> None:
    """Every run key again from what it was made from, and the runs against the results listed."""
    wrong = []
    for run in manifest["runs"]:
        key = run_key(
            stage=run["stage"],
            scope=run["scope"],
            semantics_version=run["semantics_version"],
            input_digests=run["inputs"],
            parameters=run["parameters"],
            known_at=run["known_at"],
        )
        if key != run["run_key"]:
            wrong.append(f"{run['stage']} {run['scope']}")
    count = len(manifest["runs"])
    found.add("run keys", f"The keys of the {count} runs follow from their inputs and parameters.", "", ", ".join(wrong))
    listed = [(each["stage"], each["scope"], json_digest(each["tables"])) for each in manifest["results"]["runs"]]
    named = [(each["stage"], each["scope"], each["result_digest"]) for each in manifest["runs"]]
    found.add("run results", "Each run's result digest is that of its tables.", named, listed)


def _is_ours(close: CloseAgain, run: dict[str, Any]) -> bool:
    """Whether this version computes the run by the rules it was made by; what rests on one that it does not is left out, too."""
    stage, scope = run["stage"], run["scope"]
    if run["semantics_version"] != SEMANTICS.get(stage):
        words = f"{stage.capitalize()} of {scope} was made by rules {run['semantics_version']}, this version has {SEMANTICS.get(stage)}."
        close.found.skip(f"{stage} {scope}", f"{words} Tollbook {close.manifest['made_with']['tollbook']} computes it again.")
        return False
    needed = _needs(close, run)
    missing = [each for each in needed if each not in close.made]
    if missing:
        close.found.skip(f"{stage} {scope}", f"{stage.capitalize()} of {scope} rests on what was not computed again.")
    return not missing


def _needs(close: CloseAgain, run: dict[str, Any]) -> list[tuple[str, str, str]]:
    scope, values = run["scope"], run["parameters"]
    if run["stage"] == "mediation":
        return []
    period = scope.rsplit("/", 1)[-1]
    sides = ("OURS",) if run["stage"] == "rating" else ("OURS", "THEIRS")
    needed = [("mediation", f"{values['partner']}/{values['leg']}/{side}/{period}", "mark") for side in sides]
    if run["stage"] == "reconciliation":
        needed.append(("matching", scope, "match"))
        needed += [("rating", scope, "charge")] if ("rating", scope) in close.sealed else []
    return needed


def _read_references(close: CloseAgain) -> None:
    """Agreements, decks and profiles, each compared with the digest it was pinned by."""
    evidence, wrong = close.manifest["evidence"], []
    for row in evidence.get("agreement", []):
        agreement, _ = read_agreement(close.part(row["part"]).decode("utf-8"), row["name"])
        close.agreements[agreement.digest] = agreement
        wrong += [row["name"]] if agreement.digest != row["digest"] else []
    for row in evidence.get("deck", []):
        path = _named(close, row["part"], row["name"])
        profile = read_deck_profile(close.path_of(row["profile"])) if "profile" in row else None
        deck, _ = read_deck(
            path, profile=profile, zone=row["zone"], received_at=row["received_at"], partner=row["partner"], version=row["version"]
        )
        close.decks[deck.digest] = deck
        wrong += [row["name"]] if deck.digest != row["digest"] else []
    count = len(close.agreements) + len(close.decks)
    close.found.add("references", f"The {count} agreements and decks say what they were pinned for.", "", ", ".join(wrong))


def _named(close: CloseAgain, part: str, name: str) -> Path:
    """A part under the name it came under: what a deck's version is called may be its file's name."""
    source = close.path_of(part)
    target = source.parent / Path(part).stem / Path(name).name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return target


def _read_records(close: CloseAgain) -> None:
    """The raw files as canonical records, each record once, and their TD1 per side."""
    paths: list[Path] = []
    for number, row in enumerate(close.manifest["evidence"].get("cdr", [])):
        profile = profile_of(json.loads(close.part(row["profile"])))
        close.profiles.append(profile)
        raw = close.path_of(row["part"])
        paths.append(close.folder / f"records-{number}.parquet")
        with _unpacked(raw) as plain, pq.ParquetWriter(paths[-1], CDR, compression="zstd") as writer:
            for batch in canonical_batches(plain, profile, row["source"]):
                writer.write_table(_with_digest(batch.cdrs, close.pack.entries[row["part"]].sha256))
    derivation.open_files(close.connection, "records", "cdr", paths)
    for side in ("ours", "theirs"):
        close.connection.execute(
            f"CREATE OR REPLACE TABLE cdr_{side} AS SELECT * FROM records WHERE side = '{side.upper()}' "  # noqa: S608
            "QUALIFY row_number() OVER (PARTITION BY cdr_id, leg, leg_no ORDER BY file_digest, record_no) = 1"
        )
    for row in close.manifest["results"]["collection"]:
        inside = derivation.anchored_in(row["from_ms"], row["until_ms"])
        close.connection.execute(f"CREATE OR REPLACE TEMP VIEW collected AS SELECT * FROM cdr_{row['side'].lower()} WHERE {inside}")  # noqa: S608
        td1, rows = derivation.view_digest(close.connection, "collected", "cdr")
        words = "our" if row["side"] == "OURS" else "their"
        close.found.add(f"records {row['side']}", f"The raw files give {rows:,} of {words} records again.", row["td1"], td1)


def _with_digest(cdrs: pa.Table, digest: str) -> pa.Table:
    place = cdrs.schema.get_field_index("file_digest")
    return cdrs.set_column(
        place, CDR.field("file_digest"), pa.array([digest] * cdrs.num_rows, pa.string()).cast(CDR.field("file_digest").type)
    )


class _unpacked:  # noqa: N801 - a context manager
    """A raw file as text: itself, or for .gz an unpacked copy; FILE_COMPRESSION_RATIO where it expands beyond reason."""

    def __init__(self, path: Path) -> None:
        self.path, self.plain = path, path

    def __enter__(self) -> Path:
        if self.path.suffix != ".gz":
            return self.path
        limit, size = max(self.path.stat().st_size, 1024) * LARGEST_EXPANSION, 0
        self.plain = self.path.with_suffix("")
        with gzip.open(self.path, "rb") as source, self.plain.open("wb") as target:
            while block := source.read(1 << 20):
                size += len(block)
                if size > limit:
                    raise refuse("FILE_COMPRESSION_RATIO", file=self.path.name)
                target.write(block)
        return self.plain

    def __exit__(self, *_: object) -> None:
        if self.plain != self.path:
            self.plain.unlink(missing_ok=True)


def _mediation(close: CloseAgain, run: dict[str, Any]) -> None:
    values = run["parameters"]
    marks = derivation.marks(
        close.connection, f"cdr_{values['side'].lower()}", values["partner"], values["leg"], values["from_ms"], values["until_ms"]
    )
    close.write("mediation", run["scope"], "mark", [marks], MARK)
    close.compare("mediation", run["scope"], "mark")


def _open_side(close: CloseAgain, name: str, partner: str, leg: str, side: str, period: str) -> None:
    """One side's views as the stages take them."""
    scope = f"{partner}/{leg}/{side}/{period}"
    low, high = _window_of(close, scope)
    verdicts = close.table("mediation", scope, "mark").cast(MARK)
    derivation.open_side(close.connection, name, f"cdr_{side.lower()}", verdicts, partner, leg, low, high)


def _window_of(close: CloseAgain, scope: str) -> tuple[int, int]:
    """The span of time a mediation run looked at."""
    values = next(each["parameters"] for each in close.manifest["runs"] if (each["stage"], each["scope"]) == ("mediation", scope))
    return values["from_ms"], values["until_ms"]


def _compiled(close: CloseAgain, agreement: Agreement, leg: str, digests: list[str]) -> CompiledDeck:
    terms = agreement.sell if leg == "IN" else agreement.buy
    assert terms is not None
    return compile_timeline([close.decks[digest] for digest in digests], notice=NoticeTerms(increase_days=terms.notice_days))


def _rating(close: CloseAgain, run: dict[str, Any]) -> None:
    values, scope = run["parameters"], run["scope"]
    _open_side(close, "ours", values["partner"], values["leg"], "OURS", scope.rsplit("/", 1)[-1])

    def charges() -> Iterator[pa.Table]:
        for part in values["terms"]:
            agreement = close.agreements[part["agreement"]]
            deck = _compiled(close, agreement, values["leg"], part["decks"])
            terms = agreement.sell if values["leg"] == "IN" else agreement.buy
            clause = agreement.rating.clause or (terms.clause if terms else "")
            window = int(part["from_ms"]), int(part["until_ms"])
            yield from derivation.charges(
                close.connection, "ours", agreement, deck, find_zone(agreement.zone), values["leg"], clause, *window
            )

    close.write("rating", scope, "charge", charges(), CHARGE)
    close.compare("rating", scope, "charge")


def _matching(close: CloseAgain, run: dict[str, Any]) -> None:
    values, scope = run["parameters"], run["scope"]
    period = scope.rsplit("/", 1)[-1]
    for name, side in (("ours", "OURS"), ("theirs", "THEIRS")):
        _open_side(close, name, values["partner"], values["leg"], side, period)
    agreement = next(each for each in close.agreements.values() if each.digest in run["inputs"])
    zones = {each.zone for each in close.profiles if each.side == "THEIRS" and each.digest in run["inputs"] and each.zone is not None}
    _, matches = derivation.matched(
        close.connection, agreement, values["leg"], next(iter(zones), None), values["from_ms"], values["until_ms"]
    )
    close.write("matching", scope, "match", [matches], matches.schema)
    close.compare("matching", scope, "match")


def _reconciliation(close: CloseAgain, run: dict[str, Any]) -> None:
    values, scope, connection = run["parameters"], run["scope"], close.connection
    period = scope.rsplit("/", 1)[-1]
    for name, side in (("ours_wide", "OURS"), ("theirs_wide", "THEIRS")):
        _open_side(close, name, values["partner"], values["leg"], side, period)
    derivation.open_files(connection, "matches", "match", [close.made["matching", scope, "match"]])
    derivation.narrow(connection, "matches")
    charged = close.made.get(("rating", scope, "charge"))
    derivation.open_files(connection, "charges", "charge", [charged] if charged else [])
    around = _window_of(close, f"{values['partner']}/{values['leg']}/OURS/{period}")
    derivation.open_other_block(connection, "other_block", "cdr_ours", values["partner"], values["leg"], *around)
    agreement = close.agreements[values["agreement"]]
    prices = DeckPrices(_compiled(close, agreement, values["leg"], values["decks"]), agreement.rating) if values["decks"] else None
    inputs = Inputs("ours", "theirs", "matches", "charges", "ours_duplicates", "theirs_duplicates", "other_block")
    result = reconcile(connection, inputs, agreement, find_zone(agreement.zone), prices, leg=values["leg"])
    for kind, table in (("match", result.matches()), ("variance", result.variances())):
        close.write("reconciliation", scope, kind, [table], table.schema)
        close.compare("reconciliation", scope, kind)


def _invoices(close: CloseAgain) -> None:
    """Each invoice: its lines and totals from the charges, its annex and its pages byte for byte."""
    sealed = {(each["partner"], each["period"]): each for each in close.manifest["results"]["invoices"]}
    for row in close.manifest["evidence"].get("document", []):
        content = json.loads(close.part(row["content"]))
        document, seller, buyer = read_document(content)
        number = row["number"]
        expected = sealed[document.partner, document.period]["digest"]
        close.found.add(f"invoice {number}", f"{number} is the one the close lists.", expected, json_digest(results_of(content)))
        _invoice_lines(close, row, document)
        if close.manifest["made_with"] == _made_with():
            pages = hashlib.sha256(invoice_pdf(document, seller, buyer)).hexdigest()
            close.found.add(
                f"invoice {number} pages", f"The pages of {number} come out again.", close.pack.entries[row["pages"]].sha256, pages
            )
        else:
            close.found.skip(f"invoice {number} pages", f"The pages of {number} were laid out by another version; their digest holds.")
        again = document_content(document, seller, buyer)
        close.found.add(f"invoice {number} content", f"The content of {number} is complete.", content, again)


def _made_with() -> dict[str, str]:
    from tollbook import __version__

    return {"tollbook": __version__, "typst": metadata.version("typst")}


def _invoice_lines(close: CloseAgain, row: dict[str, Any], document: Any) -> None:
    scope, number = f"{document.partner}/IN/{document.period}", row["number"]
    made = close.made.get(("rating", scope, "charge"))
    if made is None or any(line.usage.prior_period for line in document.lines):
        words = f"{number} has late calls of periods closed before, or rests on what was not computed again; its digests hold."
        close.found.skip(f"invoice {number} lines", words)
        return
    connection, agreement = close.connection, close.agreements[document.agreement_digest]
    derivation.open_files(connection, "invoice_charged", "charge", [made])
    connection.execute("CREATE OR REPLACE TEMP VIEW invoice_charges AS SELECT *, '' AS prior_period FROM invoice_charged")
    rates = rates_of(deck for digest, deck in close.decks.items() if digest in {line.usage.deck_digest for line in document.lines})
    lines = make_lines(usages(connection, "invoice_charges", rates), agreement.rating)
    close.found.add(f"invoice {number} lines", f"The {len(lines)} lines of {number} come out of its calls.", document.lines, lines)
    sums = totals(lines, agreement.rating, document.tax, document.currency)
    close.found.add(f"invoice {number} totals", f"The totals of {number} follow from its lines.", document.totals, sums)
    close.found.add(
        f"invoice {number} rules", f"{number} obeys the arithmetic rules of EN 16931.", [], [str(p) for p in check_arithmetic(document)]
    )
    with tempfile.NamedTemporaryFile(dir=close.folder, suffix=".csv") as target:
        digest, _ = write_annex(connection, "invoice_charges", "cdr_ours", rates, lines, Path(target.name))
    close.found.add(f"invoice {number} annex", f"The annex of {number} comes out of its calls.", document.annex_sha256, digest)
    sealed = close.pack.entries[row["annex"]].sha256
    close.found.add(f"invoice {number} annex file", f"The annex inside is the one {number} names.", document.annex_sha256, sealed)


def _received(close: CloseAgain) -> None:
    """The suppliers' invoices: read again, their sums, and what the close paid of them."""
    listed = {each["number"]: each for each in close.manifest["results"]["received"]}
    for row in close.manifest["evidence"].get("invoice", []):
        invoice, problems = read_incoming(close.part(row["head"]), close.part(row["lines"]), row["number"])
        sealed = listed[invoice.number]
        figures = [sealed["net_micros"], sealed["tax_micros"], sealed["currency"]]
        name = f"received {invoice.number}"
        close.found.add(
            name,
            f"Invoice {invoice.number} says what was received.",
            figures,
            [str(invoice.net_micros), str(invoice.tax_micros), invoice.currency],
        )
        parts = int(sealed["payable_micros"]) + int(sealed["disputed_net_micros"]) + int(sealed["disputed_tax_micros"])
        words = f"What is paid of {invoice.number} and what waits are all of it."
        close.found.add(f"{name} release", words, invoice.total_micros, parts)
        if problems:
            words = f"{invoice.number} does not add up, so all of it waits."
            close.found.add(f"{name} arithmetic", words, str(invoice.net_micros), sealed["disputed_net_micros"])


def _disputes(close: CloseAgain) -> None:
    """The packs inside, each verified like one that came alone."""
    for row in close.manifest["evidence"].get("dispute", []):
        path = close.path_of(row["part"])
        with path.open("rb") as stream:
            inner = read_pack(stream, row["part"])
            close.found.add(f"dispute {row['id']}", f"The pack of {row['id']} has the ROOT that was sealed.", row["root"], inner.root)
            nested = Verification(row["id"])
            folder = close.folder / f"dispute-{row['id'].encode().hex()[:40]}"
            folder.mkdir()
            verify_dispute(inner, folder, nested)
        for check in nested.checks:
            close.found.checks.append(
                type(check)(f"{row['id']} {check.name}", check.status, f"{row['id']}: {check.words}", check.expected, check.found)
            )
