"""The waterfall chart: where bars begin and end, when totals are cut, and that texts are safe."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from hypothesis import given
from hypothesis import strategies as st

from tollbook.formats.report.waterfall import Step, chart, lowest

SVG = "{http://www.w3.org/2000/svg}"


def bars(steps: list[Step], width: int = 960) -> list[tuple[str, float, float]]:
    drawing = ElementTree.fromstring(
        str(chart(steps, "Title", width=width)).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    )
    found = drawing.findall(f"{SVG}g/{SVG}rect")
    return [(each.attrib["class"], float(each.attrib["x"]), float(each.attrib["x"]) + float(each.attrib["width"])) for each in found]


def test_each_bar_starts_where_the_one_before_ended() -> None:
    total, plus, minus, end = bars(
        [Step("Ours", 100, "100", total=True), Step("More", 50, "+50"), Step("Less", -30, "-30"), Step("Theirs", 120, "120", total=True)]
    )
    assert [each[0] for each in (total, plus, minus, end)] == ["wf-total", "wf-plus", "wf-minus", "wf-total"]
    assert total[2] == plus[1]
    assert abs(plus[2] - minus[2]) < 0.02
    assert abs(minus[1] - end[2]) < 0.02


def test_small_differences_of_large_totals_cut_the_totals() -> None:
    steps = [Step("Ours", 51_318, "", total=True), Step("More", 12, ""), Step("Theirs", 51_330, "", total=True)]
    assert lowest(steps) > 51_000
    assert str(chart(steps, "Cut")).count("wf-tear") == 2
    even = [Step("Ours", 10, "", total=True), Step("More", 12, ""), Step("Theirs", 22, "", total=True)]
    assert lowest(even) == 0
    assert "wf-tear" not in str(chart(even, "Whole"))


def test_texts_are_escaped_and_the_chart_says_itself_to_those_who_cannot_see_it() -> None:
    drawing = str(chart([Step('<script>"x"</script>', 1, "1", total=True)], "A & B"))
    assert "<script>" not in drawing
    assert 'role="img"' in drawing
    assert "A &amp; B: &lt;script&gt;" in drawing


def test_what_is_unexplained_is_hatched() -> None:
    assert re.search(r'class="wf-unexplained" style="fill:url\(#hatch-', str(chart([Step("Unexplained", 1, "1", unexplained=True)], "T")))


values = st.integers(-(10**15), 10**15)


@given(values, st.lists(values, max_size=8), st.sampled_from([960, 358]))
def test_every_bar_lies_inside_the_chart(start: int, differences: list[int], width: int) -> None:
    steps = [Step("Ours", start, "", total=True), *(Step("x", each, "") for each in differences)]
    steps.append(Step("Theirs", start + sum(differences), "", total=True))
    for _, left, right in bars(steps, width):
        assert 0 <= left <= right <= width


def test_the_same_steps_draw_the_same_picture() -> None:
    steps = [Step("Ours", 1, "1", total=True)]
    assert chart(steps, "Title") == chart(steps, "Title")
    assert str(chart([], "Empty")).startswith("<svg")
