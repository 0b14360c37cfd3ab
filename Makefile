# Needs make, and Python 3.11, 3.12 or 3.13 with venv and pip. Everything goes into .venv.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8080
ARGS ?=
# Processes that share the tests. They wait more than they compute, so one more than cores.
WORKERS ?= 3

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-config --no-emit-index-url --no-emit-find-links --annotation-style line --quiet \
	--custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help install run test torture pictures bench check check-image demo test-topology openapi lock clean

help: ## show this list
	@echo "Session Router: make <target>"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## put everything into .venv, from the lock

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "Python 3.11 to 3.13 is needed: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		--only-binary :all: -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable .
	@touch $@

run: $(STAMP) ## serve on http://127.0.0.1:8080, with an embedded Valkey
	@$(BIN)/session-router serve --host $(HOST) --port $(PORT) $(ARGS)

test: $(STAMP) ## run the tests, WORKERS=3 at a time; ARGS='-k queue' passes options to pytest
	@[ -z "$(strip $(ARGS))" ] || echo "make test: not the whole suite, pytest was given: $(ARGS)"
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal $(ARGS)

torture: $(STAMP) ## ten minutes of every fault at once, then test-topology; ARGS='--seconds 60' alone
	@$(BIN)/python -m tests.faults.torture $(ARGS)
	@[ -n "$(strip $(ARGS))" ] || $(MAKE) test-topology

test-topology: $(STAMP) ## kill primaries behind Sentinels and in a cluster, five times each, and tell figures
	@SESSION_ROUTER_FAILOVERS=$${SESSION_ROUTER_FAILOVERS:-5} $(BIN)/python -m pytest \
		tests/topology --log-cli-level WARNING $(ARGS)

pictures: $(STAMP) ## draw docs/images anew: the dashboard, in a headless browser
	SESSION_ROUTER_KEEP_PICTURES=1 $(BIN)/python -m pytest --timeout 400 tests/dashboard/test_pictures.py

bench: $(STAMP) ## measure all that docs/performance.md tells, and write it; BENCH_SHORT=1 for a quick look
	@$(BIN)/python -m bench $(ARGS)

check: $(STAMP) ## lint, formatting, types, import directions, openapi.yaml, compose file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/session-router openapi --check
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

check-image: ## do in a clean folder what the Dockerfile does, and import the result
	@$(PYTHON) deploy/check_image.py

demo: $(STAMP) ## replay a short conversation under each isolation in turn
	@$(BIN)/session-router demo $(ARGS)

openapi: $(STAMP) ## write openapi.yaml anew
	$(BIN)/session-router openapi

lock: ## compile requirements/*.txt anew, with hashes
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	$(VENV)-lock/bin/$(COMPILE) pyproject.toml --extra server --extra tracing --extra dev --output-file requirements/dev.txt
	$(VENV)-lock/bin/$(COMPILE) pyproject.toml --extra server --extra tracing --constraints requirements/dev.txt \
		--output-file requirements/server.txt
	echo hatchling | $(VENV)-lock/bin/$(COMPILE) - --constraints requirements/dev.txt \
		--output-file requirements/build.txt
	rm -rf $(VENV)-lock

clean: ## remove .venv and every cache; the data folder stays
	rm -rf $(VENV) $(VENV)-lock .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
