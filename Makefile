# Everything here does its own set-up in .venv; nothing is installed elsewhere and no root is needed.
.DELETE_ON_ERROR:
.PHONY: demo test check lint format bench lock clean help
SHELL := /bin/sh

SERVE ?= 1
PORT ?= 8000
# Tests run on every core; a file's tests stay together, because they share what they prepared.
WORKERS ?= auto
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p && break; done)
BIN := .venv/bin
# uv must never try to download an interpreter, and one machine's settings must not reach into the build.
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# uv brings certificates of its own; behind a company's proxy only the machine's are right.
CERTIFICATES := $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt))
ifneq ($(CERTIFICATES),)
export SSL_CERT_FILE ?= $(CERTIFICATES)
endif

help:
	@echo "make demo          a month of two carriers, closed and verified (SERVE=0: no server at the end; PORT=8000)"
	@echo "make test          every test this machine can run without root; says what it skipped"
	@echo "make check         format, types, layers, repository lint, fast tests: under a minute"
	@echo "make bench         rating and matching beside other ways of doing the same work, and every page"

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Tollbook needs Python 3.11 or newer; none was found."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Tollbook needs Python 3.11 or newer; $(PYTHON) is older."; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python has no venv module here: on Debian, install python3-venv."; rm -rf .venv; exit 1; }

# uv inside the environment is the fast way; pip with the same hashes is the way that always works.
.venv/.stamp-run: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Setting up .venv ..."
	@($(BIN)/python -m pip install --quiet uv && $(BIN)/uv pip install --quiet -r requirements.lock) \
	  || $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --no-deps -e . || $(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $@

.venv/.stamp-dev: requirements-dev.lock .venv/.stamp-run
	@$(BIN)/uv pip install --quiet -r requirements-dev.lock || $(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

# The compiled functions are kept per user; warmed here, they are no part of anybody's first run.
.venv/.stamp-warm: .venv/.stamp-run $(wildcard tollbook/core/*.py tollbook/engine/*.py)
	@echo "Compiling the price function for this machine ..."
	@$(BIN)/python -m tollbook.cli.warm
	@touch $@

demo: .venv/.stamp-warm
	@SERVE=$(SERVE) $(BIN)/python examples/two-carriers/demo.py --port $(PORT)

test: .venv/.stamp-dev .venv/.stamp-warm
	$(BIN)/python -m pytest -rs -n $(WORKERS) --dist loadfile

lint: .venv/.stamp-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

# The rules themselves, the formats and the lint of the repository: what one wants to know before every commit.
check: lint .venv/.stamp-warm
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow" tests/core tests/formats tests/test_tidy.py

bench: .venv/.stamp-dev .venv/.stamp-warm
	$(BIN)/tollbook bench rating
	$(BIN)/tollbook bench matching
	$(BIN)/tollbook bench truth
	$(BIN)/tollbook bench web

format: .venv/.stamp-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(BIN)/python
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile -q --no-header --generate-hashes --extra dev --extra web --extra postgres --extra bench pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile -q --no-header --generate-hashes --extra web pyproject.toml -c requirements-dev.lock -o requirements.lock

clean:
	rm -rf .venv demo .mypy_cache .ruff_cache .pytest_cache
