"""The worker that `tollbook serve` keeps beside the server: started, started again where it dies, ended with it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

from tollbook.cli.worker import PARENT_VARIABLE

LONGEST_PAUSE_S: Final = 60
# Work goes back into the queue at its next step; a step that takes longer is cut off, and done again by the next worker.
PATIENCE_S: Final = 15


class WorkerBeside:
    """One worker process for the book, for as long as the block lasts."""

    def __init__(self, book: Path, command: tuple[str, ...] = ()) -> None:
        self._command = command or (sys.executable, "-m", "tollbook", "worker", "--book", str(book))
        self._end = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, daemon=True, name="worker-beside")
        self.starts = 0

    def __enter__(self) -> WorkerBeside:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join(PATIENCE_S)

    def _keep(self) -> None:
        pause_s = 1
        while not self._end.is_set():
            # A group of its own: Ctrl-C at the terminal is for the server, which then ends the worker in its turn.
            self._process = subprocess.Popen(
                self._command, env={**os.environ, PARENT_VARIABLE: str(os.getpid())}, start_new_session=True, stdin=subprocess.DEVNULL
            )
            self.starts += 1
            if self._end.is_set():
                self._process.terminate()
            code = self._process.wait()
            if self._end.is_set():
                return
            print(f"The worker ended with {code}; the next one starts in {pause_s} s.", file=sys.stderr, flush=True)
            self._end.wait(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
