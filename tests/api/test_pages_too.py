"""What a page shows, an operation gives: traffic, the overview, a partner's figures, decks, the calls behind a line, what happened."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from web import seed, test_deck_changes, test_money_pages
from web.test_invoice_lines import received

from tollbook.api import deck_changes, document_lines, exposure, overview, received_lines, traffic
from tollbook.core.explanation import LegPrice
from tollbook.web.traffic import VIEWS

from .conftest import ApiClient

Api = Callable[..., ApiClient]
MODULES = (deck_changes, document_lines, exposure, overview, received_lines, traffic)


def test_key_figures_with_money_for_who_may_see_it(full_book: Path, api: Api) -> None:
    (line,) = api("owner").items("traffic")
    # 250 attempts, 130 answered, 90 busy: 220 were delivered.
    assert (line["key"], line["seizures"], line["answers"]) == ("B-IC01", 250, 130)
    assert (line["asr_ppm"], line["ner_ppm"], line["sdr_ppm"]) == (520_000, 880_000, 100_000)
    assert (line["acd_ms"], line["conversation_ms"]) == (61_000, 130 * 61_000)
    (without,) = api("noc").items("traffic")
    assert [without[name] for name in ("revenue_micros", "cost_micros", "margin_micros", "margin_ppm", "currency")] == [None] * 5
    assert {name: value for name, value in without.items() if value is not None} == {
        name: value for name, value in line.items() if without[name] is not None
    }
    for hidden in ("sort=margin_micros", "sort=-cost_micros"):
        response = api("noc").get(f"traffic?{hidden}")
        assert (response.status_code, response.json()["code"]) == (422, "API_PARAMETER")
        assert api("owner").get(f"traffic?{hidden}").status_code == 200


def test_traffic_by_each_of_its_dimensions(full_book: Path, api: Api) -> None:
    client = api("owner")
    for by in VIEWS:
        lines = client.items(f"traffic?by={by}")
        assert sum(line["seizures"] for line in lines) == 250, by
        assert len({line["key"] for line in lines}) == len(lines)
    assert [line["key"] for line in client.items("traffic?by=hour&sort=name")] == ["10", "11"]
    assert [line["seizures"] for line in client.items("traffic?by=hour&hour=11")] == [30]
    assert [line["seizures"] for line in client.items("traffic?by=trunk&leg=IN")] == [40]
    seen, path = [], "traffic?by=cause&sort=asr_ppm&limit=1"
    while path:
        page = client.get(path).json()
        seen += [line["key"] for line in page["items"]]
        path = f"traffic?by=cause&sort=asr_ppm&limit=1&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert sorted(seen) == ["ANSWER", "BUSY", "CONGESTION"]


def test_the_records_behind_a_figure_come_window_after_window(full_book: Path, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from tollbook.web import traffic_calls

    client = api("owner")
    path = "traffic/calls?from=2026-10-25&to=2026-11-21"
    whole = [(row["call"], row["leg"], row["leg_no"]) for row in client.items(f"{path}&limit=1000")]
    assert whole
    monkeypatch.setattr(traffic_calls, "MOST_RECORDS", 1)
    seen, asked, pages = [], path, 0
    while asked:
        page = client.get(asked).json()
        seen += [(row["call"], row["leg"], row["leg_no"]) for row in page["items"]]
        asked, pages = (f"{path}&cursor={page['next_cursor']}" if page["next_cursor"] else ""), pages + 1
    assert seen == whole
    assert api("cfo").get("traffic/calls").status_code in (200, 403)


def test_an_empty_book_has_no_traffic(empty_book: Path, api: Api) -> None:
    client = api("owner")
    assert client.items("traffic") == client.items("traffic/calls") == []
    found = client.get("overview").json()
    assert (found["days"], found["total"]["margin_micros"], found["left_out"]) == ([], "0", [])


def test_the_overview_is_what_the_page_adds_up(full_book: Path, api: Api) -> None:
    found = api("cfo").get("overview").json()
    assert found["days"]
    for name in ("revenue_micros", "cost_micros", "margin_micros"):
        assert int(found["total"][name]) == sum(int(day[name]) for day in found["days"])
    for day in found["days"]:
        assert int(day["margin_micros"]) == int(day["revenue_micros"]) - int(day["cost_micros"])
    usage = [row for row in api("owner").items("usage?limit=1000") if row["currency"] == "USD"]
    dollars = api("cfo").get("overview?currency=USD").json()
    assert dollars["currency"] == "USD"
    days = {day["day"] for day in dollars["days"]}
    revenue = sum(int(row["amount_micros"]) for row in usage if row["leg"] == "IN" and row["day"] in days)
    assert int(dollars["total"]["revenue_micros"]) == revenue
    from tollbook.core.rights import Right

    margins_alone = api("cfo", [Right.READ_MARGIN]).get("overview").json()
    assert (margins_alone["exceptions"], margins_alone["disputes"]) == (None, None)
    assert found["disputes"]["number"] >= 1


def test_a_partners_sum_names_what_has_no_rate(full_book: Path, api: Api) -> None:
    """The book is managed in USD and has no rate of the euro."""
    test_money_pages._usage("EUR", 80_000_000)
    lines = {line["partner"]: line for line in api("cfo").get("overview").json()["partners"]}
    assert lines["latvox"]["left_out"] == [{"currency": "EUR", "amount_micros": "80000000"}]
    assert lines["latvox"]["amount_micros"] == "0"
    assert lines["aurora"]["left_out"] == []


def test_exposure_and_its_age_are_the_same_money(full_book: Path, api: Api) -> None:
    from tollbook.store.models import Document, Partner, Posting

    aurora = Partner.objects.get(id="aurora")
    invoice = Document.objects.filter(partner=aurora, kind="INVOICE").get()
    lines: dict[str, Any] = {"document": invoice, "partner": aurora, "booked_at": 0, "value_on": seed.DAY, "entry_no": 1}
    for number, (account, currency, debit, credit, state) in enumerate(
        [
            ("1200", "USD", 50, 0, "POSTED"),
            ("1200", "USD", 0, 20, "POSTED"),
            ("1200", "USD", 7, 0, "PENDING"),
            ("2100", "EUR", 0, 90, "POSTED"),
        ]
    ):
        amounts = {"currency": currency, "debit_micros": debit, "credit_micros": credit, "state": state}
        Posting.objects.create(**lines, line_no=number, account=account, **amounts)
    client = api("billing")
    everybodys = client.items("exposure")
    assert [line["currency"] for line in everybodys] == ["EUR", "USD"]
    assert (everybodys[0]["owed_micros"], everybodys[1]["unpaid_micros"], everybodys[1]["held_micros"]) == ("90", "30", "7")
    exposures = {line["currency"]: line for line in client.items("partners/aurora/exposure")}
    ages = client.items("partners/aurora/ageing")
    names = ("unpaid_micros", "held_micros", "owed_micros")
    assert [exposures["USD"][name] for name in names] == ["30", "7", "0"]
    assert [exposures["EUR"][name] for name in names] == ["0", "0", "90"]
    for currency, line in exposures.items():
        own = [each for each in ages if each["currency"] == currency]
        assert [each["bucket"] for each in own] == ["current", "1-30", "31-60", "61-90", "90+"]
        assert sum(int(each["owed_to_us_micros"]) for each in own) == int(line["unpaid_micros"])
        assert sum(int(each["owed_by_us_micros"]) for each in own) == int(line["owed_micros"])
        parts = sum(int(line[f"{name}_micros"]) for name in ("unpaid", "unbilled", "held"))
        assert int(line["total_micros"]) == parts
    assert client.get("partners/nobody/exposure").status_code == 404
    scores = {each["name"] for each in client.get("partners/aurora/scorecard").json()["scores"]}
    assert "Matched" in scores
    assert not {"Matched", "Disputed"} & {each["name"] for each in api("routes").get("partners/aurora/scorecard").json()["scores"]}


def test_found_disputed_exposed(full_book: Path, api: Api) -> None:
    """Two exceptions and one dispute of each partner; nordtel's two weeks are billed by nobody yet: 11 x 100 and 7 more each day back."""
    from tollbook.core.rights import Right
    from tollbook.store.models import ExceptionCase

    ExceptionCase.objects.filter(partner="cirrus").update(state="SUPERSEDED")
    test_money_pages._usage("EUR", 80_000_000)
    found = api("cfo").get("money").json()
    assert (found["currency"], found["rates"], found["left_out"]) == ("USD", "", [{"currency": "EUR", "amount_micros": "80000000"}])
    assert found["found"] == {
        "number": 2,
        "amount_micros": "4312180000",
        "parts": [{"currency": "USD", "number": 2, "amount_micros": "4312180000"}],
    }
    assert (found["disputed"]["number"], found["disputed"]["amount_micros"]) == (2, "8624360000")
    unbilled = sum(1_100 + 7 * day for day in range(14)) * 1_000_000
    parts = [{"currency": "EUR", "amount_micros": "80000000"}, {"currency": "USD", "amount_micros": str(unbilled)}]
    assert found["exposed"] == {"amount_micros": str(unbilled), "parts": parts}
    assert [line["total_micros"] for line in api("cfo").items("exposure")] == ["80000000", str(unbilled)]
    ledger_alone = api("cfo", [Right.READ_LEDGER]).get("money").json()
    assert (ledger_alone["found"], ledger_alone["disputed"], ledger_alone["exposed"]) == (None, None, found["exposed"])
    for who in ("noc", "routes"):
        assert api(who).get("money").status_code == api(who).get("exposure").status_code == 403


