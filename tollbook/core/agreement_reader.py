"""Reads an agreement from TOML: every key checked against `agreement_keys`, every finding with its line."""

from __future__ import annotations

import hashlib
import re
import tomllib
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from tollbook.core import agreement_keys as keys
from tollbook.core.agreement import (
    FORMAT,
    Agreement,
    Clause,
    DeckTerms,
    DisputeTerms,
    MatchingTerms,
    PeriodTerms,
    RatingTerms,
    RoundAt,
    ToleranceTerms,
)
from tollbook.core.money import parse_scaled
from tollbook.core.problem import Problem, Refusal, Severity, problem, refuse

_ROUND_AT = re.compile(r"(CALL|LINE|DOCUMENT)\((\d)\)")
_HEADER = re.compile(r"\s*\[([^\[\]]+)\]")
_LIMIT_BYTES = 1_000_000


def read_agreement(text: str, file: str = "") -> tuple[Agreement, list[Problem]]:
    """The agreement and what its lint found. Raises Refusal where a term would be lost or guessed: every fatal finding at once."""
    if len(text) > _LIMIT_BYTES:
        raise refuse("FILE_TOO_LARGE", f"An agreement has at most {_LIMIT_BYTES:,} bytes.", file=file)
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise refuse("AGREEMENT_NOT_TOML", f"{error}.", file=file, line=int(line[1]) if line else None) from None
    if document.get("format") != FORMAT:
        raise refuse("AGREEMENT_FORMAT", file=file, line=1, column="format", value=document.get("format", ""))
    reader = _Reader(text, file)
    agreement = reader.agreement(document)
    fatal = [each for each in reader.problems if each.severity is Severity.FATAL]
    if fatal:
        raise Refusal(fatal)
    return agreement, reader.problems


