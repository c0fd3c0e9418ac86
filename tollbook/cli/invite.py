"""`tollbook invite`: the address by which somebody sets a password, without a browser; also the way back in for a locked-out owner."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tollbook.cli.book import BookOption, JsonOption
from tollbook.cli.output import print_json
from tollbook.core.problem import refuse
from tollbook.core.rights import Role


def invite(
    name: Annotated[str, typer.Argument(help="The user's name, for instance the e-mail address.")],
    role: Annotated[Role | None, typer.Option(help="As what. Needed for who is new.")] = None,
    partner: Annotated[str, typer.Option(help="Of the role partner: whose documents and disputes.")] = "",
    book: BookOption = None,
    public_url: Annotated[str, typer.Option(help="The address people type.")] = "http://127.0.0.1:8000",
    as_json: JsonOption = False,
) -> None:
    """Print the address by which somebody sets a password: it works once, and for three days.

    Somebody who is known already gets a new one without --role: the old password, second factor and sessions no longer count. Whoever may
    write the book's folder may do this, so that an owner who lost everything is never locked out.

    Example: tollbook invite mara@boreal.example --role billing --book book --public-url https://tollbook.example
    """
    from tollbook.cli.serve import needs_packages, prepare

    folder = (book or Path(os.environ.get("TOLLBOOK_BOOK") or "book")).resolve()
    needs_packages()
    if not (folder / "secret.key").is_file():
        raise refuse("BOOK_MISSING", file=str(folder))
    os.environ |= {"TOLLBOOK_BOOK": str(folder), "DJANGO_SETTINGS_MODULE": "tollbook.web.settings"}
    prepare()
    # Only now: what knows the book's database is read with the settings of the application.
    from django.urls import reverse

    from tollbook.flow.book import local_actor
    from tollbook.store.models import User
    from tollbook.web.accounts import people

    is_known = User.objects.filter(name=name, kind="PERSON").exists()
    if is_known and role is None:
        account = people.invite_again(local_actor(), name)
    elif role is None:
        raise refuse("USER_UNKNOWN", "Nobody has this name yet; say --role for an invitation.", value=name)
    else:
        account = people.invite(local_actor(), name, role, partner or None)
    address = public_url.rstrip("/") + reverse("invitation", args=people.invitation_of(account).split("/", 1))
    if as_json:
        print_json({"name": name, "is_new": not is_known, "address": address})
    else:
        typer.echo(address)
