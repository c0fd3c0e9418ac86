"""What people write beside what they do: a reason, a comment, an answer. Short, readable, and there where somebody will ask for it."""

from __future__ import annotations

from typing import Final

from tollbook.core.problem import refuse

LONGEST_REMARK: Final = 2_000
_ALLOWED_CONTROLS: Final = "\n\t"


def remark(text: str, *, is_needed: bool = False, what: str = "") -> str:
    """The text without the space around it and with plain line ends. REMARK_MISSING where one is needed and none is given;
    REMARK_UNUSABLE where it is too long or holds control characters."""
    cleaned = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if is_needed and not cleaned:
        raise refuse("REMARK_MISSING", f"{what} needs a reason." if what else "")
    if len(cleaned) > LONGEST_REMARK:
        raise refuse("REMARK_UNUSABLE", f"It has {len(cleaned):,} characters; {LONGEST_REMARK:,} are kept.")
    if any(not (each.isprintable() or each in _ALLOWED_CONTROLS) for each in cleaned):
        raise refuse("REMARK_UNUSABLE", "It holds a control character.")
    return cleaned
