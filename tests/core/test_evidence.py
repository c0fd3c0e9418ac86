"""Packs: the same parts give the same bytes, every changed byte is refused, and numbers leave masked or keyed."""

from __future__ import annotations

import hashlib
import hmac
import io
import struct
import zipfile

import pytest

from tollbook.core import archive
from tollbook.core.evidence import (
    CLOSE_FORMAT,
    content_of,
    entry_name,
    keyed_digest,
    masked_number,
    read_pack,
    write_pack,
)
from tollbook.core.problem import Refusal

PARTS = {"raw/ours.csv": b"id,callee\n1,+4420\n", "documents/1.txt": b"", "results/a.json": b"{}"}


def packed(parts: dict[str, bytes] = PARTS, **fields: object) -> bytes:
    out = io.BytesIO()
    write_pack(out, {"format": CLOSE_FORMAT, **fields}, [content_of(name, data) for name, data in parts.items()])
    return out.getvalue()


def code_of(data: bytes) -> str:
    with pytest.raises(Refusal) as refused:
        read_pack(io.BytesIO(data))
    return refused.value.problems[0].code


def test_the_order_in_which_parts_come_does_not_matter() -> None:
    assert packed() == packed(dict(reversed(PARTS.items())))


def test_any_zip_reader_opens_it_and_root_is_the_digest_of_the_manifest() -> None:
    with zipfile.ZipFile(io.BytesIO(packed(period="2026-11"))) as reader:
        assert reader.testzip() is None
        assert reader.namelist() == ["documents/1.txt", "manifest.json", "raw/ours.csv", "results/a.json", "ROOT"]
        assert reader.read("ROOT").decode() == hashlib.sha256(reader.read("manifest.json")).hexdigest()
        assert {each.date_time for each in reader.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {(each.extra, each.comment, each.external_attr, each.compress_type) for each in reader.infolist()} == {(b"", b"", 0, 0)}


def test_a_pack_gives_back_its_parts() -> None:
    pack = read_pack(io.BytesIO(packed(period="2026-11")))
    assert pack.manifest["period"] == "2026-11"
    assert {name: pack.part(name) for name in PARTS} == PARTS


def test_every_changed_byte_and_every_cut_is_refused() -> None:
    whole = packed(period="2026-11")
    for position in range(len(whole)):
        for change in (0x01, 0x20, 0x80, 0xFF):
            changed = bytearray(whole)
            changed[position] ^= change
            assert code_of(bytes(changed)) in ("PACK_ALTERED", "PACK_UNREADABLE"), position
        assert code_of(whole[:position]) in ("PACK_ALTERED", "PACK_UNREADABLE"), position


def test_bytes_before_and_after_are_refused() -> None:
    assert code_of(packed() + b"\0") == "PACK_ALTERED"
    assert code_of(b"\0" + packed()) == "PACK_UNREADABLE"
    with_comment = bytearray(packed() + b"hi")
    struct.pack_into("<H", with_comment, len(with_comment) - 4, 2)
    assert code_of(bytes(with_comment)) == "PACK_ALTERED"


def test_a_rewritten_part_whose_checksums_were_mended_is_refused() -> None:
    """Someone swaps a part and mends every checksum of the archive, but not the manifest."""
    entries = {**PARTS, "raw/ours.csv": b"id,callee\n1,+4499\n"}
    whole = read_pack(io.BytesIO(packed()))
    for name in ("manifest.json", "ROOT"):
        entries[name] = whole.part(name)
    out = io.BytesIO()
    archive.write_archive(out, [content_of(name, data) for name, data in entries.items()])
    assert code_of(out.getvalue()) == "PACK_ALTERED"


@pytest.mark.parametrize("slipped", [{"raw/zzz.csv": b"x"}, {}])
def test_a_part_slipped_in_or_left_out_is_refused(slipped: dict[str, bytes]) -> None:
    whole = read_pack(io.BytesIO(packed()))
    kept = {name: whole.part(name) for name in ("manifest.json", "ROOT", "raw/ours.csv", "documents/1.txt")} | slipped
    if slipped:
        kept["results/a.json"] = whole.part("results/a.json")
    out = io.BytesIO()
    archive.write_archive(out, [content_of(name, data) for name, data in kept.items()])
    assert code_of(out.getvalue()) == "PACK_ALTERED"


def test_an_unknown_format_is_named_as_such() -> None:
    manifest = b'{"format":"tollbook-close/99","parts":[]}'
    root = hashlib.sha256(manifest).hexdigest().encode()
    out = io.BytesIO()
    archive.write_archive(out, [content_of("manifest.json", manifest), content_of("ROOT", root)])
    assert code_of(out.getvalue()) == "PACK_FORMAT_UNKNOWN"


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "a/", "Łódź.csv", "", "a\\b", "a b", ".hidden", "x" * 241])
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(archive.ArchiveError):
        archive.in_order([name])


def test_a_part_that_changes_while_it_is_packed_is_noticed() -> None:
    grown = archive.Content("a", 1, hashlib.sha256(b"x").hexdigest(), 0x8CDC1683, lambda: io.BytesIO(b"y"))
    with pytest.raises(archive.ArchiveError):
        archive.write_archive(io.BytesIO(), [grown])


@pytest.mark.parametrize(("limit", "lowered"), [("_FITS_16", 2), ("_FITS_32", 20)])
def test_a_large_archive_carries_zip64_records(monkeypatch: pytest.MonkeyPatch, limit: str, lowered: int) -> None:
    """What does not fit is lowered from 4 GiB, so that a small archive takes the way of a large one."""
    small = packed()
    monkeypatch.setattr(archive, limit, lowered)
    large = packed()
    assert len(large) > len(small)
    assert b"PK\x06\x06" in large
    assert read_pack(io.BytesIO(large)).part("raw/ours.csv") == PARTS["raw/ours.csv"]
    for position in range(len(large)):
        changed = bytearray(large)
        changed[position] ^= 1
        assert code_of(bytes(changed)) in ("PACK_ALTERED", "PACK_UNREADABLE"), position


def test_a_number_leaves_under_a_key_or_masked() -> None:
    key = bytes(range(32))
    expected = hmac.new(key, b"442079460123", hashlib.sha256).hexdigest()[:32]
    assert keyed_digest("442079460123", key) == expected
    assert keyed_digest("442079460123", b"\1" * 32) != expected
    assert keyed_digest("", key) == ""
    assert masked_number("442079460123") == "44207*******"
    assert masked_number("+48221234567", 7) == "+482212*****"
    assert masked_number("4420") == "****"
    assert masked_number("alice") == "*****"


@pytest.mark.parametrize("key", [b"", b"short"])
def test_a_plain_or_weakly_keyed_digest_is_refused(key: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        keyed_digest("442079460123", key)
    assert refused.value.problems[0].code == "PACK_KEY_WEAK"


@pytest.mark.parametrize(
    ("original", "expected"),
    [("a cdr.csv", "raw/0123456789ab-a-cdr.csv"), ("x/Ł.csv", "raw/0123456789ab-csv"), ("..", "raw/0123456789ab-file")],
)
def test_the_name_of_a_sealed_file_is_plain(original: str, expected: str) -> None:
    assert entry_name("raw", "0123456789abcdef" * 4, original) == expected
    archive.in_order([expected])
