# Two commands do everything: `make demo` and `make test`. Both install what they need into .venv first.
PYTHON ?= python3
UV_VERSION := 0.9.0
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CLASSES := $(VENV)/share/sitspark/spark.jsa

.PHONY: demo test check lint types benchmark lock clean help

help:
	@echo "make demo       simulate a landscape, map it, validate the map (2 to 4 minutes on two cores)"
	@echo "make test       ruff, mypy and pytest"
	@echo "make benchmark  classify against the one-thread floor on the same scenes"
	@echo "make lock       resolve requirements.lock again from pyproject.toml"
	@echo "make clean      remove the environment and the runs"

$(INSTALLED): requirements.lock pyproject.toml
	@echo "Installing into $(VENV) (once, one to five minutes; about 7 GB because of torch's CUDA libraries)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sitspark needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=$(UV_VERSION)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --requirements requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

# without it everything works, some seconds later: where it can't be made, the next command tries again
$(CLASSES): $(INSTALLED)
	@echo "Keeping Spark's classes ready for the next start (once, half a minute)"
	@$(BIN)/python -m sitspark.class_archive || true

demo: $(INSTALLED) $(CLASSES)
	@$(BIN)/python jobs/demo.py

test: $(INSTALLED) $(CLASSES)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

benchmark: $(INSTALLED) $(CLASSES)
	$(BIN)/python tests/benchmarks/classify_vs_floor.py

lock: $(INSTALLED)
	$(BIN)/uv pip compile pyproject.toml --extra test --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) runs