def key_lines(text: str) -> dict[str, int]:
    """Where each `table.key` and each `table` of a TOML text stands, by line from 1; the TOML library does not tell."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            table = header[1].strip().replace('"', "")
            lines.setdefault(table, number)
        elif "=" in line and not line.lstrip().startswith("#"):
            name = line.partition("=")[0].strip().strip('"')
            lines.setdefault(f"{table}.{name}" if table else name, number)
    return lines


# What a value of each kind looks like, for the one who wrote another.
_WANTED = {
    "text": "a text",
    "word": "a word",
    "flag": "true or false",
    "count": "a whole number from 0 to 10,000",
    "days": "a whole number of days from 0 to 10,000",
    "percent": "a number from 0 to 100",
    "money": 'an amount, as "25.00"',
    "currency": "an ISO 4217 code in capitals, as USD",
    "zone": "an IANA zone, as Europe/Amsterdam",
    "instant": "a date, as 2026-11-01, or an instant with its offset, as 2026-11-01T00:00:00Z",
    "round_at": "CALL(n), LINE(n) or DOCUMENT(n), n being 0 to 6 decimal places",
    "rewrites": "pairs of a regular expression that begins with ^ and its replacement",
}


class _Reader:
    """Holds the document's place while its tables are read; collects problems instead of raising."""

    def __init__(self, text: str, file: str) -> None:
        self.digest = hashlib.sha256(text.encode()).hexdigest()
        self.file = file
        self.lines = key_lines(text)
        self.problems: list[Problem] = []
        self.zone = "UTC"

    def add(self, code: str, path: str, reason: str = "", value: object = "") -> None:
        table = path.rpartition(".")[0]
        line = self.lines.get(path) or self.lines.get(table)
        self.problems.append(problem(code, reason, file=self.file, line=line, column=path, value=value))

    def agreement(self, document: dict[str, Any]) -> Agreement:
        zone = document.get("zone", "UTC")
        self.zone = zone if isinstance(zone, str) else "UTC"
        tables = self._tables(document)
        top = self._values("", {name: value for name, value in document.items() if not isinstance(value, dict)}, keys.TOP)
        values = {name: self._values(name, table, keys.TABLES[name]) for name, table in tables.items() if name in keys.TABLES}
        clauses = self._clauses(document.get("clauses", {}))
        self._lint(values, clauses)
        return Agreement(
            id=top.get("id", ""),
            version=top.get("version", "1"),
            partner=top.get("partner", ""),
            name=top.get("name", ""),
            effective_from=top.get("effective_from"),
            known_from=top.get("known_from"),
            zone=top.get("zone", "UTC"),
            currency=top.get("currency", ""),
            digest=self.digest,
            rating=RatingTerms(**values.get("rating", {})),
            buy=self._deck(values.get("decks.buy")),
            sell=self._deck(values.get("decks.sell")),
            period=PeriodTerms(**values.get("period", {})),
            tolerance=ToleranceTerms(**_renamed(values.get("tolerance", {}), "line_amount", "line_amount_micros")),
            dispute=DisputeTerms(**_renamed(values.get("dispute", {}), "from", "window_from")),
            matching=MatchingTerms(**values.get("matching", {})),
            clauses=clauses,
        )

    def _tables(self, document: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The document's tables by dotted name; unknown ones are fatal, kept ones are warned about."""
        found: dict[str, dict[str, Any]] = {}
        for name, table in document.items():
            if not isinstance(table, dict) or name == "clauses":
                continue
            nested = {f"decks.{side}": inner for side, inner in table.items()} if name == "decks" else {name: table}
            for path, inner in nested.items():
                if path in keys.TABLES and isinstance(inner, dict):
                    found[path] = inner
                elif path in keys.KEPT_TABLES:
                    reason = f"[{path}] is kept with the agreement, but this version does not apply it."
                    self.add("AGREEMENT_TERM_NOT_APPLIED", path, reason)
                else:
                    self.add("AGREEMENT_KEY_UNKNOWN", path, f"There is no table or key [{path}].")
        return found

    def _values(self, table: str, given: dict[str, Any], known: dict[str, keys.Key]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, value in given.items():
            path = f"{table}.{name}" if table else name
            if name not in known:
                where = f"[{table}] has no key {name}." if table else f"There is no key {name}."
                self.add("AGREEMENT_KEY_UNKNOWN", path, where, value)
                continue
            read = self._value(known[name], value)
            if read is None:
                wanted = " or ".join(known[name].allowed) or _WANTED[known[name].kind]
                self.add("AGREEMENT_VALUE", path, f"{name} takes {wanted}.", value)
            elif name != "format":
                values[name] = read
        for name, key in known.items():
            if key.required and name not in given:
                self.add("AGREEMENT_KEY_MISSING", f"{table}.{name}" if table else name, f"{name} has no default: {key.meaning}")
        return values

    def _value(self, key: keys.Key, value: Any) -> Any:
        """The value in the type the terms use, or None where it is not allowed."""
        match key.kind:
            case "text":
                return value if isinstance(value, str) and value else str(value) if type(value) is int else None
            case "word":
                return value if value in key.allowed else None
            case "flag":
                return value if isinstance(value, bool) else None
            case "count" | "days":
                return value if type(value) is int and 0 <= value <= 10_000 else None
            case "percent":
                is_number = type(value) is int or (type(value) is Decimal and value.is_finite())
                return Fraction(value) if is_number and 0 <= value <= 100 else None
            case "money":
                return parse_scaled(str(value), 6) if type(value) in (int, Decimal, str) else None
            case "currency":
                return value if isinstance(value, str) and re.fullmatch(r"[A-Z]{3}", value) else None
            case "zone":
                return value if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_+\-/]+", value) else None
            case "instant":
                return _instant_ms(value, self.zone)
            case "round_at":
                found = _ROUND_AT.fullmatch(value) if isinstance(value, str) else None
                return RoundAt(found[1], int(found[2])) if found and int(found[2]) <= 6 else None
            case _:
                return _rewrites(value)

    def _clauses(self, given: Any) -> dict[str, Clause]:
        clauses: dict[str, Clause] = {}
        for number, clause in given.items() if isinstance(given, dict) else ():
            extra = set(clause) - {"title", "text"} if isinstance(clause, dict) else {"text"}
            if extra or not isinstance(clause, dict):
                self.add("AGREEMENT_KEY_UNKNOWN", f"clauses.{number}", "A clause has title and text only.", sorted(extra))
                continue
            clauses[number] = Clause(str(clause.get("title", "")), str(clause.get("text", "")))
        return clauses

    def _lint(self, values: dict[str, dict[str, Any]], clauses: dict[str, Clause]) -> None:
        for table in keys.MONEY_TABLES:
            if table not in values:
                continue
            clause = values[table].get("clause")
            if not clause:
                self.add("AGREEMENT_CLAUSE_MISSING", table, f"[{table}] names no clause.")
            elif clause not in clauses:
                self.add("AGREEMENT_CLAUSE_UNKNOWN", f"{table}.clause", f'There is no [clauses."{clause}"].', clause)

    @staticmethod
    def _deck(values: dict[str, Any] | None) -> DeckTerms | None:
        return DeckTerms(**values) if values and values.get("deck") else None


def _renamed(values: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: value for name, value in values.items()}


def _instant_ms(value: Any, zone: str) -> int | None:
    """A date is midnight in the zone; an instant carries its own offset; anything else is not read."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value) if len(value) > 10 else date.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        at = value if value.tzinfo else None
    elif isinstance(value, date):
        try:
            at = datetime.combine(value, time(), ZoneInfo(zone))
        except (ValueError, OSError):
            at = datetime.combine(value, time(), UTC)
    else:
        return None
    return None if at is None else round((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1000


def _rewrites(value: Any) -> tuple[tuple[str, str], ...] | None:
    if not isinstance(value, list):
        return None
    pairs = []
    for pair in value:
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):
            return None
        try:
            re.compile(pair[0])
        except re.error:
            return None
        if not pair[0].startswith("^"):
            return None
        pairs.append((pair[0], pair[1]))
    return tuple(pairs)
