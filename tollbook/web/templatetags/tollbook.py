"""Amounts, instants, icons and addresses as templates write them. Figures are formatted here and nowhere else."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tollbook.core.money import HALF_EVEN, SIXTIETHS_PER_MICRO, divide_rounded, format_scaled, parse_scaled
from tollbook.core.rights import Right, Role, allowed
from tollbook.web import account_words as account
from tollbook.web import words
from tollbook.web.templating import asset as asset_address

register = template.Library()
# What an empty page names as a command is a page too: command, right, address, label; the first that fits.
FIRST_STEPS = (
    ("tollbook ingest", Right.INGEST, "ingest", "Ingest files"),
    ("tollbook ingest deck", Right.WRITE_DECKS, "send-decks", "Send decks"),
    ("tollbook ingest agreements decks", Right.WRITE_DECKS, "send-decks", "Send decks"),
    ("tollbook close", Right.CLOSE, "close-start", "Close a period"),
)
ICONS = "vendor/icons/sheet.svg"


@register.simple_tag
def asset(name: str) -> str:
    """The address of a static file."""
    return asset_address(name)


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """An icon of the sheet; decoration only, so hidden from screen readers."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>', extra, asset_address(ICONS), name
    )


@register.simple_tag
def money(amount_micros: int | None, currency: str = "") -> SafeString:
    """An amount to the minor unit of its currency, the exact one in the title."""
    if amount_micros is None:
        return format_html('<span class="text-secondary">{}</span>', "–")
    shown = words.money(amount_micros, currency)
    tone = " negative" if amount_micros < 0 else ""
    unit = format_html(' <span class="unit">{}</span>', currency) if currency else ""
    return format_html(
        '<span class="figure{}" title="{}">{}{}</span>', tone, words.money_exact(amount_micros, currency).replace("-", "−"), shown, unit
    )


@register.filter
def instant(milliseconds: int | None) -> SafeString | str:
    """Milliseconds UTC as 2026-11-22 03:19."""
    if milliseconds is None:
        return "–"
    return _time(milliseconds, *words.instant(milliseconds).split(" "))


@register.filter
def moment(milliseconds: int | None) -> SafeString | str:
    """Milliseconds UTC to the second, as calls are told apart: 2026-11-22 03:19:07."""
    return "–" if milliseconds is None else _time(milliseconds, *words.moment(milliseconds).split(" "))


def _time(milliseconds: int, day: str, clock: str) -> SafeString:
    """The day is a piece of its own, which is never broken at its hyphens."""
    exact = words.instant_iso(milliseconds), words.instant_exact(milliseconds)
    return format_html('<time datetime="{}" title="{}"><span>{}</span> {}</time>', *exact, day, clock)


@register.filter
def count(number: int | None) -> str:
    """1,234,567."""
    return "–" if number is None else f"{number:,}"


@register.filter
def minutes(duration_ms: int | None) -> str:
    """Milliseconds as minutes with one decimal, in integers."""
    return "–" if duration_ms is None else words.minutes(duration_ms)


@register.filter
def duration(milliseconds: int) -> str:
    """How long something takes or took: 12 s, 3 min 20 s."""
    return words.duration(milliseconds)


@register.filter
def digest(value: str | None) -> SafeString | str:
    """The beginning of a digest, the whole in the title."""
    return format_html('<code class="digest" title="{}">{}</code>', value, value[:12]) if value else "–"


@register.filter
def digest_copy(value: str | None) -> SafeString | str:
    """The beginning of a digest beside a button that copies the whole."""
    if not value:
        return "–"
    return format_html(
        '<span class="digest-copy"><code title="{}">{}…</code>'
        '<button type="button" class="copy" data-copy="{}" aria-label="{}">{}{}</button></span>',
        value,
        value[:16],
        value,
        "Copy the whole digest",
        icon("copy", "is-copy"),
        icon("check", "is-copied"),
    )


@register.filter
def scope(value: str, partner: str = "") -> str:
    """A run's scope in words, with the partner's name where it is known."""
    return words.scope(value, partner or "")


@register.filter
def aged(name: str) -> str:
    """A bucket of an ageing in words."""
    if name == "current":
        return "not due yet"
    return f"over {name.removesuffix('+')} days ago" if name.endswith("+") else f"{name.replace('-', ' to ')} days ago"


@register.filter
def action(value: str) -> str:
    """What a journal row did."""
    return words.action(value)


@register.filter
def subject(value: str) -> str:
    """What a journal row was about."""
    return words.subject(value)


