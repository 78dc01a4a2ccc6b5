# Needs Python 3.11 and make; everything else goes into .venv, at the versions of uv.lock.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

UV = $$(command -v uv || echo $(BIN)/uv)
OLDER := .venv-duckdb-1.5
DBT := .venv-dbt
SIZES ?= 0.2,5,20

FUZZ_SECONDS ?= 300

.PHONY: demo test spark test-older-duckdb lint types bench fuzz mutants clean

demo: $(READY)  ## a simulated three-site trial, received, validated, derived and published
	$(BIN)/ict-trial init --workspace workspace --study ict_sad
	$(BIN)/ict-trial simulate --workspace workspace --participants 180 --seed 1 --faults
	$(BIN)/ict-trial nightly --workspace workspace --settle 0
	$(BIN)/ict-trial status --workspace workspace

test: $(READY) spark  ## every test
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

spark: $(READY)  # tested where there is a Java to run it
	! command -v java >/dev/null || UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --frozen --quiet --inexact --extra spark

test-older-duckdb: $(READY)  ## what touches DuckDB, on the older version that is still supported
	UV_PROJECT_ENVIRONMENT=$(OLDER) $(UV) sync --frozen --quiet --inexact --python $(PYTHON)
	$(UV) pip install --quiet --python $(OLDER)/bin/python 'duckdb==1.5.*'
	$(OLDER)/bin/pytest -n auto --dist loadfile --no-loadscope-reorder tests/warehouse tests/sql tests/quality --ignore tests/warehouse/test_spark.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

bench: $(READY) $(DBT)/.ready  ## timings, never part of the tests: make bench SIZES=0.2,5 OPTIONS=--record
	$(BIN)/python -m tests.bench --sizes $(SIZES) $(OPTIONS)

# dbt, which we are compared with, asks for older tools than ours do.
$(DBT)/.ready: uv.lock | $(READY)
	UV_PROJECT_ENVIRONMENT=$(DBT) $(UV) sync --frozen --quiet --only-group bench --compile-bytecode --python $(PYTHON)
	touch $@

mutants: $(READY)  ## small mistakes made in the scoring, one at a time: which would nobody notice?; never part of the tests
	$(BIN)/python -m tests.mutants

# uv is taken from the machine where it is there, and else installed into the environment itself.
$(READY): pyproject.toml uv.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	command -v uv >/dev/null || test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --frozen --quiet --inexact --compile-bytecode
	$(BIN)/python -m compileall -q pipelines schemas
	$(BIN)/python -m pipelines.warehouse.graph_facts
	touch $@

fuzz: $(READY)  ## bytes chosen by the code they reach, for FUZZ_SECONDS; never part of the tests
	UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --frozen --quiet --inexact --group fuzz
	$(BIN)/python -m tests.fuzz -max_total_time=$(FUZZ_SECONDS)

clean:
	rm -rf $(VENV) $(OLDER) $(DBT) workspace bench
