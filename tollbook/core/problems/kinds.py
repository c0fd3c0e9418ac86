"""What a problem code carries: its severity, meaning, remedy, and who can mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """INFO was repaired or decided and is worth knowing; WARNING needs a look; ERROR kept a value or a record out of the money;
    FATAL means that the file or the command as a whole could not be used."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    FATAL = "fatal"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a code means, how it is mended, and by whom (operator, partner)."""

    severity: Severity
    meaning: str
    remedy: str
    owner: str = "operator"