@register.filter
def step(value: str) -> str:
    """A step of a price in words."""
    return words.step(str(value))


@register.filter
def human(value: Any) -> str:
    """A word of a closed list for people: UNDER_REVIEW becomes Under review."""
    return words.human(str(value)) if value not in (None, "") else "–"


@register.filter
def rounding(value: str) -> str:
    """An agreement's rounding as a sentence."""
    return words.rounding(str(value))


@register.filter
def increments(value: str) -> str:
    """Billing increments in words."""
    return words.increments(str(value))


@register.filter
def tone(state: str) -> str:
    """The colour of a state's badge."""
    return words.tone(str(state))


@register.simple_tag
def badge(state: str) -> SafeString:
    """A word of a closed list as a badge in the colour of its meaning."""
    about = format_html(' title="{}"', meaning) if (meaning := words.meaning(str(state))) else ""
    return format_html('<span class="badge badge-{}"{}>{}</span>', words.tone(str(state)), about, words.human(str(state)))


@register.simple_tag
def cell_rate(rate_nanos: int | None) -> str:
    """A rate per minute, at least four decimals."""
    return "–" if rate_nanos is None else format_scaled(rate_nanos, 9, 4).replace("-", "−")


@register.simple_tag
def money_60th(exact_60th_nanos: int, currency: str = "") -> SafeString:
    """An exact sum of 1/60 nanos, shown as an amount."""
    return money(divide_rounded(exact_60th_nanos, SIXTIETHS_PER_MICRO, HALF_EVEN), currency)


@register.simple_tag
def percent(part: int, whole: int) -> str:
    """A share with one decimal."""
    return words.percent(part, whole)


@register.simple_tag
def decimal(amount: str, currency: str = "") -> SafeString:
    """An amount of a summary, where sums are decimal texts of up to six places."""
    return money(parse_scaled(str(amount), 6), currency)


@register.simple_tag
def share(value: Fraction | None) -> str:
    """An exact share in per cent with one decimal; a dash where there is none."""
    return "–" if value is None else f"{words.share(value)} %"


@register.simple_tag
def seconds(value_ms: Fraction | int | None) -> str:
    """Milliseconds as seconds with one decimal."""
    return "–" if value_ms is None else f"{words.length(value_ms)} s"


@register.filter
def to_int(text: str) -> int:
    """A whole number that stands as text in a document's content."""
    return int(text)


@register.filter
def class_label(name: str) -> str:
    """A class or cause of a difference in words."""
    return words.class_label(name)


@register.filter
def document_name(row: Any) -> str:
    """The number people know a document by: its own, else series and number."""
    content = row.content if isinstance(row.content, dict) else {}
    return str(content.get("number") or f"{row.series}-{row.number:04d}")


@register.filter(is_safe=True)
def account_words(text: Any) -> str:
    """A text of the log-in's package as the rest of the application speaks."""
    return account.said(str(text))


@register.filter
def without_placeholder(field: Any) -> Any:
    """A field whose label says it already."""
    field.field.widget.attrs.pop("placeholder", None)
    return field


@register.simple_tag(takes_context=True)
def verified(context: Any, text: str) -> str:
    """A check of a verification, with what it is about in words, and partners by their names where the page has them."""
    return words.verified(text, context.get("names") or {})


@register.simple_tag(takes_context=True)
def first_step(context: Any, command: str) -> dict[str, str] | None:
    """The page that does what a command does, for a viewer who may: where it is and what its button says."""
    viewer = context.get("viewer")
    for begins, right, name, label in FIRST_STEPS:
        if viewer is not None and command.startswith(begins) and viewer.partner is None and allowed(viewer, right):
            return {"address": reverse(name), "label": label}
    return None


@register.filter
def calls(number: int) -> str:
    """How many calls, in words: 1 call, 9,076 calls."""
    return words.calls(number)


@register.filter
def dates(text: Any) -> SafeString:
    """A text whose days and periods are not broken."""
    return words.dates(text)


@register.filter
def lower_first(text: str) -> str:
    """A label inside a sentence."""
    return words.lower_first(str(text))


@register.simple_tag(takes_context=True)
def document_kind(context: Any, kind: str) -> str:
    """A kind of document in the words of who looks."""
    viewer = context.get("viewer")
    return words.document_kind(kind, to_partner=viewer is not None and viewer.role is Role.PARTNER)


@register.filter
def named(key: str, names: dict[str, str]) -> str:
    """A partner by its name, where the page has it."""
    return names.get(key, key)


@register.filter
def field_label(name: str) -> str:
    """The name of a column of the canonical record in words."""
    return words.field(name)
