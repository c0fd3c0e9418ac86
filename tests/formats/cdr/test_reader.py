"""Cutting files into records: every record comes out once, as a row with its place or as a problem, whatever the file has been through."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollbook.core.problem import Refusal
from tollbook.formats.cdr.header import likeliest_delimiter, peek_head, read_head
from tollbook.formats.cdr.lines import lines_of
from tollbook.formats.cdr.opening import Limits
from tollbook.formats.cdr.profile import SourceProfile, built_in, read_profile
from tollbook.formats.cdr.quoted import quoted_rows
from tollbook.formats.cdr.reader import RawBatch, SourceFile, open_source

TEXT = """
format = "tollbook-source/1"
name = "test"
[file]
{file}
[columns]
answer_at = "start"
call_id = "id"
[legs.OUT]
b = "called"
"""
HEAD = b"id,start,called\n"


def profile(file: str = "") -> SourceProfile:
    return read_profile(TEXT.format(file=file))


def write(folder: Path, data: bytes, name: str = "x.csv") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def read(path: Path, source: SourceProfile | None = None, *, size: int = 1 << 20, limits: Limits | None = None) -> list[RawBatch]:
    with open_source(path, source or profile(), limits) as file:
        return list(file.batches(size))


def rows(batches: list[RawBatch]) -> list[tuple[str | None, ...]]:
    return [tuple(row.values()) for batch in batches for row in batch.columns.to_pylist()]


def found(batches: list[RawBatch]) -> list[tuple[str, int | None]]:
    """Codes and record numbers through all batches."""
    result, seen = [], 0
    for batch in batches:
        result += [(each.code, (each.place.number or 0) + seen) for each in batch.problems if each.place.part == "record"]
        seen += batch.read
    return result


def balance(batches: list[RawBatch]) -> None:
    for batch in batches:
        numbers = [*batch.record_no.tolist(), *(each.place.number for each in batch.problems if each.place.part == "record")]
        assert sorted(numbers) == list(range(1, batch.read + 1))


def test_rows_come_with_their_place_in_the_file(tmp_path: Path) -> None:
    data = HEAD + b"1,a,44\n2,b,33\n"
    (batch,) = read(write(tmp_path, data))
    assert rows([batch]) == [("1", "a", "44"), ("2", "b", "33")]
    assert [data[start : start + length] for start, length in zip(batch.byte_offset, batch.byte_length, strict=True)] == [
        b"1,a,44",
        b"2,b,33",
    ]
    assert batch.raw_records(batch.record_no[1:] - 1) == [b"2,b,33"]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("closed", [True, False])
def test_line_ends_byte_order_marks_and_open_ends(tmp_path: Path, ending: bytes, mark: bytes, closed: bool) -> None:
    data = mark + ending.join([b"id,start,called", b"1,a,44", b"", b"2,b,33"]) + (ending if closed else b"")
    batches = read(write(tmp_path, data))
    assert rows(batches) == [("1", "a", "44"), ("2", "b", "33")]
    assert [data[start : start + length] for start, length in zip(batches[0].byte_offset, batches[0].byte_length, strict=True)] == [
        b"1,a,44",
        b"2,b,33",
    ]
    balance(batches)
    assert [str(each.place) for each in batches[0].problems] == ([] if closed else ["x.csv, line 4"])


@pytest.mark.parametrize("size", [1, 7, 16, 40, 1000])
def test_the_size_of_the_pieces_changes_nothing(tmp_path: Path, size: int) -> None:
    data = HEAD + b'1,a,44\n2,b\n3,c,55\n\n4,d,66,7\n5,"e\nf",77\n6,g,88\n'
    whole, cut = read(write(tmp_path, data)), read(write(tmp_path, data), size=size)
    assert rows(cut) == rows(whole) == [("1", "a", "44"), ("3", "c", "55"), ("5", "e\nf", "77"), ("6", "g", "88")]
    assert found(cut) == found(whole) == [("CDR_LINE_MALFORMED", 2), ("CDR_LINE_MALFORMED", 4)]
    balance(cut)


def test_a_malformed_line_is_named_with_its_number_and_text_and_the_others_go_on(tmp_path: Path) -> None:
    batches = read(write(tmp_path, HEAD + b"1,a,44\n\n2,b\n3,c,55,6,7\n4,d,66\n"))
    assert rows(batches) == [("1", "a", "44"), ("4", "d", "66")]
    assert [(str(each.place), each.value, each.reason) for each in batches[0].problems] == [
        ("x.csv, record 2", "2,b", "Line 4: 2 columns, the header has 3."),
        ("x.csv, record 3", "3,c,55,6,7", "Line 5: 5 columns, the header has 3."),
    ]
    balance(batches)


def test_quoted_cells_hold_delimiters_quotes_and_line_ends(tmp_path: Path) -> None:
    data = HEAD + b'1,"a,b",44\n2,"say ""hi""",33\n3,"two\r\nlines, and\nthree",55\n4,d,66\n'
    batches = read(write(tmp_path, data))
    assert rows(batches) == [("1", "a,b", "44"), ("2", 'say "hi"', "33"), ("3", "two\r\nlines, and\nthree", "55"), ("4", "d", "66")]
    lengths = zip(batches[0].byte_offset.tolist(), batches[0].byte_length.tolist(), strict=True)
    assert data[slice(*(lambda pair: (pair[0], sum(pair)))(list(lengths)[2]))] == b'3,"two\r\nlines, and\nthree",55'
    balance(batches)


