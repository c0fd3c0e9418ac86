"""Verification of real packs: every changed byte is refused, and whoever seals a changed figure again is found by computing it."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flow import closing

from tollbook.cli.app import run
from tollbook.core.canonical import canonical_json
from tollbook.core.digest import json_digest, run_key
from tollbook.core.evidence import MANIFEST, content_of, read_pack, write_pack
from tollbook.core.problem import Refusal
from tollbook.plain.verification import FAILED, NOT_REPEATED, OK, Check, Verification
from tollbook.plain.verify import verify

Packs = dict[str, Path]
Change = Callable[[dict[str, Any], dict[str, bytes]], None]


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Packs:
    """The close of the small month and its dispute, sealed once."""
    before = {name: os.environ.get(name) for name in ("TOLLBOOK_DATABASE_URL", "TOLLBOOK_BOOK", "TOLLBOOK_NOW")}
    os.environ.update({"TOLLBOOK_DATABASE_URL": "", "TOLLBOOK_NOW": closing.NOW})
    folder = tmp_path_factory.mktemp("verify")
    closing.build(folder / "book", folder / "files")
    from django.db import connections

    connections.close_all()
    for name, value in before.items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})
    close = folder / "book" / "closes" / "close-2026-11.zip"
    with close.open("rb") as stream:
        dispute = read_pack(stream).part("disputes/DSP-aurora-2026-11.zip")
    (folder / "dispute.zip").write_bytes(dispute)
    return {"close": close, "dispute": folder / "dispute.zip"}


def sealed_again(path: Path, change: Change, target: Path) -> Path:
    """The pack with a change, sealed as if nothing had happened: what only computing it again can find."""
    with path.open("rb") as stream:
        pack = read_pack(stream)
        manifest = {name: value for name, value in pack.manifest.items() if name != "parts"}
        parts = {name: pack.part(name) for name in pack.entries if name not in (MANIFEST, "ROOT")}
    change(manifest, parts)
    with target.open("wb") as out:
        write_pack(out, manifest, [content_of(name, data) for name, data in parts.items()])
    return target


def failed(path: Path) -> list[str]:
    found = verify(path)
    assert not found.is_verified
    return [check.name for check in found.checks if check.status == FAILED]


def test_every_changed_byte_of_a_pack_is_refused(packs: Packs, tmp_path: Path) -> None:
    """Exhaustive: each byte of the dispute's pack, changed, is either no pack or not verified."""
    whole = packs["dispute"].read_bytes()
    assert verify(packs["dispute"]).is_verified
    changed = tmp_path / "changed.zip"
    for position in range(len(whole)):
        changed.write_bytes(whole[:position] + bytes([whole[position] ^ 0x01]) + whole[position + 1 :])
        assert_refused(changed, position)


