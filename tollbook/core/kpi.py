"""Key figures of traffic: what is counted per attempt, and the ratios made from sums. Source and worked numbers: docs/rules/kpi.md.

Ratios are exact fractions of sums, never averages of ratios: routes with 50 answers of 100 and 1 of 1 have an ASR of 51/101.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Final

# Why an attempt ended, as classes of Q.850 causes. docs/rules/kpi.md, "Causes".
ANSWER: Final = "ANSWER"
BUSY: Final = "BUSY"
NO_ANSWER: Final = "NO_ANSWER"
REJECT: Final = "REJECT"
ABANDONED: Final = "ABANDONED"
NUMBER: Final = "NUMBER"
CONGESTION: Final = "CONGESTION"
SERVICE: Final = "SERVICE"
PROTOCOL: Final = "PROTOCOL"
OTHER: Final = "OTHER"
CAUSES: Final = (ANSWER, BUSY, NO_ANSWER, REJECT, ABANDONED, NUMBER, CONGESTION, SERVICE, PROTOCOL, OTHER)
# What says that the network delivered the call to the far end, whether or not anybody took it.
DELIVERED: Final = frozenset({ANSWER, BUSY, NO_ANSWER, REJECT})

_Q850_OF_CLASS: Final = {
    BUSY: (17,),
    NO_ANSWER: (18, 19),
    REJECT: (20, 21),
    ABANDONED: (16, 31),
    NUMBER: (1, 2, 3, 22, 28),
    CONGESTION: (34, 38, 41, 42, 43, 44, 47),
    SERVICE: (29, 50, 55, 57, 58, 63, 65, 69, 70, 79, 88),
    PROTOCOL: (*range(95, 112), 127),
}
Q850_CLASS: Final = {cause: name for name, causes in _Q850_OF_CLASS.items() for cause in causes}
# RFC 3398, section 8.2.6.1; 487 has no cause of its own there: the caller gave up.
SIP_Q850: Final = {
    **dict.fromkeys((401, 402, 403, 407, 603), 21),
    **dict.fromkeys((404, 485, 604), 1),
    **dict.fromkeys((408, 504), 102),
    **dict.fromkeys((400, 481, 500, 503), 41),
    **dict.fromkeys((406, 415, 501), 79),
    **dict.fromkeys((413, 414, 416, 420, 421, 423, 505, 513), 127),
    **dict.fromkeys((482, 483), 25),
    **dict.fromkeys((486, 600), 17),
    405: 63,
    410: 22,
    480: 18,
    484: 28,
    487: 16,
    502: 38,
}
# After ringing these mean that nobody took the call, whatever they say elsewhere.
RUNG_OUT_SIP: Final = frozenset({408, 480, 487})
RUNG_OUT_Q850: Final = frozenset({16, 31, 102})

SHORT_S: Final = (6, 15)
# Upper edges of the classes of post-dial delay, inclusive; the last class is open.
PDD_EDGES_MS: Final = (500, 1_000, 2_000, 3_000, 4_000, 6_000, 8_000, 10_000, 15_000, 20_000)
PDD_CLASSES: Final = tuple(f"pdd_{number:02d}" for number in range(len(PDD_EDGES_MS) + 1))
# Below so many seizures a share says nothing, and no alarm is shown.
FEWEST_SEIZURES: Final = 200


def cause_class(answered: bool, alerted: bool, q850: int | None, sip_code: int | None) -> str:
    """Why an attempt ended: the alert decides first, then the Q.850 cause, then the SIP code.

    A ring-no-answer comes back from a gateway as 408 and then as cause 102, which would count as a failure of the network.
    """
    if answered:
        return ANSWER
    if alerted and (sip_code in RUNG_OUT_SIP or q850 in RUNG_OUT_Q850):
        return NO_ANSWER
    cause = q850 if q850 is not None else SIP_Q850.get(sip_code) if sip_code is not None else None
    return Q850_CLASS.get(cause, OTHER) if cause is not None else OTHER


@dataclass(frozen=True, slots=True)
class Sums:
    """Additive counts of attempts. Durations are milliseconds; `delivered` are the attempts whose cause is in DELIVERED."""

    seizures: int = 0
    answers: int = 0
    delivered: int = 0
    conversation_ms: int = 0
    holding: int = 0  # attempts whose whole holding time is known
    holding_ms: int = 0
    short_6: int = 0
    short_15: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(Sums)})

    @property
    def asr(self) -> Fraction | None:
        """Answer-seizure ratio (ITU-T E.411, E.425)."""
        return ratio(self.answers, self.seizures)

    @property
    def ner(self) -> Fraction | None:
        """Network effectiveness ratio (ITU-T E.425): delivered to the far end, of all seizures."""
        return ratio(self.delivered, self.seizures)

    @property
    def acd_ms(self) -> Fraction | None:
        """Average conversation of an answered call."""
        return ratio(self.conversation_ms, self.answers)

    @property
    def mht_ms(self) -> Fraction | None:
        """Mean holding time of a seizure, answered or not, where it is known."""
        return ratio(self.holding_ms, self.holding)

    @property
    def sdr(self) -> Fraction | None:
        """Share of the answered calls that last at most six seconds."""
        return ratio(self.short_6, self.answers)

    @property
    def fas_index(self) -> Fraction | None:
        """Answers of at most fifteen seconds against attempts without an answer; false answers raise it."""
        return ratio(self.short_15, self.seizures - self.answers)


def ratio(part: int, whole: int) -> Fraction | None:
    """The exact share; None where there is no whole."""
    return Fraction(part, whole) if whole else None


def abr(answers: int, bids: int) -> Fraction | None:
    """Answer-bid ratio (ITU-T E.425): a bid that was refused before a seizure counts too."""
    return ratio(answers, bids)


def margin_share(revenue_micros: int, cost_micros: int) -> Fraction | None:
    """Margin as a share of the revenue; both in one currency."""
    return ratio(revenue_micros - cost_micros, revenue_micros)


def markup_share(revenue_micros: int, cost_micros: int) -> Fraction | None:
    """Margin as a share of the cost."""
    return ratio(revenue_micros - cost_micros, cost_micros)


def pdd_within_ms(counts: Sequence[int], share: Fraction) -> int | None:
    """The edge within which a share of the attempts rang: the median with 1/2. None where nothing rang, or beyond the last edge.

    The classes are sums, so the answer is an upper bound as fine as they are; a mean of medians would be wrong.
    """
    total = sum(counts)
    reached = 0
    for count, edge in zip(counts, PDD_EDGES_MS, strict=False):
        reached += count
        if total and reached >= share * total:
            return edge
    return None


# Share in per cent: amber from, red from; docs/rules/kpi.md, "When a figure is marked". NER is bad when low, the others when high.
_LOW: Final = {"ner": (Fraction(92, 100), Fraction(85, 100))}
_HIGH: Final = {"sdr": (Fraction(15, 100), Fraction(25, 100)), "fas_index": (Fraction(1, 4), Fraction(1, 2))}


def alarm(name: str, sums: Sums) -> str:
    """`amber`, `red` or nothing for one figure of these sums; nothing below FEWEST_SEIZURES."""
    value: Fraction | None = getattr(sums, name)
    if value is None or sums.seizures < FEWEST_SEIZURES:
        return ""
    if name in _LOW:
        amber, red = _LOW[name]
        return "red" if value < red else "amber" if value < amber else ""
    amber, red = _HIGH[name]
    return "red" if value > red else "amber" if value > amber else ""


def alarm_bound(name: str, mark: str) -> tuple[str, Fraction]:
    """What a figure that is marked `amber` or `red` is on the wrong side of: `below` or `above`, and the share."""
    side, bounds = ("below", _LOW[name]) if name in _LOW else ("above", _HIGH[name])
    return side, bounds[mark == "red"]


def alarm_against(now: Fraction | None, before: Fraction | None, seizures: int) -> str:
    """The same for a fall of the ASR against the same hours a week before: a fifth is amber, two fifths are red."""
    if now is None or not before or seizures < FEWEST_SEIZURES:
        return ""
    fall = 1 - now / before
    return "red" if fall >= Fraction(2, 5) else "amber" if fall >= Fraction(1, 5) else ""
