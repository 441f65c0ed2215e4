# Two commands matter: `make run` and `make test`. Each makes its own virtual environment.

PYTHON ?= python3
RUN := .venv-run
DEV := .venv

.DEFAULT_GOAL := help

help:  ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

# The demonstrations are short: three families of the eight.
THREE := blackmail espionage lethal

run: $(RUN)/.installed  ## Watch a stress test of the reference agents, offline, and write runs/demo/report.html
	@rm -rf runs/demo
	$(RUN)/bin/duress run $(THREE) --trials 20 --factor threat=none,replacement --factor honest_exit=none,channel \
		--seed 1 --out runs/demo
	@echo
	@echo "The page: runs/demo/report.html"

example: $(RUN)/.installed  ## Plan, freeze, run, estimate and verify a whole study of reference agents, offline, in runs/example
	@rm -rf runs/example examples/study.frozen.json
	$(RUN)/bin/duress plan examples/study.yaml --freeze
	$(RUN)/bin/duress run examples/study.yaml
	$(RUN)/bin/duress estimate runs/example
	$(RUN)/bin/duress verify runs/example
	@$(RUN)/bin/duress results runs/example --format json | $(RUN)/bin/python -c 'import json, sys; \
		found = json.load(sys.stdin); taken = found["run"]["planned"]; \
		fixed = found["run"]["trials_per_cell"] * len(found["cells"]); \
		print(f"The study took {taken} of the {fixed} trials of the fixed design: {taken / fixed:.0%}")'
	@echo "The page: runs/example/report.html"

sweep: $(RUN)/.installed  ## All families, all reference agents, offline, in runs/sweep: an overview and a page for each (minutes)
	@rm -rf runs/sweep
	$(RUN)/bin/duress run examples/sweep.yaml
	@echo "Begin at: runs/sweep/report.html"

example-pressure: $(RUN)/.installed  ## When agents turn: tempers pressed in all families, offline, in runs/pressure (minutes)
	@rm -rf runs/pressure
	$(RUN)/bin/duress run examples/pressure.yaml
	$(RUN)/bin/duress report runs/pressure --lang zh --out runs/pressure/report.zh.html
	$(RUN)/bin/duress turns runs/pressure
	@echo "Begin at: runs/pressure/report.html, in Chinese at runs/pressure/report.zh.html"

guard-demo: $(RUN)/.serving  ## An agent gets cornered; you answer its guard on a page; then the record, its verification, the stop
	$(RUN)/bin/python examples/guarded_agent/demo.py

audit-demo: $(RUN)/.installed  ## Audit runs of the reference agents, offline, and write runs/audited/audit.html
	@rm -rf runs/audited
	$(RUN)/bin/duress run $(THREE) --trials 10 --factor threat=none,replacement --seed 1 --out runs/audited
	$(RUN)/bin/duress audit runs/audited --format html --out runs/audited/audit.html || [ $$? = 1 ]
	@echo
	@echo "The page: runs/audited/audit.html"

test: $(DEV)/.installed $(DEV)/.programs $(DEV)/oidc/.installed $(DEV)/petri/.installed  ## Lint, types, import contracts, tests with coverage
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/lint-imports --no-cache
	$(DEV)/bin/pyright
	$(DEV)/bin/python -m slipcover -m pytest -n 2 --dist loadgroup

conformance: $(DEV)/.installed  ## Every adapter against its real SDK, one environment each in .venv-conformance: the matrix of faults
	$(DEV)/bin/python tests/conformance/matrix.py

# These need recordings, or are modules of others.
APART := $(addprefix benchmarks/,audit.py disguise.py facts.py learning.py monitors.py recordings.py train_scorer.py)
bench: $(DEV)/.installed  ## All benchmarks that need no recordings (an hour or more)
	for file in $(filter-out $(APART),$(wildcard benchmarks/*.py)); do $(DEV)/bin/python $$file || exit 1; done

lock: $(DEV)/.installed  ## Write requirements-dev.lock anew
	$(DEV)/bin/pip install -q uv
	$(DEV)/bin/uv pip compile -q --universal --python-version 3.11 --all-extras --group dev \
		--no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements-dev.lock

$(RUN)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Duress needs Python 3.11 or newer; set PYTHON=python3.12 or so") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(RUN)
	$(RUN)/bin/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

$(RUN)/.serving: $(RUN)/.installed
	$(RUN)/bin/python -m pip install -q --disable-pip-version-check -e '.[serve]'
	@touch $@

$(DEV)/.installed: pyproject.toml requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit("Duress needs Python 3.11 or newer; set PYTHON=python3.12 or so") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/python -m pip install -q --disable-pip-version-check -r requirements-dev.lock
	$(DEV)/bin/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

# Pages are tested in a real browser, the ledger on a real PostgreSQL, and so on, where these can be had;
# elsewhere those tests are skipped and say so.
PROGRAMS := chromium fonts-noto-cjk postgresql openssl strace
$(DEV)/.programs: | $(DEV)/.installed
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && ! dpkg -s $(PROGRAMS) >/dev/null 2>&1; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(PROGRAMS) >/dev/null \
		|| echo "Not all of $(PROGRAMS) could be installed; some tests will be skipped"; \
	fi
	@touch $@

# Signing in is tested against a real identity provider, where node can run one.
PROVIDER := tests/guard/people/provider/package.json
$(DEV)/oidc/.installed: $(PROVIDER) | $(DEV)/.installed
	@mkdir -p $(DEV)/oidc && cp $(PROVIDER) $(DEV)/oidc/
	@if command -v npm >/dev/null; then npm install --prefix $(DEV)/oidc --silent --no-audit --no-fund; fi \
		|| echo "oidc-provider could not be installed; its tests will be skipped"
	@touch $@

# inspect-petri says it needs Python 3.12, yet its code runs on 3.11; what it depends on is locked already.
# It lies apart, since Inspect loads every plugin that it finds at every start.
$(DEV)/petri/.installed: | $(DEV)/.installed
	@$(DEV)/bin/python -m pip install -q --disable-pip-version-check --no-deps --ignore-requires-python \
		--target $(DEV)/petri inspect-petri==3.1.1 || echo "inspect-petri could not be installed; its tests will be skipped"
	@mkdir -p $(DEV)/petri && touch $@

.PHONY: help run example sweep example-pressure audit-demo guard-demo test conformance bench lock
