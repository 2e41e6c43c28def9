# Two commands set everything up: `make demo` and `make test`. The rest is for those who work on skribe.
PYTHON ?= python3
BIN := .venv/bin
UV = UV_LINK_MODE=copy $(1)/bin/uv pip install --quiet --python $(1)/bin/python

# `make test` runs everything on the newest scikit-learn. On the oldest it leaves out what no version of scikit-learn,
# numpy, scipy, pandas or matplotlib can break: what is marked `newest_only`, and these, which never see an estimator.
ELSEWHERE := $(foreach name,artifacts codec collecting journal keeping location migrations models modeluri \
	processes registry results trouble,--ignore=tests/store/test_$(name).py) \
	$(foreach name,backends browser cli contract delivery display exchange ui test_house.py test_notebook.py \
	plots/test_pictures.py,--ignore=tests/$(name))
OLDEST := -m "not thirdparty and not slow and not newest_only" $(ELSEWHERE)
# Whoever is done takes over tests of the other, from the end; so each module's fixtures are mostly made once.
TESTS := -m pytest -n 2 --dist worksteal

APT := DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Acquire::Retries=1 -o Acquire::http::Timeout=15 -o DPkg::Lock::Timeout=60 --no-install-recommends

# Hundreds of processes of the tests import scikit-learn: what one has compiled, the others need not compile again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo example programs test test-oldest sklearn-suite lint wheel bench bench-page clean

demo: .venv/.core
	$(BIN)/skribe demo

# A team on one MLflow server, started for real on this machine: examples/team_server/README.md.
example: .venv/.test programs
	$(BIN)/python -W ignore examples/team_server/run.py $(EXAMPLE)

test: .venv/.test .venv-oldest/.test programs
	$(BIN)/python $(TESTS) $(PYTEST)
	.venv-oldest/bin/python $(TESTS) $(OLDEST) $(PYTEST)

lint: .venv/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# scikit-learn's own installed tests, with autolog on; what fails there must fail without it too.
sklearn-suite: .venv/.test
	$(BIN)/python tests/promise/sklearn_suite.py $(SUITE)

wheel: .venv/.lint
	rm -rf dist && $(BIN)/python -m build --installer uv --quiet

bench: .venv-bench/.ready
	.venv-bench/bin/python -m benchmarks $(BENCH)

# The page beside MLflow's, over 100 000 runs in /tmp/bench-page, which are written the first time.
bench-page: .venv-bench/.ready programs
	.venv-bench/bin/python -m benchmarks.page $(BENCH)

clean:
	rm -rf .venv .venv-oldest .venv-bench build dist

.venv/bin/uv:
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet uv

.venv/.core: .venv/bin/uv pyproject.toml
	$(call UV,.venv) -e .
	touch $@

.venv/.test: .venv/.core
	$(call UV,.venv) -e ".[test,thirdparty]"
	touch $@

# The tests look at the page in Chromium; the example's test needs PostgreSQL. Where we may not install them, those
# tests are skipped.
programs:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing=postgresql; \
	command -v chromium-headless-shell >/dev/null || missing="$$missing chromium-headless-shell"; \
	test -z "$$missing" || { test "$$(id -u)" = 0 && $(APT) update && $(APT) install $$missing; } >/dev/null 2>&1 || true
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
		{ test "$$(id -u)" = 0 && $(APT) install chromium; } >/dev/null 2>&1 || true

.venv/.lint: .venv/.test
	$(call UV,.venv) -e ".[lint]"
	touch $@

.venv-oldest/.test: pyproject.toml
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet uv
	$(call UV,.venv-oldest) -e ".[test]" "scikit-learn==1.6.*" "numpy==1.26.*" "scipy==1.13.*" "pandas==2.2.*" "pyarrow==17.*" "matplotlib==3.8.*" "pyparsing<3.3" \
		"mlflow==2.22.*" "sqlalchemy<2.1"  # its server, for the tests of the MLflow backend
	touch $@

.venv-bench/.ready: pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet uv
	$(call UV,.venv-bench) -e ".[bench]"
	touch $@
