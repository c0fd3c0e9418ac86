"""Problems of the web application's server."""

from tollbook.core.problems.kinds import Kind, Severity

KINDS: dict[str, Kind] = {
    "SERVE_ADDRESS": Kind(Severity.FATAL, "The server cannot listen there.", "Choose another --port, or stop what listens on this one."),
    "SERVE_EXTRA": Kind(Severity.FATAL, "The web application's packages are not installed.", "Install them: pip install 'tollbook[web]'."),
    "SERVE_INSECURE": Kind(
        Severity.FATAL,
        "This would send passwords in clear.",
        "Put a TLS proxy in front and give --trust-proxy and --public-url, or give --tls-certificate and --tls-key.",
    ),
}
