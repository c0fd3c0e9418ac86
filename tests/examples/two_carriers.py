"""Where the example book lies, and its modules on the path: they are scripts of the example, not part of the package."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "two-carriers"
if str(EXAMPLE) not in sys.path:
    sys.path.insert(0, str(EXAMPLE))


def written_down(name: str) -> dict[str, Any]:
    """planted.toml or expected.toml as committed."""
    return tomllib.loads((EXAMPLE / "oracle" / name).read_text(encoding="utf-8"))
