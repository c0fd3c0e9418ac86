"""`tollbook serve`: the web application of a book."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import secrets
import sys
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from tollbook.cli.beside import WorkerBeside
from tollbook.core.problem import refuse

# Pages are answered in milliseconds; what holds a thread for long is a progress bar, and there are at most web.jobs.MOST_STREAMS of them.
THREADS = 16
NEEDED = ("allauth", "granian", "whitenoise", "prometheus_client")


def serve(
    book: Annotated[Path, typer.Option(help="The book's folder.")] = Path("book"),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
    public_url: Annotated[str, typer.Option(help="The address people type, where it is another one: https://tollbook.example")] = "",
    trust_proxy: Annotated[
        bool, typer.Option("--trust-proxy", help="A proxy of yours stands in front: believe its X-Forwarded headers.")
    ] = False,
    tls_certificate: Annotated[Path | None, typer.Option(help="Speak TLS here, with this certificate (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key (PEM).")] = None,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Start no worker beside the server: `tollbook worker` does the long work elsewhere.")
    ] = False,
) -> None:
    """Serve the book's web application until Ctrl-C, with a worker beside it for the long work that pages start.

    Example: tollbook serve --book demo/book
    """
    _check(book, host, public_url, trust_proxy, tls_certificate, tls_key)
    scheme = "https" if tls_certificate else "http"
    shown_host = f"[{host}]" if ":" in host else host
    address = public_url.rstrip("/") or f"{scheme}://{shown_host}:{port}"
    os.environ |= {
        "TOLLBOOK_BOOK": str(book.resolve()),
        "DJANGO_SETTINGS_MODULE": "tollbook.web.settings",
        "TOLLBOOK_PUBLIC_URL": address if (public_url or tls_certificate) else "",
        "TOLLBOOK_TRUST_PROXY": "1" if trust_proxy else "0",
        "TOLLBOOK_SERVE_PID": str(os.getpid()),
    }
    token = secrets.token_urlsafe(24)
    os.environ["TOLLBOOK_SETUP_TOKEN_SHA256"] = hashlib.sha256(token.encode()).hexdigest()
    if prepare():
        print(f"No one can log in yet. Make the owner here, once: {address}/set-up/{token}/", flush=True)
    print(f"Tollbook serves {book} at {address} (Ctrl-C stops it)", flush=True)
    beside = nullcontext() if no_worker else WorkerBeside(book.resolve())
    with beside:
        _run(host, port, workers, tls_certificate, tls_key)
    print("Stopped.", file=sys.stderr)


def needs_packages() -> None:
    """Refuses with SERVE_EXTRA where the web application is not installed."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise refuse("SERVE_EXTRA", f"Not installed: {', '.join(missing)}.")


def _check(book: Path, host: str, public_url: str, trust_proxy: bool, certificate: Path | None, key: Path | None) -> None:
    needs_packages()
    if not (book / "secret.key").is_file():
        raise refuse("BOOK_MISSING", file=str(book))
    if (certificate is None) != (key is None):
        raise refuse("SERVE_INSECURE", "--tls-certificate and --tls-key are given together.")
    for file in filter(None, (certificate, key)):
        if not file.is_file():
            raise refuse("FILE_MISSING", file=str(file))
    if trust_proxy and not public_url.startswith(("https://", "http://localhost", "http://127.0.0.1")):
        raise refuse("SERVE_INSECURE", "--trust-proxy goes with --public-url https://...: the address the proxy is reached by.")
    if not (_is_loopback(host) or trust_proxy or certificate):
        raise refuse("SERVE_INSECURE", f"On {host} passwords would cross the network in clear.", value=host)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def prepare() -> bool:
    """Brings the tables of log-in and sessions up to date; whether the book has no people yet."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)
    from tollbook.web.accounts.people import is_book_without_people

    return is_book_without_people()


def _run(host: str, port: int, workers: int, certificate: Path | None, key: Path | None) -> None:
    from granian import Granian
    from granian.constants import Interfaces
    from granian.errors import ConfigurationError

    try:
        Granian(
            "tollbook.web.wsgi:application",
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            workers=workers,
            blocking_threads=THREADS,
            backlog=512,
            log_enabled=False,
            ssl_cert=certificate,
            ssl_key=key,
            respawn_failed_workers=True,
            workers_kill_timeout=10,
        ).serve()
    except (OSError, RuntimeError, ConfigurationError) as error:
        raise refuse("SERVE_ADDRESS", f"{error}.", value=f"{host}:{port}") from error
