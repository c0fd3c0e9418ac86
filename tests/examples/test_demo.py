"""The demonstration from an empty folder, as `make demo` runs it: every count and sum holds, and it is served."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from .two_carriers import EXAMPLE


@pytest.mark.slow
def test_the_demonstration_agrees_with_truth_and_oracle(tmp_path: Path) -> None:
    folder, result = tmp_path / "demo", tmp_path / "result.json"
    address = f"http://127.0.0.1:{(port := _free_port())}"
    command = [sys.executable, str(EXAMPLE / "demo.py"), "--folder", str(folder), "--json", str(result), "--port", str(port)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TOLLBOOK_") or name == "TOLLBOOK_CACHE"}
    running = subprocess.Popen(command, env={**environment, "SERVE": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    # Whatever happens, the pipe is closed in the end, and with it the reading below.
    stopped = threading.Timer(600, running.kill)
    stopped.start()
    try:
        printed = _until(running, f"Tollbook serves {folder / 'book'} at {address}")
        _is_served(address, re.search(r"Make the owner here, once: (\S+)", printed))
    finally:
        running.send_signal(signal.SIGINT)
        printed += running.communicate()[0]
        stopped.cancel()
    assert running.returncode == 0, printed[-4000:]
    found = json.loads(result.read_text(encoding="utf-8"))
    assert [check["name"] for check in found["checks"] if not check["holds"]] == []
    assert found["verified"]
    assert all(Path(place).exists() for place in found["places"].values())
    assert Path(found["places"]["sealed close"]).match("close-*.zip")
    assert len(list(folder.glob("documents/*.pdf"))) == 6
    assert found["peak_mb"] < 1024
    assert "14,551" in printed
    assert "UNEXPLAINED: 0.000000" in printed


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
    return port


def _until(running: subprocess.Popen[str], wanted: str) -> str:
    """What it printed up to a line; fails where it ends before."""
    assert running.stdout is not None
    printed = ""
    for line in running.stdout:
        printed += line
        if wanted in line:
            return printed
    raise AssertionError(printed[-4000:])


def _is_served(address: str, set_up: re.Match[str] | None) -> None:
    """The server that was announced answers, knows its book, and lets the first owner in."""
    assert set_up is not None
    # The line is printed before the port is open.
    for last in [False] * 300 + [True]:
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=10):
                break
        except OSError:
            if last:
                raise
            time.sleep(0.1)
    with urllib.request.urlopen(set_up[1], timeout=10) as page:
        assert "Make the owner" in page.read().decode()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine", encoding="utf-8")
    command = [sys.executable, str(EXAMPLE / "demo.py"), "--folder", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "is not empty" in done.stderr
    assert (tmp_path / "precious.txt").read_text(encoding="utf-8") == "mine"
