"""Every address. Those of allauth are named one by one: sign-up, e-mail and reset by mail do not exist here."""

from __future__ import annotations

from allauth.account import views as account
from django.urls import URLPattern, URLResolver, include, path, register_converter
from django.views.generic import TemplateView

from tollbook.web import (
    call,
    calls,
    close,
    close_start,
    collection,
    deck_changes,
    decks,
    document_lines,
    documents,
    downloads,
    exceptions,
    home,
    jobs,
    journal,
    metrics,
    overview,
    partners,
    reconciliation,
    search,
    tokens,
    traffic,
    traffic_calls,
    uploads,
    users,
)
from tollbook.web import dispute as disputes
from tollbook.web.accounts.views import AcceptInvitation, SetUp


class RecordId:
    """32 hexadecimal digits; anything else is no address at all."""

    regex = "[0-9a-f]{32}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class Number:
    """A number of at most 18 digits: what a database column holds, and nothing that overflows one."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(RecordId, "digest")
register_converter(Number, "number")

handler400 = "tollbook.web.errors.bad_request"
handler403 = "tollbook.web.errors.forbidden"
handler404 = "tollbook.web.errors.not_found"
handler500 = "tollbook.web.errors.failed"

ACCOUNT: list[URLPattern | URLResolver] = [
    path("set-up/<str:token>/", SetUp.as_view(), name="set-up"),
    path("invitation/<str:uid>/<str:token>/", AcceptInvitation.as_view(), name="invitation"),
    path("account/login/", account.login, name="account_login"),
    path("account/logout/", account.logout, name="account_logout"),
    path("account/inactive/", account.account_inactive, name="account_inactive"),
    path("account/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("account/password/", account.password_change, name="account_change_password"),
    # Where the log-in page points those without an account: there is no form behind it.
    path("account/by-invitation/", TemplateView.as_view(template_name="web/by_invitation.html"), name="account_signup"),
    path("account/second-factor/", include("allauth.mfa.urls")),
]
MACHINE: list[URLPattern | URLResolver] = [
    path("healthz", metrics.healthz, name="healthz"),
    path("readyz", metrics.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
]
PAGES: list[URLPattern | URLResolver] = [
    path("", home.Home.as_view(), name="home"),
    path("search/", search.Suggest.as_view(), name="search"),
    path("overview/", overview.Overview.as_view(), name="overview"),
    path("reconciliation/", reconciliation.Reconciliations.as_view(), name="reconciliation"),
    path("reconciliation/<path:scope>/calls/", reconciliation.Pairs.as_view(), name="pairs"),
    path("reconciliation/<path:scope>/", reconciliation.Waterfall.as_view(), name="waterfall"),
    path("exceptions/", exceptions.Exceptions.as_view(), name="exceptions"),
    path("exceptions/<str:pk>/", exceptions.OneException.as_view(), name="exception"),
    path("disputes/", disputes.Disputes.as_view(), name="disputes"),
    path("disputes/<str:pk>/", disputes.OneDispute.as_view(), name="dispute"),
    path("disputes/<str:pk>/pack/", disputes.Pack.as_view(), name="dispute-pack"),
    path("partners/", partners.Partners.as_view(), name="partners"),
    path("partners/<str:pk>/", partners.OnePartner.as_view(), name="partner"),
    path("agreements/<number:pk>/", partners.OneAgreement.as_view(), name="agreement"),
    path("agreements/<number:pk>/file/", downloads.AgreementDocument.as_view(), name="agreement-file"),
    path("documents/", documents.Documents.as_view(), name="documents"),
    path("documents/<number:pk>/", documents.OneDocument.as_view(), name="document"),
    path("documents/<number:pk>/file/", documents.File.as_view(), name="document-file"),
    path("documents/<number:pk>/calls/", downloads.Annex.as_view(), name="document-annex"),
    path("documents/<number:pk>/lines/", document_lines.Lines.as_view(), name="document-lines"),
    path("documents/<number:pk>/lines/<number:line>/", document_lines.Calls.as_view(), name="document-line"),
    path("closes/", close.Closes.as_view(), name="closes"),
    path("closes/start/", close_start.StartClose.as_view(), name="close-start"),
    path("closes/<number:pk>/", close.OneClose.as_view(), name="close"),
    path("closes/<number:pk>/pack/", close.Pack.as_view(), name="close-pack"),
    path("traffic/", traffic.Traffic.as_view(), name="traffic"),
    path("traffic/calls/", traffic_calls.TrafficCalls.as_view(), name="traffic-calls"),
    path("ingest/", uploads.Ingest.as_view(), name="ingest"),
    path("jobs/", jobs.Jobs.as_view(), name="jobs"),
    path("jobs/<digest:pk>/", jobs.OneJob.as_view(), name="job"),
    path("jobs/<digest:pk>/events/", jobs.Events.as_view(), name="job-events"),
    path("sources/", collection.Sources.as_view(), name="sources"),
    path("sources/<str:source>/", collection.Source.as_view(), name="source"),
    path("sources/<str:source>/<str:digest>/", collection.File.as_view(), name="source-file"),
    path("sources/<str:source>/<str:digest>/file/", downloads.Records.as_view(), name="source-records"),
    path("calls/", calls.Calls.as_view(), name="calls"),
    path("calls/<digest:cdr_id>/", call.Call.as_view(), name="call"),
    path("decks/", decks.Decks.as_view(), name="decks"),
    path("decks/send/", uploads.SendDecks.as_view(), name="send-decks"),
    path("decks/<number:pk>/", decks.OneDeck.as_view(), name="deck"),
    path("decks/<number:pk>/file/", downloads.RateSheet.as_view(), name="deck-file"),
    path("decks/<number:pk>/changes/", deck_changes.Changes.as_view(), name="deck-changes"),
    path("decks/<number:pk>/lookup/", deck_changes.Lookup.as_view(), name="deck-lookup"),
    path("journal/", journal.Entries.as_view(), name="journal"),
    path("journal/<number:seq>/", journal.Row.as_view(), name="journal-row"),
    path("users/", users.Users.as_view(), name="users"),
    path("users/invite/", users.Invite.as_view(), name="invite"),
    path("users/one/<str:name>/", users.OneUser.as_view(), name="user"),
    path("users/tokens/", tokens.Tokens.as_view(), name="tokens"),
    path("users/tokens/new/", tokens.NewToken.as_view(), name="new-token"),
    path("users/tokens/one/<str:name>/", tokens.OneToken.as_view(), name="token"),
]
# Named by its module's name, since the API is built upon the pages and not the other way round.
API: list[URLPattern | URLResolver] = [path("api/", include("tollbook.api.urls"))]
urlpatterns = [*MACHINE, *ACCOUNT, *PAGES, *API]
