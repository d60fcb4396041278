# Every task a person does. `make train a=b c.d=e` is `chromahint train a=b c.d=e`; `make` alone lists the tasks.

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

TASKS := help setup train multirun experiment sweep evaluate report best colorize studio export models hints test lint format bench clean
# these hand what is typed on to `chromahint`
FORWARDING := train multirun experiment sweep evaluate
OWN := PYTHON=% VENV=% ARGS=% NAME=% RUNS=% PHOTO=% OUT=% RUN=% FORMAT=%

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: $(TASKS)

help: ## list the tasks
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-18s%s\n", $$1, $$2}'
	@echo
	@echo "  Options follow as key=value: make train model=unet trainer.max_minutes=3"
	@echo "  What make cannot carry goes into ARGS: make train ARGS='model=unet \"name=a  b\"'"

setup: $(READY) ## make the environment in .venv (every task does so by itself)

train: $(READY) ## train a network and see what it has learned: make train model=hscaunet
	@$(BIN)/chromahint train $(WORDS) $(ARGS)

multirun: $(READY) ## train every combination: make multirun model=hscaunet,resunet seed=0,1
	@$(BIN)/chromahint train -m $(WORDS) $(ARGS)

experiment: $(READY) ## run an experiment of several runs: make experiment NAME=equal_budget data=folder data.root=PHOTOS
	@$(BIN)/chromahint experiment $(NAME) $(WORDS) $(ARGS)

sweep: $(READY) ## choose among many by trying, again for more workers: make sweep NAME=spreadnet
	@$(BIN)/chromahint sweep $(NAME) $(WORDS) $(ARGS)

evaluate: $(READY) ## measure a network: make evaluate run=runs/NAME/DATE
	@$(BIN)/chromahint evaluate $(WORDS) $(ARGS)

report: $(READY) ## compare runs on one page, report.html: make report RUNS=runs/equal_budget
	@$(BIN)/chromahint report $(RUNS) $(ARGS)

best: $(READY) ## name the best run, and say whether it may be chance: make best RUNS=runs/equal_budget
	@$(BIN)/chromahint best $(RUNS) $(ARGS)

colorize: $(READY) ## color photos: make colorize PHOTO=gray.jpg OUT=colored.jpg ARGS='--hints hints.json'
	@$(BIN)/chromahint colorize $(PHOTO) -o $(OUT) $(ARGS)

export: $(READY) ## write a network for use elsewhere: make export RUN=runs/NAME/DATE FORMAT=safetensors
	@$(BIN)/chromahint export $(if $(RUN),'$(RUN)') --format $(FORMAT) $(ARGS)

studio: $(READY) ## color photos by clicking, on a page of this machine: make studio PHOTO=gray.jpg
	@$(BIN)/chromahint studio $(PHOTO) $(ARGS)

models: $(READY) ## list the networks
	@$(BIN)/chromahint models $(ARGS)

hints: $(READY) ## draw what each hint sampler does, into hints.png
	@$(BIN)/chromahint hints preview $(ARGS)

test: lint ## check the code and run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 $(ARGS)

lint: $(READY) ## check style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY) ## measure speed, as ratios within one run
	$(BIN)/python benchmarks/training_step.py $(ARGS)
	$(BIN)/python benchmarks/loading.py

clean: ## remove the environment and what tools leave behind; runs stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache

# made once, and anew when what it is made from changes
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Chromahint needs Python 3.11 or later: type make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@echo "Making the environment in $(VENV): a few minutes, once."
	@mkdir $(VENV).lock 2>/dev/null || { echo "Another make is at it: wait for that one. If there is none, type" \
	  "rmdir $(VENV).lock"; exit 2; }
	@trap 'rmdir $(VENV).lock' EXIT && $(PYTHON) -m venv --clear $(VENV) && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' && touch $@

# --- what was typed, word by word, quoted for the shell -------------------------------------------------------------
# make keeps command-line variables in reverse order, with a backslash before each space
# and each backslash, and each dollar doubled
EMPTY :=
SPACE := $(EMPTY) $(EMPTY)
QUOTE := '
BLANK := ␠
SLASH := ⧵
TYPED = $(subst $$$$,$$,$(subst \$(SPACE),$(BLANK),$(subst \\,$(SLASH),$(MAKEOVERRIDES))))
REVERSE = $(if $(1),$(call REVERSE,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
QUOTED = '$(subst $(SLASH),\,$(subst $(BLANK), ,$(subst $(QUOTE),'\'',$(1))))'
WORDS = $(foreach WORD,$(call REVERSE,$(filter-out $(OWN),$(TYPED))),$(call QUOTED,$(WORD)))

# --- refuse, before anything runs, what would be misunderstood -------------------------------------------------------
WRONG := $(filter-out $(TASKS) $(READY),$(MAKECMDGOALS))
ifneq ($(WRONG),)
  $(error $(WRONG): there is no such task; options are written key=value. The tasks: $(TASKS))
endif
ifneq ($(filter-out $(OWN),$(TYPED)),)
  ifneq ($(words $(MAKECMDGOALS)),1)
    $(error options go with one task: make train model=unet)
  endif
  ifeq ($(filter $(FORWARDING),$(MAKECMDGOALS)),)
    $(error $(MAKECMDGOALS) takes no options $(filter-out $(OWN),$(TYPED)): see ARGS in `make help`)
  endif
endif
# flags are make's own: those that people mean for a command are refused rather than swallowed
STRAY := $(shell tr '\0' '\n' 2>/dev/null </proc/$$PPID/cmdline | sed 1d | grep -x -e '-[mb]' -e '--multirun')
ifneq ($(STRAY),)
  $(error $(STRAY): is a flag that make would swallow; several runs are `make multirun model=a,b`)
endif
ifneq ($(findstring i,$(firstword -$(MAKEFLAGS)))$(findstring t,$(firstword -$(MAKEFLAGS))),)
  $(error -i and -t: would pass over errors and set-up; leave them out)
endif
