# fieldwren: `make` installs everything into .venv; `make help` lists what else there is.
#
# Every target sets up what it needs (system packages, Python packages, the C library) and does nothing that is
# already done. Settings: PYTHON (3.11 or newer), WORKERS (parallel tests), FUZZ_SECONDS (fuzzing in make long), FIELDWREN_DATA (test data).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
WORKERS ?= 2
FUZZ_SECONDS ?= 600
VENV := .venv
BIN := $(VENV)/bin
export PYTHON

# Where the test data are at hand, or in CI, a test that cannot run is a failure.
DATA := $(or $(FIELDWREN_DATA),$(wildcard ../shared/data))
ifneq ($(filter true 1,$(CI))$(DATA),)
export FIELDWREN_REQUIRE ?= 1
endif

# Builds report nothing to PlatformIO.
export PLATFORMIO_SETTING_ENABLE_TELEMETRY := no

NATIVE_SOURCES := $(shell find firmware pytool/fieldwren/native -type f -not -name '*.so' -not -path 'firmware/port/*' -not -path '*/__pycache__/*')

.PHONY: all help packages demo test test-fast long bench tables lint format docs lock wheel fresh clean

all: $(VENV)/.fieldwren  ## install everything, with all extras, into .venv

help:  ## this list
	@sed -nE 's/^([a-z-]+):.*  ## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | column -t -s $$'\t'

packages:
	@tools/packages.sh

$(BIN)/python: | packages
	@echo "venv: creating $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "venv: $(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=python3.12" >&2; exit 3; }
	@$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.requirements: requirements/dev.txt $(BIN)/python | packages
	@echo "venv: installing the Python packages of requirements/dev.txt"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.fieldwren: $(VENV)/.requirements pyproject.toml setup.py $(NATIVE_SOURCES)
	@echo "venv: building the C library and installing fieldwren (editable)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: all  ## the examples as firmware in an emulator, from speech and sensor rows to detections (WAV=file)
	@$(BIN)/python tools/demo.py $(if $(WAV),--wav "$(WAV)")

PYTEST := $(BIN)/python -m pytest -n $(WORKERS)

test: all  ## the whole suite
	@$(PYTEST)

test-fast: all  ## under two minutes: no emulators, nothing slow
	@$(PYTEST) -m "not (emulator or slow or long)"

long: all  ## hours: exhaustive damage to models and stores, fuzzing, training to the figures of the model cards
	@$(PYTEST) -m long --timeout 0
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/fuzz.txt
	@mkdir -p runs/fuzz && $(BIN)/python tools/fuzz_models.py runs/fuzz $(DATA)/models -max_len=8192 \
	  -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=runs/fuzz/
	@$(BIN)/python tools/measure_again.py

runs/resnet8.tflite: tools/make_resnet8.py | all
	@mkdir -p runs
	@TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python tools/make_resnet8.py $@.part 2>/dev/null && mv $@.part $@

bench: all runs/resnet8.tflite  ## measure everything into docs/benchmarks.md; fails where a figure got worse (ACCEPT=1 takes it)
	@$(BIN)/python tools/bench_models.py --workers $(WORKERS) --extra mlperf_resnet8=runs/resnet8.tflite $(if $(ACCEPT),--accept)
	@$(BIN)/python tools/bench_catalog.py

tables: all  ## what kernels cost and take on each core, measured again (boards/costs, boards/sizes): after a kernel changed
	@$(BIN)/python tools/measure_costs.py
	@$(BIN)/python tools/measure_adapters.py
	@$(BIN)/python tools/measure_sizes.py

lint: all  ## formatting, types and warnings of Python and C; the static analyser, which make test leaves out
	@$(PYTEST) -q tests/style -m ""

format: all  ## let ruff and clang-format rewrite the sources
	@$(BIN)/ruff check -q --fix-only .
	@$(BIN)/ruff format -q .
	@git ls-files 'firmware/*.[ch]' 'pytool/*.[ch]' | xargs -r clang-format -i

docs: all  ## regenerate the pages that are made from the code
	@$(BIN)/python tools/write_docs.py

lock: $(BIN)/python  ## renew requirements/dev.txt from pyproject.toml
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --custom-compile-command "make lock" --extra catalog --extra fleet --extra verify --extra dev \
	  pyproject.toml requirements/dev.in -o requirements/dev.txt

wheel: all  ## wheel and source package in dist/
	@rm -rf build/lib build/bdist.*
	@$(BIN)/python -m build -q --no-isolation

fresh: all  ## proof: clone into an empty home, set up from nothing, test and demo there
	@tests/fresh_clone.sh

clean:  ## remove everything that was built, .venv too
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis pytool/*.egg-info
	@find pytool tests tools boards examples -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
	@rm -f pytool/fieldwren/native/_native*.so
