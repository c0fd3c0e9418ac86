"""Evidence packs: a canonical archive whose manifest lists every part with its digest, and whose last entry, ROOT, is the manifest's own.

A pack is a close or the evidence of a dispute; `format` in its manifest says which. Whoever holds ROOT (64 characters, fit for a letter
or a signature) can tell whether any byte of the pack was changed. Reading refuses a pack in which any byte differs from what the
writer would have written. See docs/rules/evidence.md.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from tollbook.core.archive import LAST_ENTRY, ArchiveError, Content, Entry, read_archive, write_archive
from tollbook.core.canonical import canonical_json, parse_canonical_json
from tollbook.core.problem import Problem, Refusal, problem, refuse

CLOSE_FORMAT: Final = "tollbook-close/1"
DISPUTE_FORMAT: Final = "tollbook-dispute/1"
FORMATS: Final = (CLOSE_FORMAT, DISPUTE_FORMAT)
MANIFEST: Final = "manifest.json"
SHORTEST_KEY_BYTES: Final = 16
_MANIFEST_LIMIT_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack that was read and found whole: its manifest, its ROOT, and where each part lies in the stream."""

    manifest: Mapping[str, Any]
    root: str
    entries: Mapping[str, Entry]
    stream: BinaryIO

    def part(self, name: str) -> bytes:
        """The content of one part; KeyError where the pack has none of that name."""
        entry = self.entries[name]
        self.stream.seek(entry.offset)
        return self.stream.read(entry.size)


def content_of(name: str, data: bytes) -> Content:
    """A part whose bytes are in memory."""
    return Content(name, len(data), hashlib.sha256(data).hexdigest(), zlib.crc32(data), lambda: io.BytesIO(data))


def write_pack(out: BinaryIO, manifest: Mapping[str, Any], parts: Sequence[Content]) -> str:
    """Write a pack and return its ROOT. `manifest` names the format and whatever the pack says; `parts` is added to it.

    The manifest's other values are text, integers, truth values, null, lists and mappings; anything else is a ValueError.
    """
    if manifest.get("format") not in FORMATS or "parts" in manifest:
        raise ValueError("the manifest names its format, and its parts are listed by the writer")
    listed = [{"name": each.name, "sha256": each.sha256, "size": each.size} for each in sorted(parts, key=lambda part: part.name)]
    text = canonical_json({**manifest, "parts": listed})
    root = hashlib.sha256(text).hexdigest()
    write_archive(out, [*parts, content_of(MANIFEST, text), content_of(LAST_ENTRY, root.encode("ascii"))])
    return root


def read_pack(stream: BinaryIO, file: str = "") -> Pack:
    """The pack in a stream, every byte of it checked; Refusal with PACK_UNREADABLE, PACK_ALTERED or PACK_FORMAT_UNKNOWN."""
    stream.seek(0)
    if stream.read(4) != b"PK\x03\x04":
        raise refuse("PACK_UNREADABLE", "It does not begin like a pack.", file=file)
    try:
        entries = {each.name: each for each in read_archive(stream)}
    except ArchiveError as error:
        raise refuse("PACK_ALTERED", f"{str(error)[0].upper()}{str(error)[1:]}.", file=file) from error
    manifest, root = _read_manifest(stream, entries, file)
    wrong = _compare_parts(manifest, entries, file)
    if wrong:
        raise Refusal(wrong)
    return Pack(manifest, root, entries, stream)


def _read_manifest(stream: BinaryIO, entries: Mapping[str, Entry], file: str) -> tuple[Mapping[str, Any], str]:
    if MANIFEST not in entries or LAST_ENTRY not in entries or entries[MANIFEST].size > _MANIFEST_LIMIT_BYTES:
        raise refuse("PACK_UNREADABLE", f"It has no {MANIFEST} or no {LAST_ENTRY}.", file=file)
    stream.seek(entries[LAST_ENTRY].offset)
    root = stream.read(min(entries[LAST_ENTRY].size, 65))
    if root != entries[MANIFEST].sha256.encode("ascii"):
        raise refuse("PACK_ALTERED", f"{LAST_ENTRY} is not the digest of {MANIFEST}.", file=file, column=LAST_ENTRY)
    stream.seek(entries[MANIFEST].offset)
    try:
        manifest = parse_canonical_json(stream.read(entries[MANIFEST].size))
    except (ValueError, RecursionError) as error:
        raise refuse("PACK_ALTERED", f"{MANIFEST} cannot be read: {error}.", file=file, column=MANIFEST) from error
    if not isinstance(manifest, dict) or manifest.get("format") not in FORMATS:
        shown = manifest.get("format", "") if isinstance(manifest, dict) else ""
        raise refuse("PACK_FORMAT_UNKNOWN", f"Known are {' and '.join(FORMATS)}.", file=file, column="format", value=shown)
    return manifest, root.decode("ascii")


def _compare_parts(manifest: Mapping[str, Any], entries: Mapping[str, Entry], file: str) -> list[Problem]:
    """What the manifest lists against what is there; both ways, so that nothing is slipped in either."""
    found = [{"name": e.name, "sha256": e.sha256, "size": e.size} for e in entries.values() if e.name not in (MANIFEST, LAST_ENTRY)]
    listed = manifest.get("parts")
    if not isinstance(listed, list) or not all(isinstance(each, dict) and isinstance(each.get("name"), str) for each in listed):
        return [problem("PACK_ALTERED", f"{MANIFEST} lists no parts.", file=file, column="parts")]
    if listed == found:
        return []
    expected = {each["name"]: each for each in listed}
    present = {str(each["name"]): each for each in found}
    wrong = [problem("PACK_ALTERED", "The part is missing.", file=file, column=name) for name in sorted(expected.keys() - present.keys())]
    wrong += [
        problem("PACK_ALTERED", "The part is not listed in the manifest.", file=file, column=n)
        for n in sorted(present.keys() - expected.keys())
    ]
    for name in sorted(expected.keys() & present.keys()):
        if expected[name] != present[name]:
            wrong.append(problem("PACK_ALTERED", "The part does not have its digest and size.", file=file, column=name))
    return wrong or [problem("PACK_ALTERED", "The list of parts is not in order.", file=file, column="parts")]


def keyed_digest(number: str, key: bytes) -> str:
    """What stands in an extract in place of a telephone number: 128 bits of HMAC-SHA-256, in hex, under the key of one dispute.

    A digest without a key hides nothing, since all numbers can be tried; so a short key is refused (PACK_KEY_WEAK). An empty number,
    which is a withheld one, stays empty.
    """
    if len(key) < SHORTEST_KEY_BYTES:
        raise refuse("PACK_KEY_WEAK")
    return hmac.digest(key, number.encode("utf-8"), "sha256").hex()[:32] if number else ""


def masked_number(number: str, shown_digits: int = 5) -> str:
    """A number with only its first digits: 442079460123 is 44207*******; a range can be recognised, a person cannot.

    A text without digits is returned as `*` per letter.
    """
    keep = min(shown_digits, max(0, len(number) - 4)) if re.fullmatch(r"\+?\d+", number) else 0
    return number[:keep] + "*" * (len(number) - keep)


def entry_name(folder: str, sha256: str, original: str) -> str:
    """The name of a sealed file inside a pack: its folder, the start of its digest, and as much of its own name as is plain ASCII."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", original.rsplit("/", 1)[-1]).strip("-.") or "file"
    return f"{folder}/{sha256[:12]}-{plain[-120:].lstrip('-._')}"
