"""The application a server loads: `tollbook.web.wsgi:application`."""

from __future__ import annotations

import os
import threading
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tollbook.web.settings")

from django.core.wsgi import get_wsgi_application

from tollbook.web.ready import make_ready

PARENT_VARIABLE = "TOLLBOOK_SERVE_PID"


def _leave_with(parent: int) -> None:
    """A worker whose parent was killed leaves too, instead of holding the port for nobody."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


if os.environ.get(PARENT_VARIABLE, "") == str(os.getppid()):
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True, name="parent-watch").start()

application = get_wsgi_application()

# Everything a page needs is loaded before the first one is asked for; the compiled price function alone takes seconds to import.
make_ready()
