# Everyday tasks; `make` lists them. `make train a=b c.d=e` runs `chromahint train a=b c.d=e`.
PYTHON := python3
VENV := .venv
ARGS :=
NAME :=
RUNS := runs
PHOTO :=
OUT := colored
RUN :=
FORMAT := onnx
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TASKS := help setup train multirun experiment sweep evaluate report best colorize studio export models hints gpu-check \
  test lint docs bench format clean
FORWARDING := train multirun experiment sweep evaluate
OWN := PYTHON=% VENV=% ARGS=% NAME=% RUNS=% PHOTO=% OUT=% RUN=% FORMAT=%
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: $(TASKS)

help: ## list the tasks
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-18s%s\n", $$1, $$2}'
	@echo; echo "  Options follow as key=value:           make train model=unet 'name=two words'"
	@echo "  Anything else goes into ARGS,          make multirun model=unet,resunet ARGS='--n-jobs 2'"
	@echo "  or to the command itself:              $(BIN)/chromahint train -m model=unet,resunet --n-jobs 2"
setup: $(READY) ## create the environment in .venv, as every task does by itself
train: $(READY) ## train a network: make train model=hscaunet
	@$(BIN)/chromahint train $(WORDS) $(ARGS)
multirun: $(READY) ## train every combination: make multirun model=hscaunet,resunet seed=0,1
	@$(BIN)/chromahint train -m $(WORDS) $(ARGS)
experiment: $(READY) ## run an experiment of several runs: make experiment NAME=equal_budget
	@$(BIN)/chromahint experiment $(NAME) $(WORDS) $(ARGS)
sweep: $(READY) ## search for hyperparameters; repeat for more workers: make sweep NAME=spreadnet
	@$(BIN)/chromahint sweep $(NAME) $(WORDS) $(ARGS)
evaluate: $(READY) ## measure a network: make evaluate run=runs/NAME/DATE
	@$(BIN)/chromahint evaluate $(WORDS) $(ARGS)
report: $(READY) ## compare runs in report.html: make report RUNS=runs/equal_budget
	@$(BIN)/chromahint report $(RUNS) $(ARGS)
best: $(READY) ## print the best run, and whether its lead is significant: make best RUNS=runs/equal_budget
	@$(BIN)/chromahint best $(RUNS) $(ARGS)
colorize: $(READY) ## color photos: make colorize PHOTO=gray.jpg OUT=colored.jpg ARGS='--hints hints.json'
	@$(BIN)/chromahint colorize $(PHOTO) -o $(OUT) $(ARGS)
studio: $(READY) ## color photos by clicking, in the browser: make studio PHOTO=gray.jpg
	@$(BIN)/chromahint studio $(PHOTO) $(ARGS)
export: $(READY) ## write a network as ONNX or safetensors: make export RUN=runs/NAME/DATE FORMAT=safetensors
	@$(BIN)/chromahint export $(if $(RUN),'$(RUN)') --format $(FORMAT) $(ARGS)
models: $(READY) ## list the networks
	@$(BIN)/chromahint models $(ARGS)
hints: $(READY) ## draw the hints of each sampler into hints.png
	@$(BIN)/chromahint hints preview $(ARGS)
gpu-check: $(READY) ## compare a GPU with the CPU, and measure its speed
	@$(BIN)/chromahint gpu-check $(ARGS)
test: lint ## run the linters and the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 $(ARGS)
lint: $(READY) ## check style and types; JavaScript, too, after npm ci
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy
	@if [ -d node_modules ] && command -v npm >/dev/null; then npm run lint; else echo "no JavaScript lint: run npm ci"; fi
docs: $(READY) ## build the documentation in site/
	$(BIN)/mkdocs build --strict $(ARGS)
bench: $(READY) ## measure speed, as ratios within one run
	$(BIN)/python benchmarks/training_step.py $(ARGS)
	$(BIN)/python benchmarks/loading.py
format: $(READY) ## format the code
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .
clean: ## remove the environment and build outputs; runs stay
	rm -rf $(VENV) build dist site .mypy_cache .ruff_cache .pytest_cache
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Chromahint needs Python 3.11 or later. Type make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@mkdir $(VENV).lock 2>/dev/null || { echo "Another make creates it. If none runs, rmdir $(VENV).lock"; exit 2; }
	@trap 'rmdir $(VENV).lock' EXIT && echo "Creating the environment in $(VENV): takes a few minutes, once." && \
	  $(PYTHON) -m venv --clear $(VENV) && for WHAT in '-e .[dev]' '--no-deps litdata'; do \
	  $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt $$WHAT || exit; done && touch $@

# Typed key=value words, quoted for the shell. Make has them in reverse order; spaces, backslashes, dollars are escaped.
SPACE := $(subst ,, )
TYPED = $(subst $$$$,$$,$(subst \$(SPACE),␠,$(subst \\,⧵,$(MAKEOVERRIDES))))
OPTIONS = $(filter-out $(OWN),$(TYPED))
REVERSE = $(if $(1),$(call REVERSE,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
WORDS = $(foreach WORD,$(call REVERSE,$(OPTIONS)),'$(subst ⧵,\,$(subst ␠, ,$(subst ','\'',$(WORD))))')

UNKNOWN := $(filter-out $(TASKS) $(READY),$(MAKECMDGOALS))
$(if $(UNKNOWN),$(error $(UNKNOWN): unknown task; choose one of $(TASKS). Write options as key=value))
FLAGS := $(firstword -$(MAKEFLAGS))
$(if $(findstring i,$(FLAGS))$(findstring t,$(FLAGS)),$(error -i, -t: would skip errors or the set-up. Leave them out))
ifneq ($(OPTIONS),)
  $(if $(filter-out 1,$(words $(MAKECMDGOALS))),$(error $(OPTIONS): options need one task. Type make train model=unet))
  $(if $(filter $(FORWARDING),$(MAKECMDGOALS)),,$(error $(OPTIONS): $(MAKECMDGOALS) takes no options. Use ARGS))
endif
