# Everything runs in .venv, which is made from the locks and made again when they change.
# Needed beforehand: make, and Python 3.11 or newer with its venv module. Nothing else.

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Test processes; many tests wait for other processes, so four pay off on two cores.
SEEDS ?= 0..9999
JOBS ?= 4

# The first that runs and is new enough; `make PYTHON=/path/to/python3.11 ...` overrules.
PYTHON ?= $(shell for p in python3.11 python3; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCKER := .venv-lock
SDK := .venv-sdk
SDKPIP := $(SDK)/bin/python -m pip --disable-pip-version-check --quiet --retries 1 --timeout 15
COMPILE := env -u PIP_FIND_LINKS $(LOCKER)/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	--no-header --no-emit-options --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	--constraint constraints.txt $(ARGS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help env sdk demo test check style types arrows bench hunt lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

env: $(VENV)/.installed ## the environment in .venv, from the locks

demo: env ## a controller and two traders on this machine, with a simulated market; ends by itself
	@$(BIN)/arb demo $(ARGS)

sdk: $(SDK)/.installed ## the venues' own clients in .venv-sdk, for the tests that run them against arb exchange

test: env ## the tests; ARGS="-k word" for some of them
	@$(MAKE) --no-print-directory sdk || echo "no $(SDK): the tests that need the venues' own clients are skipped" >&2
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: style types arrows ## style, types, and who may import whom

style: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: env
	$(BIN)/mypy --strict

arrows: env
	$(BIN)/lint-imports --no-cache

hunt: env ## ten thousand simulated worlds; SEEDS=A..B for others (the processes under test: ARGS="-m hunt" make test)
	@$(BIN)/arb simulate --seeds $(SEEDS) $(ARGS)

bench: env ## the measurements of docs/performance.md
	@$(BIN)/python -m bench $(ARGS)

lock: $(LOCKER)/.installed ## the locks again, as few changes as needed; ARGS=--upgrade for the newest versions
	$(COMPILE) --only-build-deps --all-build-deps --output-file requirements-build.lock pyproject.toml
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra dev --extra live --output-file requirements-dev.lock pyproject.toml
	$(COMPILE) --extra live --output-file requirements-live.lock pyproject.toml

clean: ## away with the environment and all caches
	rm -rf $(VENV) $(LOCKER) $(SDK) build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# New locks make a new environment, so that nothing older stays in it.
# The setuptools of the lock comes first: with it Thespian, which ships as source, and the project itself are built.
$(VENV)/.locked: requirements-build.lock requirements-dev.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "arb needs Python 3.11 or newer: install python3.11, or name it: make PYTHON=/path/to/python3.11 env" >&2; \
		exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		package=$$("$(PYTHON)" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
		echo "$(PYTHON) cannot make environments: on Debian and Ubuntu, apt-get install $$package" >&2; \
		exit 1; }
	@echo "making $(VENV) with $$("$(PYTHON)" --version)"
	@"$(PYTHON)" -m venv --clear $(VENV)
	@$(PIP) install --require-hashes -r requirements-build.lock
	@$(PIP) install --require-hashes --no-build-isolation --use-pep517 -r requirements-dev.lock
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# These clients ask for a newer Python than they need; nothing of ours is installed beside them.
$(SDK)/.installed: tests/sdk/requirements.txt
	@"$(PYTHON)" -m venv --clear $(SDK)
	@$(SDKPIP) install --no-deps --ignore-requires-python -r $<
	@$(SDKPIP) download --no-deps --no-binary :all: --no-build-isolation --ignore-requires-python \
		--dest $(SDK)/sdist "$$(grep '^kalshi-sdk==' $<)"
	@"$(SDK)/bin/python" -m tarfile -e $(SDK)/sdist/kalshi_sdk-*.tar.gz $(SDK)/sdist
	@mv $(SDK)/sdist/kalshi_sdk-*/specs $(SDK)/specs
	@touch $@

$(LOCKER)/.installed: Makefile
	@"$(PYTHON)" -m venv --clear $(LOCKER)
	@$(LOCKER)/bin/python -m pip --disable-pip-version-check --quiet install pip-tools==7.6.2
	@touch $@
