"""Renders a report: one HTML file that needs nothing else, neither network nor script. See docs/guides/reconcile-two-files.md.

Everything that comes from data is escaped: a called number may hold anything a switch was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tollbook.formats.report import numbers, waterfall

FILTERS = (
    *("count", "money", "quiet_money", "signed_money", "minutes", "quiet_minutes", "signed_minutes", "seconds"),
    *("percent", "instant", "short_digest", "is_nothing"),
)


def render(template: str, context: Mapping[str, Any]) -> str:
    """The text of a report: `template` is a name in formats/report/templates, `context` what it shows."""
    return environment().get_template(template).render(**context)


@cache
def environment() -> Environment:
    """The one set-up of the templates: autoescape on, an unknown name is an error, the number filters, style and charts."""
    built = Environment(
        loader=PackageLoader("tollbook.formats.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in FILTERS:
        built.filters[name] = getattr(numbers, name)
    built.filters["words"] = words
    built.globals["share"] = numbers.share
    built.globals["stylesheet"] = stylesheet
    built.globals["waterfall_chart"] = waterfall.chart
    built.globals["Step"] = waterfall.Step
    return built


def words(name: str) -> str:
    """A name of a closed list as people read it: DURATION_VARIANCE is Duration variance."""
    return name.replace("_", " ").capitalize()


@cache
def stylesheet() -> Markup:
    """The style of every report, inline: ours alone, so it is safe as it stands."""
    return Markup(files("tollbook.formats.report").joinpath("templates", "style.css").read_text(encoding="utf-8"))  # noqa: S704
