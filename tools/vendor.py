"""Fetch the web application's vendored files again from the npm registry and write their manifest.

    python tools/vendor.py          fetch, write files, their compressed forms and MANIFEST.toml
    python tools/vendor.py --check  compare what is here with the manifest (the tests do the same, offline)

Only this script needs npm; nobody who installs Tollbook does. Nothing is built: files are taken as they are published, except the
icon sheet, which is the listed icons of Tabler joined into one file.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "tollbook" / "web" / "static" / "vendor"
TEST_VENDOR = ROOT / "tests" / "web" / "vendor"
COMPRESSED = {".css", ".js", ".svg"}

# Package and version: licence, and where each published file goes.
PACKAGES: dict[tuple[str, str], tuple[str, dict[str, str]]] = {
    ("@tabler/core", "1.6.1"): ("MIT", {"dist/css/tabler.min.css": "tabler/tabler.min.css"}),
    ("@fontsource-variable/inter", "5.3.0"): (
        "OFL-1.1",
        {
            "files/inter-latin-wght-normal.woff2": "inter/inter-5.3.0-latin.woff2",
            "files/inter-latin-ext-wght-normal.woff2": "inter/inter-5.3.0-latin-ext.woff2",
            "LICENSE": "inter/LICENSE.txt",
        },
    ),
    ("@tabler/icons", "3.51.0"): ("MIT", {"LICENSE": "icons/LICENSE.txt"}),
    ("htmx.org", "4.0.1"): ("0BSD", {"dist/htmx.min.js": "htmx/htmx.min.js", "LICENSE": "htmx/LICENSE.txt"}),
    ("echarts", "6.1.0"): (
        "Apache-2.0",
        {
            "dist/echarts.common.min.js": "echarts/echarts.common.min.js",
            "LICENSE": "echarts/LICENSE.txt",
            "NOTICE": "echarts/NOTICE.txt",
            "licenses/LICENSE-d3": "echarts/LICENSE-d3.txt",
        },
    ),
}
# For the tests only; never part of the package.
TEST_PACKAGES: dict[tuple[str, str], tuple[str, dict[str, str]]] = {
    ("axe-core", "4.14.1"): ("MPL-2.0", {"axe.min.js": "axe.min.js", "LICENSE": "LICENSE.txt"}),
}
ICONS = [
    "adjustments-horizontal",
    "alert-triangle",
    "arrow-back-up",
    "arrow-down",
    "arrow-right",
    "arrow-up",
    "arrows-diff",
    "book-2",
    "calendar-event",
    "calendar-stats",
    "check",
    "chevron-down",
    "chevron-left",
    "chevron-right",
    "circle-check",
    "clock-hour-4",
    "command",
    "copy",
    "database-import",
    "download",
    "external-link",
    "eye",
    "file-invoice",
    "file-text",
    "filter",
    "gavel",
    "help-circle",
    "home",
    "key",
    "layout-dashboard",
    "link",
    "list-check",
    "list-search",
    "lock",
    "logout",
    "mail",
    "menu-2",
    "moon",
    "phone",
    "phone-call",
    "plus",
    "receipt-2",
    "refresh",
    "report-money",
    "route",
    "scale",
    "search",
    "server-2",
    "settings",
    "shield-check",
    "shield-lock",
    "sitemap",
    "sun",
    "table-export",
    "timeline",
    "trash",
    "upload",
    "user",
    "user-plus",
    "users",
    "wallet",
    "x",
    "zoom-question",
]


def _fetch(name: str, version: str, folder: Path) -> dict[str, bytes]:
    """The files of a published package by their path in it."""
    shown = subprocess.run(["npm", "pack", "--silent", f"{name}@{version}"], cwd=folder, check=True, capture_output=True, text=True)
    archive = folder / shown.stdout.strip().splitlines()[-1]
    with tarfile.open(archive) as tar:
        return {
            member.name.removeprefix("package/"): handle.read()
            for member in tar
            if member.isfile() and (handle := tar.extractfile(member)) is not None
        }


def _icon_sheet(files: dict[str, bytes]) -> bytes:
    """The listed outline icons as symbols of one SVG, `sheet.svg#name`."""
    symbols = []
    for name in ICONS:
        text = files[f"icons/outline/{name}.svg"].decode()
        inner = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
        inner = re.sub(r"^.*?<svg[^>]*>|</svg>\s*$", "", inner, flags=re.DOTALL)
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{" ".join(inner.split())}</symbol>')
    return ('<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n").encode()


def _write(folder: Path, packages: dict[tuple[str, str], tuple[str, dict[str, str]]]) -> list[str]:
    """Write the wanted files and return the manifest's lines."""
    lines: list[str] = []
    for (name, version), (licence, wanted) in packages.items():
        with tempfile.TemporaryDirectory() as scratch:
            files = _fetch(name, version, Path(scratch))
        made = {target: files[source] for source, target in wanted.items()}
        if name == "@tabler/icons":
            made["icons/sheet.svg"] = _icon_sheet(files)
        for target, data in made.items():
            path = folder / target
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            if path.suffix in COMPRESSED and folder == VENDOR:
                _compress(path, data)
            digest = hashlib.sha256(data).hexdigest()
            fields = {"path": target, "package": f"{name}@{version}", "licence": licence, "sha256": digest}
            lines += ["[[file]]", *(f'{key} = "{value}"' for key, value in fields.items()), f"size = {len(data)}", ""]
    return lines


def _compress(path: Path, data: bytes) -> None:
    """The same file as browsers take it, beside it: compressed once here instead of at every start."""
    import brotli

    Path(f"{path}.br").write_bytes(brotli.compress(data, quality=11))
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as out:
        out.write(data)
    Path(f"{path}.gz").write_bytes(packed.getvalue())


def check(folder: Path = VENDOR) -> list[str]:
    """What differs between the files and the manifest, one sentence each; nothing where all agree."""
    import tomllib

    manifest = tomllib.loads((folder / "MANIFEST.toml").read_text(encoding="utf-8"))
    listed = {entry["path"]: entry["sha256"] for entry in manifest["file"]}
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".br", ".gz")}
    found.pop("MANIFEST.toml", None)
    differences = [f"{name} is not in the manifest" for name in sorted(found.keys() - listed.keys())]
    differences += [f"{name} is missing" for name in sorted(listed.keys() - found.keys())]
    for name in sorted(found.keys() & listed.keys()):
        if hashlib.sha256(found[name].read_bytes()).hexdigest() != listed[name]:
            differences.append(f"{name} was changed")
    return differences


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        differences = check() + check(TEST_VENDOR)
        print("\n".join(differences) or "Every vendored file is as its manifest says.")
        return int(bool(differences))
    about = "# Files of others, as published; written by tools/vendor.py. Tests compare the digests.\n\n"
    for folder, packages in ((VENDOR, PACKAGES), (TEST_VENDOR, TEST_PACKAGES)):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "MANIFEST.toml").write_text(about + "\n".join(_write(folder, packages)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
