# Sluice.  `make help` lists the targets.
#
#   B=DIR          where to build; default build
#   SAN=asan|tsan  sanitizers, with a build directory of their own
#   CC=clang       another compiler

SHELL := /bin/bash
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# V=1 shows the commands.
Q := $(if $(V),,@)

SAN ?=
B   ?= build$(if $(SAN),/$(SAN))
CC  := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
PYTHON := /usr/bin/python3
VERSION := 0.1.0

# ---- what must be installed -------------------------------------------------------------------

DEPS_BUILD := gcc make pkg-config libc6-dev libuv1-dev libnghttp2-dev libprotobuf-c-dev \
  protobuf-c-compiler protobuf-compiler libprotobuf-dev libjansson-dev libmicrohttpd-dev \
  libyaml-dev libssl-dev zlib1g-dev uthash-dev python3
DEPS_DEMO := curl
DEPS_TEST := libcmocka-dev curl python3-grpcio python3-protobuf python3-h2 python3-cryptography openssl nodejs:node npm:npm iproute2:ip
# The runner, a compiler and libraries for them come from npm and apt-get: tests/conformance/tools.py.
DEPS_CONFORMANCE := nodejs:node npm:npm
# Chromium needs a font to lay anything out.  playwright-core comes from npm: tests/browser/browser.py.
DEPS_BROWSER := chromium fonts-dejavu-core fonts-liberation nodejs:node npm:npm
DEPS_CHECK := git clang libclang-rt-14-dev clang-format-14 clang-tidy-14 valgrind
DEPS_BENCH := nghttp2-proxy nghttp2-client nginx-light wrk strace
DEPS_BENCH_CODEC := g++ libprotobuf-dev protobuf-compiler libjansson-dev

# $(call need,PACKAGES): installs what is missing, as root or through sudo, and says so.
need = tests/deps.sh $(1)

# ---- how to compile ---------------------------------------------------------------------------

WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
HARDEN := -fstack-protector-strong -fPIE -fcf-protection
# gcc 12 packs two pointers that a function returns in registers into a vector register, by way of the
# stack, and takes them apart again: up to a third of the time of a conversion.
OPT := -O3 -g -fno-tree-slp-vectorize
SANFLAGS :=
LTO :=
ifeq ($(SAN),asan)
  SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
  OPT := -O1 -g
else ifeq ($(SAN),tsan)
  SANFLAGS := -fsanitize=thread -fno-omit-frame-pointer
  OPT := -O1 -g
else
  HARDEN += -D_FORTIFY_SOURCE=2
  # The program is optimized across its files: a tenth fewer instructions for each request.  The
  # objects hold ordinary code too, for the unit tests, which wrap the allocator.
  ifeq ($(findstring clang,$(CC)),)
    LTO := -flto=auto -fno-plt
    CFLAGS += -ffat-lto-objects
  endif
endif

PKGS := libuv libnghttp2 libprotobuf-c jansson libmicrohttpd yaml-0.1 openssl zlib
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS = $(shell pkg-config --libs $(PKGS))
CPPFLAGS += -D_GNU_SOURCE -DGW_VERSION='"$(VERSION)"' -Igateway -I$(B)/gen
CFLAGS += -std=gnu17 $(OPT) $(WARN) $(HARDEN) $(SANFLAGS) $(LTO)
LDFLAGS += -pie -Wl,-z,relro,-z,now $(SANFLAGS)
# Programs of a few layers: linked from the ordinary code in the objects.
LDFLAGS_PARTS = $(LDFLAGS) $(if $(LTO),-fno-lto)
LDLIBS += $(PKG_LIBS) -lm -lpthread

# ---- files, by layer --------------------------------------------------------------------------