def test_what_a_version_changes_and_which_row_wins(full_book: Path, api: Api) -> None:
    first, second = test_deck_changes._second_version(full_book)
    client = api("routes")
    found = {row["code"]: row for row in client.items(f"decks/{second}/changes")}
    assert {code: (row["change"], row["notice"] or "") for code, row in found.items()} == {
        "63": ("DECREASE", ""),
        "639": ("INCREASE", "too short"),
        "6391": ("NEW", ""),
    }
    assert (found["639"]["old_rate_nanos_per_minute"], found["639"]["new_rate_nanos_per_minute"]) == ("145000000", "160000000")
    assert client.items(f"decks/{first}/changes") == []
    assert len(client.items(f"decks/{first}/changes?against={second}")) == 3
    summary = client.get(f"decks/{second}/changes/summary").json()
    # Received on the 22nd at noon, and an increase needs seven days.
    assert (summary["against"], summary["notice_days"], summary["earliest_increase_at"]) == (first, 7, "2026-11-29T00:00:00.000Z")
    assert {each["change"]: (each["codes"], each["too_short"]) for each in summary["counts"]} == {
        "DECREASE": (1, 0),
        "INCREASE": (1, 1),
        "NEW": (1, 0),
    }
    none = client.get(f"decks/{first}/changes/summary").json()
    assert (none["against"], none["earliest_increase_at"], none["counts"]) == (None, None, [])
    assert client.get(f"decks/{first}/changes/summary?against={second}").json()["against"] == second
    assert client.get(f"decks/{first}/changes/summary?against=0").status_code == 404
    assert client.get(f"decks/{second}").json()["zone"] == "UTC"
    from tollbook.store.models import Deck, Partner

    unclaimed = Deck.objects.get(pk=second)
    unclaimed.pk, unclaimed.partner_id, unclaimed.deck_id = None, "nordtel", "nordtel-az"
    Partner.objects.get_or_create(id="nordtel")
    unclaimed.save()
    assert client.get(f"decks/{unclaimed.pk}").json()["zone"] is None
    asked = f"decks/{second}/look-up?number=%2B63+917+1234567&at=2026-11-24T00:00Z&known_at="
    now, before = (client.get(f"{asked}{known}").json() for known in ("2026-12-01T00:00Z", "2026-11-22T11:00Z"))
    (wins,) = [each for each in now["candidates"] if each["prices_it"]]
    # The increase of the 23rd has its notice on the 29th only, so the first version's row still prices it.
    assert (wins["code"], wins["rate_nanos_per_minute"], wins["deck"]) == ("639", "145000000", first)
    assert now["known_at"] == "2026-12-01T00:00:00.000Z"
    assert {each["deck"] for each in before["candidates"]} <= {first}