def test_a_quote_that_never_closes_costs_its_own_line_only(tmp_path: Path) -> None:
    batches = read(write(tmp_path, HEAD + b'1,a,44\n2,"b,33\n3,c,55\n4,d,66\n'))
    assert rows(batches) == [("1", "a", "44"), ("3", "c", "55"), ("4", "d", "66")]
    assert found(batches) == [("CDR_QUOTE_OPEN", 2)]
    balance(batches)


def test_two_open_quotes_do_not_swallow_what_is_between_them(tmp_path: Path) -> None:
    batches = read(write(tmp_path, HEAD + b'1,"a,44\n2,b,33\n3,"c,55\n4,d,66\n'))
    assert [row[0] for row in rows(batches)] == ["2", "4"]
    assert found(batches) == [("CDR_QUOTE_OPEN", 1), ("CDR_QUOTE_OPEN", 3)]


def test_quotes_can_be_no_quotes(tmp_path: Path) -> None:
    assert rows(read(write(tmp_path, HEAD + b'1,"a,44\n2,b",33\n'), profile('quote = "none"'))) == [("1", '"a', "44"), ("2", 'b"', "33")]


@pytest.mark.parametrize("quote", ['"', "none"])
def test_a_bare_carriage_return_costs_its_own_line_only(tmp_path: Path, quote: str) -> None:
    batches = read(write(tmp_path, HEAD + b"1,a,44\n2,b\rc,33,\n3,c,55\n"), profile(f"quote = '{quote}'"))
    assert rows(batches) == [("1", "a", "44"), ("3", "c", "55")]
    assert found(batches) == [("CDR_LINE_MALFORMED", 2)]


def test_bytes_that_are_no_text_cost_their_own_line_only(tmp_path: Path) -> None:
    batches = read(write(tmp_path, HEAD + b"1,a,44\n2,caf\xe9,33\n3,c,55\n"))
    assert rows(batches) == [("1", "a", "44"), ("3", "c", "55")]
    assert found(batches) == [("CDR_TEXT_ENCODING", 2)]
    assert batches[0].problems[0].value == "2,caf\\xe9,33"
    balance(batches)
    assert rows(read(write(tmp_path, HEAD + b"1,a,44\n2,caf\xe9,33\n"), profile('encoding = "latin-1"')))[1] == ("2", "café", "33")


def test_places_are_those_of_the_bytes_as_they_came(tmp_path: Path) -> None:
    data = HEAD + b"1,caf\xe9,44\n2,b,33\n"
    (batch,) = read(write(tmp_path, data), profile('encoding = "latin-1"'))
    assert batch.byte_offset[1] == data.index(b"2,b,33")


def test_nulls_are_nulls_quoted_or_not(tmp_path: Path) -> None:
    batches = read(write(tmp_path, HEAD + b'1,NULL,44\n2,"",33\n3,\\N,55\n4,0000-00-00 00:00:00,66\n5,null,77\n'))
    assert [row[1] for row in rows(batches)] == [None, None, None, None, "null"]


def test_delimiters_header_names_and_skipped_lines(tmp_path: Path) -> None:
    assert rows(read(write(tmp_path, b"id;start;called\n1;a,b;44\n"))) == [("1", "a,b", "44")]
    assert rows(read(write(tmp_path, b"id\tstart\tcalled\n1\ta\t44\n"))) == [("1", "a", "44")]
    assert rows(read(write(tmp_path, b"export of\nsome switch\n" + HEAD + b"1,a,44\n"), profile("skip_lines = 2"))) == [("1", "a", "44")]
    named = profile('header = false\ncolumns = ["id", "start", "called"]')
    assert rows(read(write(tmp_path, b"1,a,44\n2,b,33\n"), named)) == [("1", "a", "44"), ("2", "b", "33")]
    assert peek_head(write(tmp_path, b' id , "start",called\n')).columns == ("id", "start", "called")
    assert likeliest_delimiter("one") == ","


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "FILE_EMPTY"),
        (b"\n\n", "FILE_EMPTY"),
        (b"id,start,id\n", "CDR_COLUMN_DOUBLE"),
        ("id,start".encode("utf-16"), "FILE_ENCODING"),
        (b"caf\xe9,start\n", "FILE_ENCODING"),
        (b"PK\x03\x04 a workbook", "FILE_UNREADABLE"),
        (b"id,start\r1,2\r", "FILE_UNREADABLE"),
        (b"id,st\rart\n1,2\n", "FILE_UNREADABLE"),
        (b"x" * 70_000, "CDR_LINE_TOO_LONG"),
        (gzip.compress(HEAD + b"1,a,44\n" * 5000, mtime=0)[:-40], "CDR_FILE_TRUNCATED"),
        (b"\x1f\x8bnot gzip at all", "FILE_UNREADABLE"),
        (b"PAR1 but no parquet", "FILE_UNREADABLE"),
    ],
)
def test_files_of_which_nothing_can_be_used(tmp_path: Path, data: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read(write(tmp_path, data))
    assert [each.code for each in refusal.value.problems] == [code]
    assert refusal.value.problems[0].place.file == "x.csv"


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "nothing", "FILE_MISSING"), (tmp_path, "FILE_UNREADABLE")):
        with pytest.raises(Refusal, match=code):
            read(path)


