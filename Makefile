# Every target runs in the environment of $(PYTHON). `make help` lists them.
PYTHON ?= python
NAME ?=

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-14s %s\n", $$1, $$2}'

setup:  ## install the package with what the checks need
	$(PYTHON) -m pip install -e ".[test]"

check:  ## format, lint, types, floors, docs, tests: exactly what CI runs
	$(PYTHON) scripts/check.py

fix:  ## format and repair what can be repaired by itself
	$(PYTHON) -m ruff check --fix . ; $(PYTHON) -m ruff format .

test:  ## the tests alone
	$(PYTHON) -m pytest -n 2 -rs

docs:  ## rewrite the generated parts of docs/ and README.md
	$(PYTHON) scripts/docs.py

samples:  ## write sample_traces/ anew (same seed, same bytes)
	$(PYTHON) scripts/make_samples.py

reports:  ## write reports/ anew from sample_traces/
	$(PYTHON) scripts/make_reports.py

bench:  ## measure ingest, tokens and start-up
	$(PYTHON) scripts/benchmark.py

laws:  ## stories and laws of one layer: make laws NAME=window (all without a name)
	$(PYTHON) -m pytest -q tests/layers/test_cases.py tests/laws -k "$(NAME)"

new-layer new-source new-finding new-check new-section new-endpoint:  ## make new-layer NAME=acme
	$(PYTHON) scripts/new.py $(@:new-%=%) $(NAME)

.PHONY: help setup check fix test docs samples reports bench laws new-layer new-source new-finding new-check new-section new-endpoint
