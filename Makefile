# Everything here sets itself up: Debian, Python 3.11 or later and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo azurite test lint bench docs completions site lock clean

help: ## Show the targets.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 14

# Debian has venv in a package of its own, without which the first line fails.
$(VENV)/made:
	$(PYTHON) -m venv --clear $(VENV) || { \
	  test "$$(id -u)" = 0 && command -v apt-get && apt-get update && apt-get install -y python3-venv \
	  && $(PYTHON) -m venv --clear $(VENV); } \
	  || { echo "python3 -m venv does not work here: install python3-venv" >&2; exit 1; }
	touch $@

# One file an amount of extras: what demo needs is installed in seconds, the rest when it is asked for.
$(VENV)/run: $(VENV)/made pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/dev: $(VENV)/run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

$(VENV)/bench: $(VENV)/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	touch $@

demo: $(VENV)/run ## Write a sample cluster to ./demo and run the main jobs on it.
	rm -rf demo
	$(BIN)/cortexctl demo demo

# Azure's emulator comes from npm. Where there is none, or it cannot be had, the tests that need it are skipped.
AZURITE := .cache/azurite
azurite:
	@test -x $(AZURITE)/node_modules/.bin/azurite-blob || ! command -v npm >/dev/null \
	  || timeout 300 npm install --silent --no-audit --no-fund --prefix $(AZURITE) azurite@3 \
	  || echo "azurite cannot be installed: the tests that need it are skipped" >&2

test: $(VENV)/dev azurite ## Run every test.
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

lint: $(VENV)/dev ## Check style, types, layers, and that generated files are fresh.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports
	PYTHONPATH=. $(BIN)/python docs/generate.py --check

bench: $(VENV)/bench ## Measure against the bare requests; prints ratios.
	PYTHONPATH=. $(BIN)/python -m bench.run $(ARGS)

docs: $(VENV)/dev ## Generate the pages and completions that are made from the code.
	PYTHONPATH=. $(BIN)/python docs/generate.py

completions: docs ## The same: completions are generated with the pages.

site: $(VENV)/dev ## Build the documentation into ./site, which opens without a server or the network.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

lock: $(VENV)/dev ## Resolve the constraints anew.
	$(BIN)/uv pip compile --quiet --upgrade --universal --no-header --no-annotate --python-version 3.11 \
	  --all-extras pyproject.toml -o constraints.txt

clean: ## Remove everything that was made here.
	rm -rf $(VENV) .bench .cache demo site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