def test_limits(tmp_path: Path) -> None:
    many = write(tmp_path, HEAD + b"1,a,44\n" * 100)
    with pytest.raises(Refusal, match="FILE_TOO_LARGE"):
        read(many, limits=Limits(file_bytes=200))
    bomb = write(tmp_path, gzip.compress(HEAD + b"1,a,44\n" * 400_000, mtime=0), "x.gz")
    with pytest.raises(Refusal, match="FILE_COMPRESSION_RATIO"):
        read(bomb, profile("gz_ratio = 2"))
    endless = write(tmp_path, HEAD + b"x" * 100_000)
    with pytest.raises(Refusal, match="CDR_LINE_TOO_LONG"):
        read(endless, size=64, limits=Limits(line_bytes=1000))
    long = read(write(tmp_path, HEAD + b"1,a,44\n2," + b"y" * 300 + b",33\n3,c,55\n"), limits=Limits(field_bytes=200))
    assert found(long) == [("CDR_FIELD_TOO_LONG", 2)]
    assert len(rows(long)) == 2


def test_gzip_is_read_as_what_it_holds(tmp_path: Path) -> None:
    data = HEAD + b"1,a,44\n" * 10
    assert rows(read(write(tmp_path, gzip.compress(data, mtime=0)))) == rows(read(write(tmp_path, data, "y.csv")))


def test_only_columns_that_the_profile_reads_are_read(tmp_path: Path) -> None:
    (batch,) = read(write(tmp_path, b"id,other,start,called\n1,x,a,44\n"))
    assert batch.columns.column_names == ["id", "start", "called"]


def test_parquet_is_read_as_text(tmp_path: Path) -> None:
    table = pa.table(
        {
            "cdr_id": pa.array([bytes(range(16)), None], pa.binary(16)),
            "answer_at": pa.array([1_795_310_740_413, None], pa.timestamp("ms", tz="UTC")),
            "b_e164": pa.array(["44", "33"]).dictionary_encode(),
            "duration_ms": pa.array([2252, 0]),
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    (batch,) = read(tmp_path / "x.parquet", built_in("canonical"))
    assert batch.columns.to_pylist() == [
        {"cdr_id": bytes(range(16)).hex(), "answer_at": "2026-11-22 01:25:40.413Z", "b_e164": "44", "duration_ms": "2252"},
        {"cdr_id": None, "answer_at": None, "b_e164": "33", "duration_ms": "0"},
    ]


cells = st.text(st.sampled_from("ab,;\"\n'\té \u2028"), max_size=6)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(cells, cells, cells), max_size=8), st.sampled_from([5, 30, 1 << 20]))
def test_whatever_a_csv_writer_writes_reads_back(table: list[tuple[str, str, str]], size: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(table)
    source = profile("nulls = []")
    path = Path("/nonexistent/x.csv")

    class Memory:
        def __init__(self, data: bytes) -> None:
            self.read = io.BytesIO(data).read

    content = Memory(HEAD + text.getvalue().encode())
    file = SourceFile(path, source, ("id", "start", "called"), Limits(), content, read_head(content, source.file, "x"))  # type: ignore[arg-type]
    batches = list(file.batches(size))
    balance(batches)
    expected = [row for row in csv.reader(io.StringIO(text.getvalue(), newline="")) if row]
    assert [list(row) for row in rows(batches)] == expected


def test_lines_know_their_quotes_and_blanks() -> None:
    lines = lines_of(b'a\r\n\n"b\nc"\nd', b'"')
    assert (lines.starts.tolist(), lines.lengths.tolist(), lines.blank.tolist()) == (
        [0, 3, 4, 7, 10],
        [1, 0, 2, 2, 1],
        [False, True, False, False, False],
    )
    assert lines.odd is not None
    assert lines.odd.tolist() == [False, False, True, True, False]
    assert lines_of(b"", b'"').starts.tolist() == []


def test_a_line_with_a_code_is_a_record_without_cells() -> None:
    found_rows = list(quoted_rows(b'1,"a\nb",44\nx\n2,c,33\n', ",", '"', {2: "CDR_TEXT_ENCODING"}, 3))
    assert [(row.first, row.last, row.cells, row.code) for row in found_rows] == [
        (0, 1, ["1", "a\nb", "44"], ""),
        (2, 2, [], "CDR_TEXT_ENCODING"),
        (3, 3, ["2", "c", "33"], ""),
    ]