def test_changed_bytes_all_over_a_close_are_refused(packs: Packs, tmp_path: Path) -> None:
    """The close is larger: its first and last thousand bytes one by one, and places all over it."""
    whole = packs["close"].read_bytes()
    size = len(whole)
    changed = tmp_path / "changed.zip"
    for position in sorted({*range(1000), *range(size - 1000, size), *range(0, size, size // 400)}):
        changed.write_bytes(whole[:position] + bytes([whole[position] ^ 0x80]) + whole[position + 1 :])
        assert_refused(changed, position)
    for cut in (size - 1, size // 2, 100):
        changed.write_bytes(whole[:cut])
        assert_refused(changed, cut)


def assert_refused(path: Path, position: int) -> None:
    try:
        found = verify(path)
    except Refusal as refusal:
        codes = {each.code for each in refusal.problems}
    else:
        codes = {each.code for each in found.problems}
        assert not found.is_verified, position
        assert [check.name for check in found.checks] == ["bytes"], position
    assert codes, position
    assert codes <= {"PACK_UNREADABLE", "PACK_ALTERED"}, position


def swap(name: str, old: bytes, new: bytes) -> Change:
    def change(_: dict[str, Any], parts: dict[str, bytes]) -> None:
        assert old in parts[name], f"{old!r} is not in {name}"
        parts[name] = parts[name].replace(old, new, 1)

    return change


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (swap("calls.csv", b",84000000000,", b",84000000001,"), "calls"),  # c9: 1.40 in 1/60 nanos, a billionth more
        (swap("rates.csv", b"1200000000,1200000000", b"1300000000,1200000000"), "prices"),
        (swap("differences.csv", b"RATE,18000000000", b"RATE,18000000060"), "causes"),
        (swap("valuation.json", b'"disputed_micros":"1700000"', b'"disputed_micros":"2700000"'), "letter"),
        (swap("agreement.toml", b"Thirty days.", b"Ninety days."), "agreement"),
        (swap("calls.csv", b"46700*", b"467000"), "privacy"),
    ],
)
def test_a_changed_figure_of_a_dispute_that_was_sealed_again_is_found(packs: Packs, tmp_path: Path, change: Change, check: str) -> None:
    assert check in failed(sealed_again(packs["dispute"], change, tmp_path / "again.zip"))


def a_record_less(manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
    name = next(name for name in parts if name.endswith("ours_1_0.csv"))
    parts[name] = b"".join(parts[name].splitlines(keepends=True)[:-1])


def another_rate(manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
    name = next(name for name in parts if name.endswith("nordtel-sell.csv"))
    parts[name] = parts[name].replace(b"2.0", b"2.1")


def another_total(manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
    content = json.loads(parts["documents/BC-2026-0001.json"])
    for name in ("lines", "net", "gross", "payable"):
        content["totals"][name] = "25000000"
    parts["documents/BC-2026-0001.json"] = canonical_json(content)


def other_results(manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
    manifest["results"]["runs"][0]["tables"]["mark"]["rows"] += 1


def another_payment(manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
    manifest["results"]["received"][0]["payable_micros"] = "15400000"
    manifest["result_digest"] = json_digest(manifest["results"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "check"),
    [
        (a_record_less, "records OURS"),
        (another_rate, "references"),
        (another_total, "invoice BC-2026-0001"),
        (other_results, "results"),
        (another_payment, "received AV-1 release"),
    ],
)
def test_a_changed_figure_of_a_close_that_was_sealed_again_is_found(packs: Packs, tmp_path: Path, change: Change, check: str) -> None:
    assert check in failed(sealed_again(packs["close"], change, tmp_path / "again.zip"))


@pytest.mark.slow
def test_what_other_rules_made_is_named_and_not_repeated(packs: Packs, tmp_path: Path) -> None:
    def by_other_rules(manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
        for entry in manifest["runs"]:
            if entry["stage"] == "rating":
                entry["semantics_version"] = 99
                names = ("stage", "scope", "semantics_version", "parameters", "known_at")
                entry["run_key"] = run_key(input_digests=entry["inputs"], **{name: entry[name] for name in names})
        manifest["made_with"]["tollbook"] = "9.9.9"

    found = verify(sealed_again(packs["close"], by_other_rules, tmp_path / "again.zip"))
    skipped = [check.words for check in found.checks if check.status == NOT_REPEATED]
    assert found.is_verified
    assert any("made by rules 99, this version has 1. Tollbook 9.9.9 computes it again." in words for words in skipped)


def test_what_is_no_pack_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "letter.txt"
    text.write_text("Dear partner")
    for path, code in ((text, "PACK_UNREADABLE"), (tmp_path / "gone.zip", "FILE_MISSING"), (tmp_path, "PACK_UNREADABLE")):
        with pytest.raises(Refusal, match=code):
            verify(path)
        assert run(["verify", str(path)]) == 2
        assert code in capsys.readouterr().err


def test_the_command_says_what_it_found(packs: Packs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(packs["dispute"])]) == 0
    assert "VERIFIED" in capsys.readouterr().out.splitlines()
    assert run(["verify", str(packs["dispute"]), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["verified"], shown["format"], len(shown["root"])) == (True, "tollbook-dispute/1", 64)
    broken = tmp_path / "broken.zip"
    broken.write_bytes(packs["dispute"].read_bytes() + b" ")
    assert run(["verify", str(broken), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["verified"] is False
    assert run(["verify", str(broken)]) == 1
    assert "NOT VERIFIED" in capsys.readouterr().out.splitlines()


def test_a_pack_whose_contents_are_nonsense_is_not_verified(tmp_path: Path) -> None:
    out = io.BytesIO()
    write_pack(out, {"format": "tollbook-close/1", "result_digest": "x", "results": {}, "runs": 3}, [])
    path = tmp_path / "nonsense.zip"
    path.write_bytes(out.getvalue())
    found = verify(path)
    assert not found.is_verified
    assert found.checks[-1].name == "figures"


def test_checks_that_were_not_repeated_do_not_count_against_a_pack() -> None:
    found = Verification("x.zip")
    assert not found.is_verified
    found.checks = [Check("a", OK, ""), Check("b", NOT_REPEATED, "")]
    assert found.is_verified
    found.add("c", "words", 1, 2)
    assert not found.is_verified
