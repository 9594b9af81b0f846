# Every target is one line; what it does lives in the command it calls.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: help demo test check bench shots lock
help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/demo ## A running shop on this machine; ARGS="--once" checks it and stops
	@$(BIN)/regulars demo $(ARGS)

test: $(VENV)/dev ## The whole suite, on servers of its own
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/dev ## Format, lint, types, import contracts, dead code, storefronts
	@$(BIN)/python -m tools.check

bench: $(VENV)/dev ## Every number in the README, measured again
	@$(BIN)/python -m benchmarks $(ARGS)

shots: $(VENV)/dev ## Every picture in the README, taken again
	@$(BIN)/python -m tools.shots

lock: $(VENV)/dev ## Pin the dependencies anew
	@$(BIN)/python -m tools.lock

$(VENV)/demo: requirements.lock
	@$(PYTHON) -m tools.install $(VENV) demo

$(VENV)/dev: requirements-dev.lock
	@$(PYTHON) -m tools.install $(VENV) dev
