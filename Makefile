# Forge: `make run` on a fresh machine, `make help` for the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

export DAGSTER_HOME := $(CURDIR)/dagster_home
export FORGE_STORE ?= $(CURDIR)/data
export MLFLOW_DISABLE_TELEMETRY := true
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION := false
# A backfill waits for definitions that cannot be loaded just now, instead of failing.
export DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR := 1

DAGSTER_PORT ?= 3000
MLFLOW_PORT ?= 5000
# What `make ui` shows. Runs are tracked in it too, unless MLFLOW_TRACKING_URI names another place.
# It may hold a password: so it is handed on by the environment, and best comes from there.
export MLFLOW_STORE ?= sqlite:///$(CURDIR)/mlruns/mlflow.db

# How torch is installed, as arguments of pip. Where there is no NVIDIA driver its CPU build will do:
# a tenth of the size. Another build: make setup TORCH='torch --index-url https://download.pytorch.org/whl/cu130'
TORCH ?= torch $(shell $(PYTHON) -c 'import ctypes; ctypes.CDLL("libcuda.so.1")' 2>/dev/null || \
	echo --extra-index-url https://download.pytorch.org/whl/cpu --retries 1 --timeout 10)

.PHONY: help setup run test check ui bench clean

help:  ## print this list
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 14

setup: $(READY)  ## the environment, in .venv

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install -q $(TORCH) --no-deps -c constraints.txt
	$(BIN)/pip install -q -e '.[dev,s3,cluster,kubernetes]' -c constraints.txt
	touch $@

dagster_home/history: | $(READY)
	@# One process makes the tables, before several would; Dagster limits a pool from the second time it meets it.
	@$(BIN)/dagster instance concurrency set compute 1 >/dev/null 2>&1

run: $(READY) dagster_home/history  ## a hundred real deals through Dagster, and a network that learns from them
	@$(BIN)/python -m forge_assets.quickstart

test: $(READY)  ## the tests
	$(BIN)/pytest -n 2 --dist loadfile

check: $(READY)  ## all that CI asks: style, types, layers, definitions, tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/dagster definitions validate -w workspace.yaml
	@$(MAKE) --no-print-directory test

ui: $(READY) dagster_home/history  ## Dagster on http://127.0.0.1:3000, MLflow on http://127.0.0.1:5000
	@# Each in a process group of its own; when one ends, or this is interrupted, so do both.
	@mkdir -p mlruns; set -m; \
	MLFLOW_BACKEND_STORE_URI="$$MLFLOW_STORE" $(BIN)/mlflow server --host 127.0.0.1 --port $(MLFLOW_PORT) \
		--workers 1 --artifacts-destination $(CURDIR)/mlruns/artifacts & mlflow=$$!; \
	$(BIN)/dagster dev -w workspace.yaml -h 127.0.0.1 -p $(DAGSTER_PORT) & dagster=$$!; \
	trap 'trap - EXIT; kill -TERM -- -$$mlflow -$$dagster 2>/dev/null; wait' EXIT; trap 'exit 130' INT TERM; \
	wait -n

bench: $(READY)  ## how fast the oracle is here
	$(BIN)/forge bench solver

clean:  ## remove the environment and caches; data and runs stay
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
