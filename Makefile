# Everything a user or a developer runs. `make` alone lists it.
# Each target first sees to it that the tools are there (.ci/setup, silent when they are).

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# For these alone: cargo compiles the models anew when PATH changes.
lint timing: export PATH := $(CURDIR)/.venv/bin:$(PATH)

export CARGO_TERM_COLOR ?= auto

CARGO ?= cargo
DEMO := $(wildcard testbench/demo/*.pcap)

# nextest runs the test binaries side by side; plain cargo serves where it is not installed.
NEXTEST := $(shell $(CARGO) nextest --version 2>/dev/null)
ifneq ($(NEXTEST),)
RUN_TESTS = $(CARGO) nextest run --workspace
else
RUN_TESTS = $(CARGO) test --workspace --tests
endif

.PHONY: help
help: ## show this list
	@printf 'make TARGET, where TARGET is\n\n'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'
	@printf '\nA new user wants demo, then test.\n'

.PHONY: setup
setup: ## install what is missing: packages by apt, Python tools into .venv
	@.ci/setup

.PHONY: demo
demo: setup ## replay the bundled captures through the RTL
	@echo 'demo: building the model and the toe command (the first time takes some minutes)'
	@$(CARGO) build --release --package toe-testbench --bin toe
	@rm -rf target/demo
	@for capture in $(DEMO); do \
	  printf '\ndemo: %s\n' "$$capture"; \
	  $(CARGO) toe replay "$$capture" --streams "target/demo/$$(basename "$$capture" .pcap)"; \
	done
	@cd target/demo && sha256sum --check --quiet ../../testbench/demo/streams.sha256
	@printf '\ndemo: all %d streams in target/demo are, byte for byte, what two TCP reassemblers see\n' \
	  "$$(wc -l <testbench/demo/streams.sha256)"
	@printf '\nWhere to look next\n'
	@printf '  %-42s %s\n' \
	  'testbench/demo/README.md' 'what went wrong on the wire in each capture' \
	  'cargo toe replay FILE.pcapng' 'the same with a capture of yours' \
	  'cargo toe replay FILE --trace target/w.fst' 'the same with a waveform of every signal' \
	  'rtl/README.md' 'the modules, in the order that a byte meets them' \
	  'make test' 'all the tests'

.PHONY: test
test: setup check ## run all the tests, the checks and lints first
	@echo 'test: examples in the documentation'
	@$(CARGO) test --quiet --workspace --doc
	@echo 'test: all the rest'
	@$(RUN_TESTS)

.PHONY: check
check: setup lint ## format, clippy, lint and generated files, without the tests
	@echo 'check: format'
	@$(CARGO) fmt --all --check
	@echo 'check: generated files follow rtl/registers/map.toml'
	@$(CARGO) run --quiet --package toe-registers -- --check
	@echo 'check: clippy'
	@$(CARGO) clippy --quiet --workspace --all-targets -- --deny warnings

.PHONY: sweep
sweep: setup ## the heavy sweeps: every capture, window, stall pattern (an hour)
	@TOE_SWEEP=1 $(RUN_TESTS)

# Scripts of 250 operations, one a seed; a failure prints its seed and the shortest script found that still fails, and
# how to run that again: SCRIPT=FILE make soak.
OPERATIONS ?= 10000
SEED ?= 0
.PHONY: soak
soak: setup ## random operations on RTL and driver, judged by the models: OPERATIONS=, SEED=, or SCRIPT=
	@TOE_SOAK=$(OPERATIONS) SEED=$(SEED) SCRIPT=$(abspath $(SCRIPT)) $(CARGO) test --quiet --package toe-testbench --test soak -- --nocapture all_operations

# Words: those mutations alone that have one of them in their name or file, or as their behaviour.
MUTANTS ?=
.PHONY: mutants
mutants: setup ## break one rule after the other on purpose, and see which test notices: MUTANTS=
	@$(CARGO) run --quiet --package toe-testbench --bin mutants -- $(MUTANTS)

.PHONY: bench
bench: setup ## datapath figures in cycles, and simulation speed
	@$(CARGO) bench --quiet --package toe-testbench --bench payload_writer
	@$(CARGO) run --quiet --release --package toe-testbench --bin toe -- bench

.PHONY: registers
registers: setup ## write what follows from rtl/registers/map.toml
	@$(CARGO) run --quiet --package toe-registers

.PHONY: waves
waves: ## list the waveforms that failing tests have left
	@ls -t target/waves/*.fst 2>/dev/null || echo 'waves: none; a failing test writes target/waves/TEST.fst'

.PHONY: waves-overlap
waves-overlap: setup ## the waveform of copy and DMA at work in the same cycles, and its view
	@$(CARGO) test --quiet --package toe-testbench --test overlap -- --nocapture the_waveform the_adapter_places
	@printf 'waves-overlap: to look at it: gtkwave target/views/overlap.fst testbench/waves/overlap.gtkw\n'

.PHONY: clean
clean: ## remove what was built; the tools in .venv stay
	@$(CARGO) clean

-include rtl/lint.mk
-include constraints/timing/timing.mk
