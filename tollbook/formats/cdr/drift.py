"""The schema-drift sentinel: what a file's columns lost, gained or changed against its profile, before it costs money."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Final

from tollbook.core.problem import Problem, Refusal, problem, refuse
from tollbook.formats.cdr.profile_words import PER_RECORD, SourceProfile

# From this share of the records on, a column has changed its meaning; below, single cells are bad. In a hundred.
RETYPED_PERCENT: Final = 50
RETYPED_LEAST: Final = 5


def check_columns(columns: Sequence[str], profile: SourceProfile, file: str) -> list[Problem]:
    """New and lost columns as warnings. Refuses where no time, or no called number, or no event can be read at all."""
    present = set(columns)
    _refuse_without_needed(present, profile, file)
    line = 1 + profile.file.skip_lines if profile.file.header else None
    found = []
    if not _called(profile, present):
        reason = "No column holds the called number, so no call can be priced or matched by it."
        found.append(problem("CDR_COLUMN_LOST", reason, file=file, line=line, column=", ".join(_called_columns(profile))))
    for name in sorted(_wanted(profile, present) - set(profile.file.optional)):
        near = difflib.get_close_matches(name, sorted(present - profile.read_columns), n=1, cutoff=0.7)
        reason = f"The profile {profile.name} reads {name}; the file has no such column"
        reason += f", but {near[0]}, which the profile does not know." if near else "."
        found.append(problem("CDR_COLUMN_LOST", reason, file=file, line=line, column=name))
    if profile.file.unused is not None:
        known = profile.read_columns | set(profile.file.unused)
        for name in columns:
            if name not in known:
                reason = f"The profile {profile.name} does not know {name}."
                found.append(problem("CDR_COLUMN_NEW", reason, file=file, line=line, column=name))
    return found


def _wanted(profile: SourceProfile, present: set[str]) -> set[str]:
    """Columns that are read and absent; of alternatives only where all are absent, and then the last, the plainest."""
    lost = set()
    groups: list[tuple[str, ...]] = [cell.columns for cell in (*profile.columns.values(), *profile.pairing.values())]
    for leg in profile.legs:
        groups += [cell.columns for cell in (leg.partner, leg.trunk, leg.poi, leg.a_e164, leg.b, leg.b_e164, *leg.a)]
    groups += [tuple(each.column for each in alternatives) for alternatives in profile.times.values()]
    groups += [tuple(each.column for each in profile.durations), *((name,) for name in profile.identity)]
    groups += [(profile.sequence,)] if profile.sequence else []
    for group in groups:
        if group and not present & set(group):
            lost.add(group[-1])
    # The package's own columns are all optional: any subset is a file.
    return set() if set(profile.per_record) >= set(PER_RECORD) else lost


def _refuse_without_needed(present: set[str], profile: SourceProfile, file: str) -> None:
    if not any(cell.column in present for alternatives in profile.times.values() for cell in alternatives):
        wanted = ", ".join(sorted(cell.column for alternatives in profile.times.values() for cell in alternatives))
        raise refuse("CDR_COLUMN_NEEDED", f"No time: the profile {profile.name} reads {wanted}.", file=file, line=1, column=wanted)
    if profile.layer == "BILLING" and not _called(profile, present):
        wanted = ", ".join(_called_columns(profile))
        raise refuse("CDR_COLUMN_NEEDED", f"No called number: the profile {profile.name} reads {wanted}.", file=file, line=1, column=wanted)
    missing = [cell.columns[0] for cell in profile.pairing.values() if profile.layer == "EVENTS" and not present & set(cell.columns)]
    if missing:
        raise Refusal(
            [problem("CDR_COLUMN_NEEDED", "Events cannot be paired without it.", file=file, line=1, column=name) for name in missing]
        )


def _called_columns(profile: SourceProfile) -> list[str]:
    return list(dict.fromkeys(name for leg in profile.legs for name in (*leg.b.columns, *leg.b_e164.columns)))


def _called(profile: SourceProfile, present: set[str]) -> bool:
    """Whether the first leg's called number is in the file."""
    first = profile.legs[0]
    return bool(present & {*first.b.columns, *first.b_e164.columns})
