"""`verify`: whether a close or the evidence of a dispute is what was sealed, and whether its figures come out again. No book, no network.

Three things are checked, each only where the one before held: the bytes, the digests of the parts, and the figures, which are computed
again from the evidence inside. See docs/guides/verify-a-close.md.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tollbook.core.evidence import CLOSE_FORMAT, DISPUTE_FORMAT, Pack, read_pack
from tollbook.core.problem import Refusal, problem, refuse
from tollbook.plain.verification import Verification
from tollbook.plain.verify_close import verify_close
from tollbook.plain.verify_dispute import verify_dispute

_FIGURES: Final[dict[str, Callable[[Pack, Path, Verification], None]]] = {CLOSE_FORMAT: verify_close, DISPUTE_FORMAT: verify_dispute}


def verify(path: Path, *, work_folder: Path | None = None) -> Verification:
    """Every check of a pack. Refusal where the file cannot be read or is no pack; a pack that was altered is a verification that fails.

    `work_folder` takes the files that are unpacked meanwhile; they are removed at the end.
    """
    found = Verification(path.name)
    try:
        with path.open("rb") as stream:
            pack = _opened(stream, found)
            if pack is not None:
                with tempfile.TemporaryDirectory(prefix="tollbook-verify-", dir=work_folder) as folder:
                    _figures(pack, Path(folder), found)
    except FileNotFoundError as error:
        raise refuse("FILE_MISSING", file=str(path)) from error
    except IsADirectoryError as error:
        raise refuse("PACK_UNREADABLE", "It is a folder.", file=str(path)) from error
    except OSError as error:
        raise refuse("FILE_UNREADABLE", f"{error.strerror}.", file=str(path)) from error
    return found


def _opened(stream, found: Verification) -> Pack | None:  # type: ignore[no-untyped-def]
    try:
        pack = read_pack(stream, found.file)
    except Refusal as refusal:
        if any(each.code != "PACK_ALTERED" for each in refusal.problems):
            raise
        found.problems.extend(refusal.problems)
        found.add("bytes", "The archive is byte for byte what its parts and its manifest make.", "as sealed", "altered")
        return None
    found.format, found.root = str(pack.manifest["format"]), pack.root
    found.title = str(pack.manifest.get("title", ""))
    found.add("bytes", "The archive is byte for byte what its parts and its manifest make.")
    parts = len(pack.entries) - 2
    found.add("parts", f"Each of the {parts} parts has the digest and size the manifest lists, and there is no other.")
    return pack


def _figures(pack: Pack, folder: Path, found: Verification) -> None:
    """Computes the figures again. A manifest or a part that cannot be used is a failed check: it was sealed that way, and does not hold."""
    try:
        _FIGURES[found.format](pack, folder, found)
    except Refusal as refusal:
        found.problems.extend(refusal.problems)
        found.add("figures", "The evidence inside can be read and computed again.", "readable", "; ".join(str(p) for p in refusal.problems))
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        reason = f"The contents do not have the form of {found.format}: {type(error).__name__} {error}."
        found.problems.append(problem("PACK_ALTERED", reason, file=found.file))
        found.add("figures", "The evidence inside can be read and computed again.", "readable", reason)