LAYERS := base schema codec route net upstream migrate control exchange front admin demo command
objects_of = $(patsubst %.c,$(B)/obj/%.o,$(sort $(wildcard gateway/$(1)/*.c)))
# The objects of a layer and of all layers below it; schema/ brings the generated code along.
layers_to = $(firstword $(LAYERS)) $(if $(filter-out $(firstword $(LAYERS)),$(1)),$(call upto,$(1),$(wordlist 2,99,$(LAYERS))))
upto = $(if $(2),$(firstword $(2)) $(if $(filter $(firstword $(2)),$(1)),,$(call upto,$(1),$(wordlist 2,99,$(2)))))
# admin/ needs the server above all layers, which its own tests replace; demo/ does not use it.
stack_to = $(foreach l,$(filter-out $(if $(filter demo,$(1)),admin),$(call layers_to,$(1))),$(call objects_of,$(l))) $(GEN_OBJ)

GEN_C := $(B)/gen/sluice/descriptor.pb-c.c $(B)/gen/schema/builtin.c
include gateway/demo/demo.mk
include gateway/admin/dashboard/dashboard.mk
GEN_OBJ := $(patsubst $(B)/gen/%.c,$(B)/obj/gen/%.o,$(GEN_C))
OBJ := $(foreach l,$(LAYERS),$(call objects_of,$(l))) $(patsubst %.c,$(B)/obj/%.o,$(wildcard gateway/*.c)) $(GEN_OBJ)

DESCRIPTORS := $(patsubst proto/%.proto,descriptors/%.pb,$(wildcard proto/*.proto))

.PHONY: all
all: $(B)/sluice descriptors ## build everything (the default)

$(B)/sluice: $(OBJ)
	@echo '  LD' $@
	$(Q)$(CC) $(LDFLAGS) $(if $(LTO),$(OPT) $(HARDEN) $(LTO)) -o $@ $^ $(LDLIBS)

$(B)/obj/gateway/%.o: gateway/%.c | $(B)/gen/sluice/descriptor.pb-c.h
	@mkdir -p $(@D)
	@echo '  CC' $@
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# protoc-c writes code that is not clean under our warnings.
$(B)/obj/gen/%.o: $(B)/gen/%.c
	@mkdir -p $(@D)
	@echo '  CC' $@
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(filter-out $(WARN),$(CFLAGS)) -MMD -MP -c -o $@ $<

$(B)/gen/sluice/descriptor.pb-c.c $(B)/gen/sluice/descriptor.pb-c.h &: proto/sluice/descriptor.proto
	@mkdir -p $(B)/gen
	@echo '  PROTOC' $@
	$(Q)protoc-c -Iproto --c_out=$(B)/gen $<

# The built-in descriptor set (well-known types, google.rpc, google.api) as bytes in the program.
$(B)/gen/builtin.pb: $(wildcard proto/builtin/google/*/*.proto)
	@mkdir -p $(@D)
	@echo '  PROTOC' $@
	$(Q)protoc -Iproto/builtin -I/usr/include --include_imports --descriptor_set_out=$@ \
	  $(patsubst proto/builtin/%,%,$(wildcard proto/builtin/google/*/*.proto)) \
	  google/protobuf/{any,duration,empty,field_mask,struct,timestamp,wrappers}.proto

$(B)/gen/schema/builtin.c: $(B)/gen/builtin.pb
	@mkdir -p $(@D)
	$(Q){ echo '#include "schema/builtin.h"'; \
	  echo 'const unsigned char gw_schema_builtin[] = {'; \
	  od -An -v -tx1 $< | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'; \
	  echo '};'; echo 'const size_t gw_schema_builtin_n = sizeof gw_schema_builtin;'; } > $@

.PHONY: descriptors
descriptors: $(DESCRIPTORS)

descriptors/%.pb: proto/%.proto
	@echo '  PROTOC' $@
	$(Q)protoc -Iproto -Iproto/builtin -I/usr/include --include_imports --include_source_info \
	  --descriptor_set_out=$@ $<

# ---- unit tests: tests/unit/LAYER/*_test.c against LAYER and the layers below ------------------

UNIT_LAYERS := $(filter $(LAYERS),$(notdir $(patsubst %/,%,$(wildcard tests/unit/*/))))
UNIT_BINS := $(patsubst %,$(B)/unit/%,$(UNIT_LAYERS))

