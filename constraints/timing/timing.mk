# `make timing`: how large and how fast the design is on an ECP5, without a board.

VENV ?= .venv

.PHONY: timing
timing: setup ## size and clock on an ECP5, out of context, against the targets (15 minutes)
	@VENV=$(VENV) constraints/timing/run
