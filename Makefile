# make demo    everything from an empty machine to the report of a search on the handwritten digits (Debian, Ubuntu)
# make test    what CI runs: tests, ruff, mypy
# make bench   how fast simulation and cost model are: DiracDeltaNet at 224x224 on the 32x32 array; SCALE-Sim beside it
# make clean   remove what the targets above made
#
# TORCH_INDEX  where PyTorch's CPU build is looked for first, if given; without it, Linux gets gigabytes of CUDA too
# PYTHON       the interpreter .venv is made with, 3.11 or newer

TORCH_INDEX ?=
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))) python3)
DEMO := demo-out
BIN := .venv/bin
VIRTUAL_BOARD := gcc=gcc qemu-system-aarch64=qemu-system-arm aarch64-linux-gnu-gcc=gcc-aarch64-linux-gnu
# The report's tests look at it in Chromium, which Ubuntu has as a snap only; without it they are skipped, saying so.
BROWSER := $(if $(shell grep -s '^ID=debian' /etc/os-release),chromium=chromium)
SOFT_CORE := riscv64-unknown-elf-gcc=gcc-riscv64-unknown-elf
TORCH := $(shell sed -n 's/.*"\(torch==[^"]*\)".*/\1/p' pyproject.toml)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test bench clean
.DELETE_ON_ERROR:

demo: .venv/installed
	$(BIN)/codesign sweep --rotate 10 --out $(DEMO)

test: .venv/installed-tests
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist worksteal -m 'not slow and not synth and not board'

bench: .venv/installed-bench
	$(BIN)/python -m codesign.batch.bench
	$(BIN)/python -m codesign.sim.bench --scalesim

clean:
	rm -rf $(DEMO) .venv build *.egg-info .pytest_cache .ruff_cache .mypy_cache

# The stamps: made again when what is to be installed changes.

.venv/installed: pyproject.toml .ci/prerequisites
	PYTHON=$(PYTHON) .ci/prerequisites
	$(PYTHON) -m venv .venv
	@echo "installing PyTorch and codesign into .venv"
	$(if $(TORCH_INDEX),$(PIP) --retries 1 --timeout 15 --index-url $(TORCH_INDEX) $(TORCH) \
		|| echo "$(TORCH_INDEX) has no $(TORCH) for us or is out of reach: taking it from the usual index")
	$(PIP) -e .
	touch $@

.venv/installed-bench: .venv/installed
	$(PIP) -e '.[bench]'
	touch $@

.venv/installed-tests: .venv/installed
	PYTHON=$(PYTHON) .ci/prerequisites $(VIRTUAL_BOARD) $(SOFT_CORE) $(BROWSER) tclsh=tcl
	$(PIP) -e '.[test,qonnx,formal,system,dashboard]'
	touch $@
