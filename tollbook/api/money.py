"""What reconciliation found, what is disputed, what is exposed: the three sums of the CFO's first page."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from tollbook.api.fields import Exact
from tollbook.api.models import Amount, LeftOut, amounts, left_out
from tollbook.api.operation import page_for, reads
from tollbook.core.rights import Right
from tollbook.web import exposure, figures
from tollbook.web.management import Management, management
from tollbook.web.page import Scope

router = Router(tags=["overview"])


class Counted(Schema):
    """How many there are and what they come to."""

    number: int
    amount_micros: Exact = Field(description="Their sum in the management currency by today's rates, without what is left out.")
    parts: list[Amount] = Field(description="The same by currency, as it is; the largest first.")


class Part(Schema):
    """What of a sum is in one currency."""

    currency: str = Field(description="ISO 4217 code.")
    amount_micros: Exact = Field(description="10^-6 of the currency, as a string of digits.")


class Exposed(Schema):
    """What we stand to lose if nothing were paid any more."""

    amount_micros: Exact = Field(description="In the management currency by today's rates, without what is left out.")
    parts: list[Part] = Field(description="The same by currency, as it is.")


class MoneyDetail(Schema):
    """Three sums over all partners. The first two are null for a token without the right to read disputes."""

    currency: str = Field(description="ISO 4217 code of the management currency.")
    rates: str = Field(description="By which exchange rates, in words; empty where nothing had to be converted.")
    left_out: list[LeftOut] = Field(description="What no rate is known for, of all three sums together; it stands in their parts.")
    found: Counted | None = Field(
        description="Differences above their budget, decided or not. What a later run of a period replaced does not count again."
    )
    disputed: Counted | None = Field(description="Disputes that were raised and are not settled.")
    exposed: Exposed = Field(description="Owed to us and not paid, with what is not billed yet and what is held back.")


@reads(
    router,
    "/money",
    right=Right.READ_LEDGER,
    scope=Scope.OPERATOR,
    gives=MoneyDetail,
    summary="What was found, is disputed and is exposed.",
)
def money(request: HttpRequest) -> Schema:
    """In the management currency and as it is. Line by line they are GET /api/v1/exceptions, GET /api/v1/disputes and
    GET /api/v1/exposure."""
    converter = management()
    sees_disputes = page_for(request).may(Right.READ_DISPUTES)
    found = _counted(figures.by_currency(figures.found_exceptions(), "amount_micros"), converter) if sees_disputes else None
    disputed = _counted(figures.by_currency(figures.open_disputes(), "disputed_micros"), converter) if sees_disputes else None
    lines = exposure.by_currency()
    total = converter.total((each.currency, each.amount_micros) for each in lines)
    parts = [Part(currency=each.currency, amount_micros=str(each.amount_micros)) for each in lines]
    return MoneyDetail(
        currency=converter.currency,
        rates=converter.sentence,
        left_out=left_out(converter.left_out),
        found=found,
        disputed=disputed,
        exposed=Exposed(amount_micros=str(total), parts=parts),
    )


def _counted(found: list[figures.Amount], converter: Management) -> Counted:
    total = converter.total((each.currency, each.amount_micros) for each in found)
    return Counted(number=sum(each.number for each in found), amount_micros=str(total), parts=amounts(found))