define unit_rule
$(B)/unit/$(1): $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/unit/$(1)/*.c) $(wildcard tests/unit/*.c)) $(call stack_to,$(1))
	@mkdir -p $$(@D)
	@echo '  LD' $$@
	$(Q)$$(CC) $$(LDFLAGS_PARTS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc -o $$@ $$^ $$(LDLIBS) -lcmocka
endef
$(foreach l,$(UNIT_LAYERS),$(eval $(call unit_rule,$(l))))

$(B)/obj/tests/%.o: tests/%.c | $(B)/gen/sluice/descriptor.pb-c.h
	@mkdir -p $(@D)
	@echo '  CC' $@
	$(Q)$(CC) $(CPPFLAGS) -Itests $(PKG_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Descriptor sets of golden cases, beside the tests that read them.
GOLDEN_SETS := $(patsubst tests/golden/%.proto,$(B)/golden/%.pb,$(wildcard tests/golden/*/*/*.proto))

$(B)/golden/%.pb: tests/golden/%.proto
	@mkdir -p $(@D)
	@echo '  PROTOC' $@
	$(Q)protoc -I$(<D) -Iproto/builtin -I/usr/include --include_imports --descriptor_set_out=$@ $<

.PHONY: unit
unit: $(UNIT_BINS) $(GOLDEN_SETS) descriptors ## unit tests and golden cases only
	$(PYTHON) tests/run.py --build $(B) unit

# ---- growth: instructions in proportion to size -------------------------------------------------

$(B)/growth/codec_growth: $(B)/obj/tests/growth/codec_growth.o $(call stack_to,codec)
	@mkdir -p $(@D)
	@echo '  LD' $@
	$(Q)$(CC) $(LDFLAGS_PARTS) -o $@ $^ $(LDLIBS)

.PHONY: growth-bins
growth-bins: $(B)/growth/codec_growth descriptors

.PHONY: growth
growth: ## no message costs more than in proportion to its size
	@$(call need,$(DEPS_BUILD) valgrind)
	@$(MAKE) --no-print-directory growth-bins
	$(PYTHON) tests/run.py --build $(B) growth

# ---- conformance: protobuf's own tests of JSON, through the codec --------------------------------

$(B)/conformance/testee: $(B)/obj/tests/conformance/testee.o $(call stack_to,codec)
	@mkdir -p $(@D)
	@echo '  LD' $@
	$(Q)$(CC) $(LDFLAGS_PARTS) -o $@ $^ $(LDLIBS)

.PHONY: conformance-bins
conformance-bins: $(B)/conformance/testee

.PHONY: conformance
conformance: ## protobuf's official conformance tests, all that touch JSON
	@$(call need,$(DEPS_BUILD) $(DEPS_CONFORMANCE))
	@$(MAKE) --no-print-directory conformance-bins
	$(PYTHON) tests/conformance/conformance.py --build $(B)

# ---- fuzzers: tests/fuzz/NAME_fuzz.c, corpus in tests/fuzz/corpus/NAME -------------------------

FUZZ_NAMES := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_BINS := $(patsubst %,$(B)/fuzz/%,$(FUZZ_NAMES))
FUZZ_SECONDS ?= 30
# FUZZ_ONLY=NAME: only fuzzers whose name holds it.  FUZZ_SEED=N: the same run again; 0: another one
# each time.  FUZZ_FOUND=DIR: what is found stays there, and the next run goes on from it.
FUZZ_ONLY ?=
FUZZ_SEED ?= 0
FUZZ_FOUND ?=
# FUZZ_SAN=undefined FUZZ_OPT=-O2 with another B: many more executions in the same time.
FUZZ_SAN ?= address,undefined
FUZZ_OPT ?= -O1
FUZZ_SANFLAGS := -g $(FUZZ_OPT) -fsanitize=$(FUZZ_SAN) -fno-sanitize-recover=all
FUZZ_FLAGS := -std=gnu17 -fsanitize=fuzzer $(FUZZ_SANFLAGS)
# clang sees the whole program at once, so that every layer's code is instrumented.
FUZZ_SRC = $(foreach l,$(filter-out admin demo front command,$(LAYERS)),$(wildcard gateway/$(l)/*.c)) $(GEN_C)

$(B)/fuzz/obj/%.o: %.c | $(B)/gen/sluice/descriptor.pb-c.h
	@mkdir -p $(@D)
	@echo '  CC' $@
	$(Q)clang $(CPPFLAGS) $(PKG_CFLAGS) $(FUZZ_FLAGS) -MMD -MP -c -o $@ $<

# What is random in each process, unless it is to repeat another: tests/fuzz/repeat.c.
FUZZ_REPEAT := $(B)/fuzz/obj/tests/fuzz/repeat.o
FUZZ_WRAP := -Wl,--wrap=getauxval,--wrap=getrandom

$(FUZZ_BINS): $(B)/fuzz/%: $(B)/fuzz/obj/tests/fuzz/%_fuzz.o $(FUZZ_REPEAT) \
    $(patsubst %.c,$(B)/fuzz/obj/%.o,$(FUZZ_SRC))
	@echo '  LD' $@
	$(Q)clang $(FUZZ_FLAGS) $(FUZZ_WRAP) -o $@ $^ $(LDLIBS)

# tests/fuzz/NAME_fuzz.cc: against protobuf C++.  Only the gateway's code is instrumented.
FUZZ_DIFF_BINS := $(patsubst tests/fuzz/%_fuzz.cc,$(B)/fuzz/%,$(wildcard tests/fuzz/*_fuzz.cc))
FUZZ_DIFF_SRC = $(foreach l,base schema codec,$(wildcard gateway/$(l)/*.c)) $(GEN_C) \
  $(wildcard tests/fuzz/diff/*.c)
FUZZ_DIFF_FLAGS := -std=gnu++17 -Wall -Wextra -Wshadow -Werror $(FUZZ_SANFLAGS) -fno-sanitize=vptr

$(B)/fuzz/obj/%.o: %.cc
	@mkdir -p $(@D)
	@echo '  CXX' $@
	$(Q)clang++ -Igateway -Itests/fuzz $(FUZZ_DIFF_FLAGS) -MMD -MP -c -o $@ $<

$(FUZZ_DIFF_BINS): $(B)/fuzz/%: $(B)/fuzz/obj/tests/fuzz/%_fuzz.o $(FUZZ_REPEAT) \
    $(patsubst %,$(B)/fuzz/obj/%.o,$(basename $(wildcard tests/fuzz/diff/*.cc) $(FUZZ_DIFF_SRC)))
	@echo '  LD' $@
	$(Q)clang++ -fsanitize=fuzzer $(FUZZ_SANFLAGS) $(FUZZ_WRAP) -o $@ $^ -lprotobuf $(LDLIBS)

.PHONY: fuzz-bins
fuzz-bins: $(FUZZ_BINS) $(FUZZ_DIFF_BINS)

.PHONY: fuzz
fuzz: fuzz-bins descriptors ## every fuzzer for FUZZ_SECONDS (30) each
	$(PYTHON) tests/run.py --build $(B) --fuzz-seconds $(FUZZ_SECONDS) --fuzz-seed $(FUZZ_SEED) \
	  $(if $(FUZZ_FOUND),--fuzz-found $(FUZZ_FOUND)) --only '$(FUZZ_ONLY)' fuzz

# ---- benches -----------------------------------------------------------------------------------

include tests/bench/bench.mk

# ---- what users and CI call ---------------------------------------------------------------------

.PHONY: deps
deps: ## install what building, testing and checking need
	@$(call need,$(DEPS_BUILD) $(DEPS_DEMO) $(DEPS_TEST) $(DEPS_CONFORMANCE) \
	  $(DEPS_BROWSER) $(DEPS_CHECK) $(DEPS_BENCH) $(DEPS_BENCH_CODEC))

# The first targets install before the rest of this file asks pkg-config: hence the second make.
.PHONY: demo
demo: ## build, then show REST clients being served by a gRPC service
	@$(call need,$(DEPS_BUILD) $(DEPS_DEMO))
	@$(MAKE) --no-print-directory all
	$(B)/sluice demo $(DEMO_FLAGS)

.PHONY: test
test: ## unit tests, golden cases, conformance, integration tests with real gRPC servers
	@$(call need,$(DEPS_BUILD) $(DEPS_DEMO) $(DEPS_TEST) $(DEPS_CONFORMANCE))
	@$(MAKE) --no-print-directory all unit-bins conformance-bins
	$(PYTHON) tests/run.py --build $(B) unit conformance integration

.PHONY: test-faults
test-faults: ## backends that die, freeze, vanish and fail under load: what clients notice
	@$(call need,$(DEPS_BUILD) $(DEPS_DEMO) $(DEPS_TEST))
	@$(MAKE) --no-print-directory all
	tests/faults/test_faults.py --build $(B)

.PHONY: test-browser
test-browser: ## the dashboard in headless Chromium
	@$(call need,$(DEPS_BUILD) $(DEPS_DEMO) $(DEPS_TEST) $(DEPS_BROWSER))
	@$(MAKE) --no-print-directory all
	$(PYTHON) tests/run.py --build $(B) browser

.PHONY: screenshots
screenshots: ## the dashboard's pictures in docs/, made anew
	@$(call need,$(DEPS_BUILD) $(DEPS_TEST) $(DEPS_BROWSER))
	@$(MAKE) --no-print-directory all
	tests/browser/browser.py --build $(B) --shots

.PHONY: soak
soak: ## the same for minutes, with 100,000 POSTs; hostile services for long
	@$(call need,$(DEPS_BUILD) $(DEPS_DEMO) $(DEPS_TEST))
	@$(MAKE) --no-print-directory all
	tests/faults/test_faults.py --build $(B) --long
	SLUICE_LONG=1 $(PYTHON) tests/run.py --build $(B) --only hostile integration

.PHONY: unit-bins
unit-bins: $(UNIT_BINS) $(GOLDEN_SETS)

.PHONY: check
check: ## test, lint, sanitizers, valgrind, fuzzers: what CI runs
	@$(call need,$(DEPS_BUILD) $(DEPS_DEMO) $(DEPS_TEST) $(DEPS_CONFORMANCE) \
	  $(DEPS_BROWSER) $(DEPS_CHECK) $(DEPS_BENCH) $(DEPS_BENCH_CODEC))
	tests/check.sh

.PHONY: lint
lint: ## layers, homes of headers, banned functions, sizes, format
	$(PYTHON) tests/lint/lint.py

.PHONY: format
format: ## let clang-format have its way
	clang-format-14 -i $$(git ls-files '*.c' '*.h' '*.cc')

.PHONY: golden
golden: $(UNIT_BINS) $(GOLDEN_SETS) ## write what the golden cases give now; read the diff before you keep it
	GOLDEN_UPDATE=1 $(PYTHON) tests/run.py --build $(B) unit

PREFIX ?= /usr/local
.PHONY: install
install: all ## install the program and its man page under PREFIX
	install -D -m 755 $(B)/sluice $(DESTDIR)$(PREFIX)/bin/sluice
	install -D -m 644 docs/sluice.1 $(DESTDIR)$(PREFIX)/share/man/man1/sluice.1

.PHONY: clean
clean: ## remove what was built
	rm -rf build

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

-include $(shell find $(B) -type f -path '*/obj/*' -name '*.d' 2>/dev/null)
