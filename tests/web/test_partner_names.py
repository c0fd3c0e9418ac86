"""People read a partner's name where programs are given its id."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tollbook.web.partner_names import names_of
from tollbook.web.table.columns import Column, with_names


def test_one_without_a_name_is_called_by_its_id(full_book: Path) -> None:
    from tollbook.store.models import Partner

    Partner.objects.filter(id="cirrus").update(name="")
    assert names_of(["aurora", "cirrus", None, "nobody"]) == {"aurora": "Aurora Voice", "cirrus": "cirrus"}
    assert names_of() == names_of(Partner.objects.values_list("id", flat=True))


@pytest.mark.parametrize(
    "address",
    ["/documents/", "/disputes/", "/exceptions/", "/decks/", "/users/", "/calls/", "/traffic/calls/", "/reconciliation/", "/partners/"],
)
def test_a_table_shows_the_name_and_no_id_as_a_cell(full_book: Path, log_in: Callable[[str], Any], address: str) -> None:
    client = log_in("owner")
    assert "Aurora Voice" in client.get(address).content.decode()
    exported = b"".join(client.get(f"{address}?t-export=csv").streaming_content).decode("utf-8-sig")
    partners = {row["Partner"] for row in csv.DictReader(io.StringIO(exported))}
    assert "Aurora Voice" in partners
    assert "aurora" not in partners


def test_only_columns_of_partners_change() -> None:
    columns = (Column("partner", "Partner", field="partner_id", filter="exact"), Column("partner", "Partner"), Column("name", "Name"))
    named = with_names(columns)
    assert [each.source for each in named] == ["partner_name", "partner", "name"]
    assert named[0].filter == "text"
    assert with_names((Column("partner", "Partner", field="partner_id"),))[0].filter == ""
