# Forge: start with `make run`; `make help` lists all targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
READY_DEV := .venv/.ready-dev

export DAGSTER_HOME := $(CURDIR)/dagster_home
export FORGE_STORE ?= $(CURDIR)/data
export MLFLOW_DISABLE_TELEMETRY := true
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION := false
# If definitions cannot be loaded for a moment, a backfill waits for them instead of failing.
export DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR := 1

export DAGSTER_PORT ?= 3000
export MLFLOW_PORT ?= 5000
# MLflow's database for `make ui`; runs are tracked there too, unless MLFLOW_TRACKING_URI is set.
# It may contain a password: set it in the environment, not as an argument. In its path, % and ? are escaped.
export MLFLOW_STORE ?= sqlite:///$(subst ?,%3F,$(subst %,%25,$(CURDIR)))/mlruns/mlflow.db

# pip arguments that install torch. Without an NVIDIA driver this is the CPU build, a tenth of the size.
# For another build: make setup TORCH='torch --index-url https://download.pytorch.org/whl/cu130'
TORCH ?= torch $(shell $(PYTHON) -c 'import ctypes; ctypes.CDLL("libcuda.so.1")' 2>/dev/null || \
	echo --extra-index-url https://download.pytorch.org/whl/cpu --retries 1 --timeout 10)

# Python compiles a module when it is first imported, and most of what is installed never is; where it may not write
# (PYTHONDONTWRITEBYTECODE), pip compiles all. MLflow's pages need not the libraries that its package requires (see
# pyproject.toml), so pip would warn that they are missing.
PIP := $(BIN)/pip install -q $(if $(PYTHONDONTWRITEBYTECODE),,--no-compile) --no-warn-conflicts -c constraints.txt

# Before other commands in a line: prints a sign of life every 15 seconds, until the line ends.
AT_WORK = while sleep 15 >/dev/null 2>&1; do echo "  $$SECONDS s, $$(du -sm .venv | cut -f1) MB in .venv"; done & \
	trap "kill $$! 2>/dev/null || :" EXIT;

.PHONY: help setup setup-dev run test test-all check ui bench wasm validate-liuzhou clean

help:  ## print this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 26

setup: $(READY)  ## install what running needs, in .venv
	@echo "ready; next: make run, or .venv/bin/forge play"

setup-dev: $(READY_DEV)  ## install what tests and deployments need, too

$(READY): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv what running needs, about 2 GB; some minutes"
	@$(AT_WORK) $(PIP) $(TORCH) --no-deps; $(PIP) -e .; $(PIP) mlflow --no-deps
	@touch $@

$(READY_DEV): $(READY)
	@echo "installing into .venv what tests and deployments need, about 2 GB more; some minutes"
	@$(AT_WORK) $(PIP) -e '.[dev,onnx,s3,cluster,kubernetes]'
	@touch $@

dagster_home/history: | $(READY)
	@echo "creating Dagster's instance in dagster_home"
	@$(BIN)/python -m forge_assets.new_instance

run: $(READY) dagster_home/history  ## make the first assets of all three games: deals, networks, games, matches
	@echo "starting Dagster"
	@$(BIN)/python -m forge_assets.quickstart

PYTEST := $(BIN)/pytest -n 2 --dist loadfile

test: $(READY_DEV)  ## run the quick tests, for use while editing; the first time, 2 GB of packages are installed
	$(PYTEST) -m 'not gpu and not slow'

test-all: test  ## run all tests, which takes much longer: the daemon, services, long runs and whole files of golden data, too
	$(PYTEST) -m 'slow and not gpu'

check: $(READY_DEV)  ## run everything that CI runs: style, types, layers, definitions, all tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/dagster definitions validate -w workspace.yaml
	@$(MAKE) --no-print-directory test-all

ui: $(READY) dagster_home/history  ## start Dagster on http://127.0.0.1:3000 and MLflow on http://127.0.0.1:5000
	@$(BIN)/python -m forge_assets.uis check "$(DAGSTER_PORT)" "$(MLFLOW_PORT)"
	@# Each has its own process group. When a server ends, or make is interrupted, all are stopped.
	@# The file tells other commands which ports their links must name. Only warnings are logged.
	@mkdir -p mlruns; echo "DAGSTER_PORT=$(DAGSTER_PORT) MLFLOW_PORT=$(MLFLOW_PORT)" > mlruns/ports; set -m; \
	export PYTHONWARNINGS=ignore; \
	MLFLOW_BACKEND_STORE_URI="$$MLFLOW_STORE" MLFLOW_LOGGING_LEVEL=WARNING $(BIN)/mlflow server \
		--host 127.0.0.1 --port $(MLFLOW_PORT) --workers 1 --uvicorn-opts "--log-level warning" \
		--artifacts-destination "$$PWD/mlruns/artifacts" & mlflow=$$!; \
	$(BIN)/python -m forge_assets.uis start $(BIN)/dagster dev -w workspace.yaml -h 127.0.0.1 -p $(DAGSTER_PORT) --log-level warning & dagster=$$!; \
	$(BIN)/python -m forge_assets.uis announce & links=$$!; disown; \
	trap 'trap - EXIT; rm -f mlruns/ports; kill -TERM -- -$$mlflow -$$dagster -$$links 2>/dev/null; wait' EXIT; \
	trap 'exit 130' INT TERM; \
	wait -n $$mlflow $$dagster

bench: $(READY)  ## measure the speed of the oracle on this machine
	$(BIN)/forge bench solver

wasm: $(READY)  ## compile the kernels of the pages of `forge play` again, after a change of their sources
	$(PIP) -e '.[wasm]'
	$(BIN)/python -m forge_core.web.build forge_core.texas42.web.kernels forge_core/texas42/web/page/texas42.wasm
	$(BIN)/python -m forge_core.web.build forge_core.liuzhou.web.kernels forge_core/liuzhou/web/page/liuzhou.wasm
	$(BIN)/python -m forge_core.web.build forge_core.skull_king.web.kernels forge_core/skull_king/web/page/skull_king.wasm
	$(BIN)/python -m forge_core.texas42.web.weights forge_core/texas42/web/page

validate-liuzhou: $(READY)  ## measure the acceptance criteria of Liuzhou's search, as runs/liuzhou-validation.json
	$(BIN)/forge liuzhou validate --strict --json runs/liuzhou-validation.json

clean:  ## remove the environment and caches; keep data and runs
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