def test_a_call_has_what_its_legs_and_differences_are_made_of(full_book: Path, api: Api) -> None:
    found = api("billing").get(f"calls/{seed.FIRST_ID.hex()}").json()
    (leg,) = found["prices"]
    # 61 s are billed as two minutes at 0.145.
    assert (leg["code"], leg["destination"], leg["billed_s"]) == ("639", "Philippines mobile", 120)
    assert (leg["rate_nanos_per_minute"], leg["amount_micros"]) == ("145000000", "290000")
    (difference,) = found["differences"]
    assert (difference["destination"], difference["clause"], difference["clause_title"]) == ("Philippines mobile", "A3.5", "Rate notices")
    from tollbook.api import calls

    assert set(calls.LegPrice.model_fields) == set(LegPrice.__slots__)


def test_how_far_a_search_looks(full_book: Path, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from tollbook.store.models import Segment
    from tollbook.web import calls

    client = api("noc")
    assert client.get("calls/reach").json() == {"records": 2, "first_day": "2026-11-21", "last_day": "2026-11-21", "left_day": None}
    assert client.get("calls/reach?to=2026-11-01").json()["records"] == 0
    other = Segment.objects.get(kind="cdr", side="OURS")
    other.digest, other.day = seed.digest("another segment"), dt.date(2026, 11, 19)
    other.save(force_insert=True)
    monkeypatch.setattr(calls, "MOST_SEGMENTS", 1)
    assert client.get("calls/reach").json() == {"records": 2, "first_day": "2026-11-21", "last_day": "2026-11-21", "left_day": "2026-11-19"}
    earlier = client.get("calls/reach?to=2026-11-19&from=2026-11-01").json()
    assert (earlier["records"], earlier["first_day"], earlier["left_day"]) == (1, "2026-11-19", None)
    assert client.get("calls/reach?from=soon").status_code == 422


def test_a_line_is_the_sum_of_its_calls(full_book: Path, api: Api) -> None:
    from tollbook.store.models import Document

    pk = Document.objects.get(kind="INVOICE", partner_id="aurora").pk
    client = api("auditor")
    (line,) = client.items(f"documents/{pk}/lines")
    calls = client.items(f"documents/{pk}/lines/1/calls")
    assert [call["call"] for call in calls] == [seed.FIRST_ID.hex(), seed.THEIR_ID.hex()]
    assert line["calls"] == 2
    assert line["billed_ms"] == sum(call["billed_s"] for call in calls) * 1000
    assert client.get(f"documents/{pk}/lines/1").json()["holds"] is True
    theirs = api("partner", partner="aurora")
    assert theirs.items(f"documents/{pk}/lines/1/calls") == calls
    for path in ("lines", "lines/1", "lines/1/calls"):
        assert api("partner", partner="cirrus").get(f"documents/{pk}/{path}").status_code == 404


def test_why_a_suppliers_line_differs(full_book: Path, api: Api) -> None:
    base = f"documents/{received(full_book).pk}/received-lines"
    client = api("billing")
    lines = {line["number"]: line for line in client.items(base)}
    # The seed's comparison has 0.02 for Philippines mobile, of which the invoice has two lines; Germany agrees.
    assert {number: line["difference_micros"] for number, line in lines.items()} == {1: "20000", 2: "0", 3: "20000"}
    assert [line["amount_micros"] for line in lines.values()] == ["600000", "200000", "100000"]
    assert [line["minutes_ms"] for line in lines.values()] == [120_000, 600_000, 60_000]
    assert (lines[1]["rate_nanos_per_minute"], lines[1]["codes"]) == ("300000000", "639")
    assert lines[2]["cause"] is None
    found = client.get(f"{base}/1").json()
    assert found["lines_of_destination"] == [1, 3]
    assert (found["destination_amount_micros"], found["difference_micros"], found["expected_micros"]) == ("700000", "20000", "680000")
    assert sum(int(cause["amount_micros"]) for cause in found["causes"]) == 20_000
    assert found["causes"][0]["cause"] == lines[1]["cause"] == "RATE"
    assert found["causes"][0]["clause"] == "A3.5"
    pairs = client.items(f"reconciliations/{found['reconciliation']}/pairs?destination=Philippines+mobile&cause=RATE")
    assert len(pairs) == found["causes"][0]["calls"]
    assert sum(int(pair["amount_micros"]) for pair in pairs) == int(found["causes"][0]["amount_micros"])
    for path in (f"{base}/4", f"{base}/999999999999999999", base.replace("received", "")):
        assert client.get(path).status_code == 404


def test_a_partner_has_its_lines_without_the_comparison(full_book: Path, api: Api) -> None:
    base = f"documents/{received(full_book).pk}/received-lines"
    theirs = api("partner", partner="aurora")
    assert [(line["number"], line["difference_micros"], line["cause"]) for line in theirs.items(base)] == [
        (number, None, None) for number in (1, 2, 3)
    ]
    assert theirs.get(f"{base}/1").status_code == 403
    assert api("partner", partner="cirrus").get(base).status_code == 404


def test_a_file_says_from_when_to_when_its_calls_are(full_book: Path, api: Api) -> None:
    client = api("noc")
    (file,) = client.items("sources/aurora/files")
    found = client.get(f"sources/aurora/files/{file['digest']}").json()
    assert (found["first_call_at"], found["last_call_at"]) == ("2026-11-21T10:00:00.000Z", "2026-11-21T10:00:00.000Z")
    (problem,) = client.items(f"sources/aurora/files/{file['digest']}/problems")
    assert (problem["code"], problem["reason"], problem["remedy"]) == ("CDR_FIELD_MISSING", "The field is empty.", "x")


def test_a_clause_has_its_number_where_its_text_is_not_in_the_book(full_book: Path, api: Api) -> None:
    from tollbook.store.models import Dispute, ExceptionCase

    client, case = api("billing"), seed.digest("aurora RATE_VARIANCE")
    known = {"number": "A3.5", "title": "Rate notices", "text": "An increase needs 7 calendar days of notice."}
    places = (f"exceptions/{case}", "disputes/D-aurora-2026-11")
    assert [client.get(place).json()["clause"] for place in places] == [known, known]
    for rows in (ExceptionCase.objects, Dispute.objects):
        rows.update(clause="B9.9")
    assert [client.get(place).json()["clause"] for place in places] == [{"number": "B9.9", "title": "", "text": ""}] * 2
    for rows in (ExceptionCase.objects, Dispute.objects):
        rows.update(clause="")
    assert [client.get(place).json()["clause"] for place in places] == [None, None]
    (agreement,) = client.items("agreements?partner=aurora")
    assert client.get(f"agreements/{agreement['id']}").json()["file_name"] == "aurora.toml"


def test_what_happened_is_a_list(full_book: Path, api: Api) -> None:
    case, client = seed.digest("aurora RATE_VARIANCE"), api("owner")
    client.post("exceptions/comments", {"exceptions": [case], "text": "Ask them."})
    (event,) = client.items(f"exceptions/{case}/events")
    assert (event["number"], event["kind"], event["remark"]) == (1, "COMMENT", "Ask them.")
    path = "disputes/D-aurora-2026-11"
    theirs = api("partner", partner="aurora")
    step: dict[str, Any] = {"event": "acknowledge", "reason": "Ours to see.", "seen_state": "SUBMITTED"}
    assert client.post(f"{path}/steps", step, Idempotency_Key="e-1").status_code == 200
    ours, told = client.items(f"{path}/events"), theirs.items(f"{path}/events")
    assert [each["number"] for each in ours] == [each["number"] for each in told]
    assert ours[-1]["actor"] is not None
    assert told[-1]["actor"] is None
    detail = theirs.get(path).json()["events"]
    assert [{name: each[name] for name in detail[0]} for each in told] == detail
