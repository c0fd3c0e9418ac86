"""What a page asks for: its forms with their fields as a browser would send them, and the addresses it leads to."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

NOT_SENT = {"submit", "button", "image", "reset", "file"}
VALUES = {"number": "1", "date": "2026-11-21", "password": "correct horse battery staple", "text": "some words", "search": "some words"}


@dataclass
class Form:
    """`fields` are sent as they stand; `buttons` are the ways to send it; `free` are those one may type into."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    free: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two forms the same one: a page with a form per row has one form."""
        return (urlsplit(self.action).path, *sorted(self.fields), *sorted(self.files), *(value for _, value in self.buttons))


class Reader(HTMLParser):
    """Reads one page."""

    def __init__(self, address: str, text: str) -> None:
        super().__init__()
        self.address, self.forms, self.links = address, list[Form](), list[str]()
        self._by_id: dict[str, Form] = {}
        self._loose: list[tuple[str, str, dict[str, str]]] = []
        self._open: Form | None = None
        self._select: tuple[Form, str] | None = None
        self.feed(text)
        for owner, tag, given in self._loose:
            if owner in self._by_id:
                self._field(self._by_id[owner], tag, given)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and given.get("href", "").startswith(("/", "?")):
            self.links.append(urljoin(self.address, given["href"]))
        elif tag == "form":
            action = urljoin(self.address, given.get("action", "") or self.address)
            self._open = Form(action, given.get("method", "get").lower())
            self.forms.append(self._open)
            if "id" in given:
                self._by_id[given["id"]] = self._open
        elif tag in ("input", "select", "textarea", "button"):
            if "form" in given:
                self._loose.append((given["form"], tag, given))
            elif self._open is not None:
                self._field(self._open, tag, given)
        elif tag == "option" and self._select and ("selected" in given or not self._select[0].fields.get(self._select[1])):
            form, name = self._select
            form.fields[name] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = None

    def _field(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name, kind = given.get("name", ""), given.get("type", "submit" if tag == "button" else "text")
        if not name or "disabled" in given:
            return
        if kind == "file":
            form.files.add(name)
        elif kind in NOT_SENT:
            form.buttons.append((name, given.get("value", "")))
        elif tag == "select":
            form.fields[name] = ""
            self._select = (form, name)
        elif kind in ("radio", "checkbox"):
            if name not in form.fields or "checked" in given:
                form.fields[name] = given.get("value", "on")
        else:
            form.fields[name] = given.get("value") or VALUES.get(kind, "some words" if kind != "hidden" else "")
            if kind != "hidden":
                form.free.add(name)


def parameters(address: str) -> list[str]:
    """The names of an address's parameters."""
    return [name for name, _ in parse_qsl(urlsplit(address).query, keep_blank_values=True)]
