# The menu of OpsMantik Box. Needs make, git and Python >= 3.11 with venv; everything else goes into $(VENV).

VENV ?= .venv
DATA ?= data
HOST ?= 127.0.0.1
PORT ?= 8787
FAULT_KILLS ?= 1000
FAULT_IMAGES ?= 20
FAULT_EXAMPLES ?= 2000
SOAK_EVENTS ?= 10000

# The first Python on this machine that is new enough and can make an environment.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --quiet --disable-pip-version-check
LOCKED := $(PIP) install --require-hashes
UV_COMPILE := $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

.DEFAULT_GOAL := help
.PHONY: help run test tools browser smoke fault bench lint types wheel lock service clean

help: ## this menu
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/.run ## install if needed, then serve on 127.0.0.1:8787 with a first site (DATA=, HOST=, PORT=)
	@exec $(VENV)/bin/opsmantik-box serve --data "$(DATA)" --host $(HOST) --port $(PORT) --first-site

test: $(VENV)/.dev tools ## every test: import contracts, then pytest (ARGS= goes to pytest)
	@$(VENV)/bin/lint-imports --no-cache
	@exec $(PY) -m pytest $(ARGS)

tools:
	@tests/install

browser: $(VENV)/.dev tools ## the tracker in a real Chromium: the soak at full length (SOAK_EVENTS=10000), its costs held to the millisecond
	@BROWSER_STRICT=1 SOAK_EVENTS=$(SOAK_EVENTS) $(PY) -m pytest tests/browser --timeout=3600 $(ARGS)

smoke: $(VENV)/.dev tools ## the smoke tests (ARGS=proofs|events|offline, SMOKE_URL=a live page, DATA=a running Box's folder)
	@DATA="$(DATA)" $(PY) -m tests.browser.smoke $(ARGS)

fault: $(VENV)/.dev ## the fault tests at full length (FAULT_KILLS=1000 FAULT_IMAGES=20 FAULT_EXAMPLES=2000)
	@FAULT_KILLS=$(FAULT_KILLS) FAULT_IMAGES=$(FAULT_IMAGES) FAULT_EXAMPLES=$(FAULT_EXAMPLES) $(PY) -m pytest tests/fault --timeout=7200 $(ARGS)

bench: $(VENV)/.dev ## the benchmarks, as one table
	@exec $(PY) -m tests.bench $(ARGS)

lint: $(VENV)/.dev ## ruff and the import contracts
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports --no-cache

types: $(VENV)/.dev ## pyright, strict (fetches Node the first time)
	@$(VENV)/bin/pyright --pythonpath $(PY)

wheel: $(VENV)/.run ## dist/*.whl
	@$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

lock: | $(VENV)/lock/bin/uv ## choose versions anew and write the lock files (UPGRADE=1 takes the newest)
	@$(UV_COMPILE) $(if $(UPGRADE),--upgrade) --group dev pyproject.toml -o requirements-dev.lock
	@$(UV_COMPILE) --constraint requirements-dev.lock pyproject.toml -o requirements.lock
	@$(UV_COMPILE) --constraint requirements-dev.lock --group build -o requirements-build.lock

service: $(VENV)/.run ## as root on a server: install and start the systemd service behind Caddy (HOST=box.example.com)
	@systemd/install "$(HOST)"

clean: ## remove the environment and everything built; the data folder stays
	rm -rf $(VENV) .venv-ci dist build .pytest_cache .hypothesis .ruff_cache .import_linter_cache .schemathesis
	find opsmantik_box tui tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	$(if $(PYTHON),,$(error Python 3.11 or newer with venv is needed: apt install python3-venv))
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock requirements-build.lock pyproject.toml | $(PY)
	@echo "installing what the Box needs (requirements.lock)"
	@$(LOCKED) -r requirements-build.lock -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo "installing what its tests need (requirements-dev.lock)"
	@$(LOCKED) -r requirements-dev.lock
	@touch $@

$(VENV)/lock/bin/uv: | $(PY)
	@$(PY) -m venv $(VENV)/lock
	@$(VENV)/lock/bin/pip --quiet --disable-pip-version-check install "$$(sed -n 's/^lock = \["\(uv.*\)"\]$$/\1/p' pyproject.toml)"
