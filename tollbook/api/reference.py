"""The page that shows what the API offers: every operation with its right, from the same document that programs read."""

from __future__ import annotations

from typing import Any

from tollbook.api.application import ABOUT, PREFIX, TAGS, document
from tollbook.core.rights import Right, allowed
from tollbook.web.page import Page, Scope, may_see


class Reference(Page):
    """All operations, and which of them the viewer's role could use."""

    right, scope = None, Scope.PERSON
    template, title = "web/api.html", "What the API offers"

    def context(self) -> dict[str, Any]:
        return {
            "about": [each.replace("`", "") for each in ABOUT[1:]],
            "address": self.request.build_absolute_uri(f"{PREFIX}/"),
            "document_address": f"{PREFIX}/openapi.json",
            "sees_tokens": may_see(self.viewer, Right.READ_USERS, Scope.OPERATOR),
            "groups": [self._group(name, about) for name, about in TAGS.items()],
        }

    def _group(self, name: str, about: str) -> dict[str, Any]:
        found = [
            self._operation(path, method.upper(), each)
            for path, methods in document()["paths"].items()
            for method, each in methods.items()
            if name in each.get("tags", [])
        ]
        return {"name": name, "about": about, "operations": found}

    def _operation(self, path: str, method: str, found: dict[str, Any]) -> dict[str, Any]:
        rights = [Right(each) for each in (found.get("x-right") or "").split(" or ") if each]
        return {
            "path": path,
            "method": method,
            "summary": found["summary"],
            "about": found.get("description", ""),
            "right": " or ".join(str(each) for each in rights),
            "is_open": not rights or any(allowed(self.viewer, each, self.viewer.partner) for each in rights),
            "parameters": [
                {
                    "name": each["name"],
                    "where": "" if each["in"] == "query" else f"({each['in']})",
                    "about": each.get("description") or each.get("schema", {}).get("description", ""),
                    "required": each.get("required", False),
                }
                for each in found.get("parameters", [])
            ],
        }
