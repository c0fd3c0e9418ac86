"""How a call got its price, from plain files: the record by its id in a CDR file, each step by a deck file. See docs/rules/rating.md."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.agreement import Agreement, DisputeTerms, MatchingTerms, PeriodTerms, RatingTerms, ToleranceTerms
from tollbook.core.explanation import Explanation, id_bounds, shown_record
from tollbook.core.problem import refuse
from tollbook.engine.collection import canonical_batches, digest_of
from tollbook.engine.deck import compile_timeline
from tollbook.engine.explanation import charge_of, explain_leg
from tollbook.formats.cdr.profile import detect_profile, find_profile
from tollbook.formats.deck import read_deck, read_deck_profile, with_currency
from tollbook.plain.agreement_file import read_agreement_file

_GZIP = b"\x1f\x8b"
_LONGEST_RAW = 4000


def explain_file(
    cdr_id: str,
    cdrs: Path,
    decks: Sequence[Path],
    *,
    agreement: Path | None = None,
    format_name: str | None = None,
    profile: Path | None = None,
) -> Explanation:
    """A record by its id, or by the first eight or more of its digits, priced by the versions of a deck under an agreement (the usual terms
    without one). CDR_UNKNOWN where the file has no such record, or several."""
    found = _find(cdr_id, cdrs, format_name)
    agreed = read_agreement_file(agreement)[0] if agreement else _usual_terms()
    read = [read_deck(path, profile=read_deck_profile(profile) if profile else None, zone=agreed.zone)[0] for path in decks]
    compiled = compile_timeline([with_currency(deck, agreed.currency) for deck in read])
    first = found.slice(0, 1).to_pylist()[0]
    legs = []
    for place in range(found.num_rows):
        record = found.slice(place, 1)
        sign = 1 if record.column("leg")[0].as_py() == "IN" else -1
        charge = charge_of(record, compiled, agreed, agreed.zone, sign)
        legs.append(explain_leg(record, charge, compiled, agreed, agreed.rating.clause))
    raw = _raw(cdrs, first["byte_offset"], first["byte_length"])
    return Explanation(first["cdr_id"].hex(), cdrs.name, digest_of(cdrs), first["record_no"], raw, shown_record(first), tuple(legs))


def _find(cdr_id: str, cdrs: Path, format_name: str | None) -> pa.Table:
    bounds = id_bounds(cdr_id)
    if bounds is None:
        raise refuse("CDR_UNKNOWN", "An id has 32 hexadecimal digits; its first eight may do.", value=cdr_id)
    source = find_profile(format_name) if format_name else detect_profile(cdrs)
    low, high = (pa.scalar(each, pa.binary()) for each in bounds)
    tables = []
    for batch in canonical_batches(cdrs, source):
        ids = batch.cdrs.column("cdr_id").cast(pa.binary())
        tables.append(batch.cdrs.filter(pc.and_(pc.greater_equal(ids, low), pc.less_equal(ids, high))))
    found = pa.concat_tables(tables) if tables else None
    count = len(set(found.column("cdr_id").to_pylist())) if found is not None else 0
    if found is None or count != 1:
        raise refuse(
            "CDR_UNKNOWN", f"{count} records begin so." if count else "No record of the file has it.", file=cdrs.name, value=cdr_id
        )
    legs = found.column("leg").cast(pa.string()).to_pylist()
    order = sorted(range(found.num_rows), key=lambda place: (legs[place], found.column("leg_no")[place].as_py()))
    return found.take(pa.array(order, pa.int64()))


def _raw(path: Path, offset: int, length: int) -> str:
    """The record as it stands in the unpacked file; nothing for a file without lines."""
    if not length:
        return ""
    with path.open("rb") as stream:
        packed = stream.read(2) == _GZIP
        stream.seek(0)
        source = gzip.GzipFile(fileobj=stream) if packed else stream
        source.seek(offset)
        return source.read(min(length, _LONGEST_RAW)).decode("utf-8", "backslashreplace")


def _usual_terms() -> Agreement:
    """What holds where no agreement is given: every default, in UTC, in the currency of the deck."""
    return Agreement(
        id="",
        version="",
        partner="",
        effective_from=None,
        known_from=None,
        zone="UTC",
        currency="",
        digest="",
        rating=RatingTerms(),
        buy=None,
        sell=None,
        period=PeriodTerms(),
        tolerance=ToleranceTerms(),
        dispute=DisputeTerms(),
        matching=MatchingTerms(),
        clauses={},
    )
