"""The web bench: copies of a month stay one another's calls, and the walk knows every page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tollbook.bench import web_base, web_book, web_papers
from tollbook.bench.web import _over, percentile
from tollbook.formats.invoice.incoming import read_incoming_file

from .test_rights import patterns


@pytest.mark.parametrize(
    ("values", "percent", "wanted"), [([3.0], 95, 3.0), (list(map(float, range(1, 21))), 95, 19.0), ([2.0, 1.0], 50, 1.0)]
)
def test_percentile_is_a_value_that_so_many_do_not_exceed(values: list[float], percent: int, wanted: float) -> None:
    assert percentile(values, percent) == wanted


def test_a_copy_of_a_call_and_of_what_came_of_it_has_one_id() -> None:
    random = np.random.default_rng(1)
    ours, _ = web_base.records(300, random)
    copies = web_book.Copies(3, random)
    charges = ours.select(["cdr_id", "answer_at"])
    one, other = (pa.concat_tables(copies.spread(table)) for table in (ours, charges))
    assert one.column("cdr_id").equals(other.column("cdr_id"))
    assert len(set(one.column("cdr_id").to_pylist())) == 3 * ours.num_rows
    assert len(set(one.column("call_id").to_pylist())) == 3 * ours.num_rows
    first, last = one.slice(0, ours.num_rows), one.slice(2 * ours.num_rows)
    assert first.select(["cdr_id", "call_id", "b_e164", "answer_at"]).equals(ours.select(["cdr_id", "call_id", "b_e164", "answer_at"]))
    for before, after in zip(first.column("b_e164").to_pylist(), last.column("b_e164").to_pylist(), strict=True):
        assert before[:-5] == after[:-5]
        assert before != after
    days = [column.cast(pa.int64()).to_numpy() // web_base.DAY_MS for column in (first.column("answer_at"), last.column("answer_at"))]
    assert (days[0] == days[1]).all()


def test_the_supplier_bills_its_own_records_and_its_invoice_adds_up(tmp_path: Path) -> None:
    _, theirs = web_base.records(400, np.random.default_rng(3))
    documents = web_papers.supplier_invoice(theirs, tmp_path)
    invoice, problems = read_incoming_file(next(path for path, kind in documents if kind == "INVOICE"))
    assert problems == []
    billed = [row for row in theirs.to_pylist() if row["partner"] == web_papers.SUPPLIER]
    assert [line.calls for line in invoice.lines] == [len(billed)]
    assert invoice.net_micros == sum(row["duration_ms"] for row in billed) // 60_000 * web_papers.RATE_HUNDREDTHS * 10_000


def test_a_search_has_less_time_than_a_page() -> None:
    pages = [{"page": name, "median_ms": median, "p95_ms": p95} for name, median, p95 in _TIMES]
    assert _over(pages, "median_ms", "p95_ms") == "slow, call search by number"
    assert _over(pages[:1], "median_ms", "p95_ms") == "none"


_TIMES = (("traffic", 150, 500), ("slow", 151, 160), ("call search by number", 90, 301), ("call search by caller", 90, 300))


def test_the_walk_knows_every_page(full_book: Path) -> None:
    from tollbook.bench.web_walk import NOT_PAGES, addresses, left_out

    walked = {name for name, _, _ in addresses()}
    pages = {name for name, view in patterns() if "get" in getattr(getattr(view, "view_class", None), "http_method_names", ())}
    pages = {name for name in pages if not name.startswith(NOT_PAGES)}
    assert pages - walked - set(left_out()) - {"home"} == set()
    assert {"call", "calls", "waterfall", "pairs", "deck", "document", "source-file", "dispute", "dispute-pack"} <= walked
    assert {"calls of a trunk", "calls of a destination of a trunk", "deck row of a number"} <= walked


def test_a_process_is_made_ready_before_it_serves(full_book: Path) -> None:
    import sys

    from tollbook.web.ready import make_ready

    make_ready()
    assert "tollbook.engine.rating" in sys.modules
