# Two commands on a fresh machine with python3 (3.11 to 3.14, with its venv module) and make: `make sandbox`, `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help sandbox tour test browser check crash races replicas outage pictures docs format lock clean audit
help:
	@echo "make sandbox   try Recoup in the browser, without any account"
	@echo "make tour      the same as a short play in the terminal"
	@echo "make test      the tests"
	@echo "make browser   the sandbox's page in a headless Chromium, which has to be installed"
	@echo "make check     ruff, mypy, import-linter"
	@echo "make crash     the crash proof: killed at every point, on both databases, with providers of every kind"
	@echo "make races     two processes at the same moment, and a worker that stood still past its lease"
	@echo "make replicas  three replicas on one PostgreSQL, killed, stopped and restarted under load"
	@echo "make outage    the outage proof: every line of the bot broken on purpose"
	@echo "make audit     known weaknesses of the locked dependencies (asks PyPI)"
	@echo "make pictures  take the pictures in docs/ again (needs Chromium)"
	@echo "make docs      write docs/settings.md, docs/providers.md and README's table again, from the code"
	@echo "make lock      resolve the lock files again (needs uv)"

sandbox: $(VENV)/.run
	$(BIN)/recoup sandbox

tour: $(VENV)/.run
	$(BIN)/recoup sandbox --headless

test: $(VENV)/.test
	$(BIN)/python -m pytest -q -n auto --dist worksteal

browser: $(VENV)/.test
	$(BIN)/python -m pytest -q tests/browser

check: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# pip-audit asks PyPI about every locked version; it has a virtual environment of its own, for it is no part of the bot.
audit: $(VENV)-audit/bin/pip-audit
	$(VENV)-audit/bin/pip-audit --requirement requirements.lock --strict --disable-pip --require-hashes --progress-spinner off

$(VENV)-audit/bin/pip-audit: | $(VENV)/.python
	$(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/python -m pip install --quiet pip-audit==2.10.1

crash: $(VENV)/.test
	$(BIN)/python -m tests.crash --full

races: $(VENV)/.test
	$(BIN)/python -m tests.races

replicas: $(VENV)/.test
	$(BIN)/python -m tests.replicas

outage: $(VENV)/.test
	$(BIN)/python -m tests.outage

pictures: $(VENV)/.test
	$(BIN)/python -m tests.browser.pictures

docs: $(VENV)/.test
	$(BIN)/python -m tests.settings_page > docs/settings.md
	$(BIN)/python -m tests.providers_page

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
		|| { echo "Recoup needs Python 3.11 to 3.14; $(PYTHON) is `$(PYTHON) --version 2>&1`. Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "$(PYTHON) lacks its venv module; install it (on Debian: apt install python3-venv)."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/.python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: tests/requirements.lock $(VENV)/.run
	$(BIN)/python -m pip install --quiet --require-hashes -r tests/requirements.lock
	@touch $@

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header
lock:
	$(LOCK) pyproject.toml --group build -o requirements.lock
	$(LOCK) pyproject.toml --group build --group test -o tests/requirements.lock

clean:
	rm -rf $(VENV) $(VENV)-audit
