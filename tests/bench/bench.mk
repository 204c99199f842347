# `make bench`, `make bench-codec`: included by the Makefile.  BENCH_FLAGS, e.g. --quick or --enforce,
# go to bench.py or codec_bench.py.

BENCH_PKGS := libuv libnghttp2
BENCH_FLAGS ?=

$(B)/bench/backend: tests/bench/backend.c
	@mkdir -p $(@D)
	@echo '  LD' $@
	$(Q)$(CC) -std=gnu17 $(OPT) $(WARN) -D_GNU_SOURCE $$(pkg-config --cflags $(BENCH_PKGS)) -o $@ $< \
	  $$(pkg-config --libs $(BENCH_PKGS))

# Installs before the rest of the Makefile asks pkg-config: hence the second make.
.PHONY: bench
bench: ## CPU for each request beside nghttpx and nginx
	@$(call need,$(DEPS_BUILD) $(DEPS_BENCH))
	@$(MAKE) --no-print-directory all $(B)/bench/backend
	tests/bench/bench.py --build $(B) $(BENCH_FLAGS)

# ---- bench-codec: C++ is only here, for protobuf's own converters -------------------------------

BENCH_CODEC_PKGS := protobuf jansson
CXX := $(if $(filter default undefined,$(origin CXX)),g++,$(CXX))
CXXFLAGS ?= -std=gnu++17 $(OPT) -Wall -Wextra -Werror $(SANFLAGS)

$(B)/obj/tests/bench/codec_bench.o: tests/bench/codec_bench.cc
	@mkdir -p $(@D)
	@echo '  CXX' $@
	$(Q)$(CXX) $(CXXFLAGS) -Itests $$(pkg-config --cflags $(BENCH_CODEC_PKGS)) -MMD -MP -c -o $@ $<

# Linked as the program itself is.
$(B)/bench/codec_bench: $(B)/obj/tests/bench/codec_bench.o $(B)/obj/tests/bench/codec_sluice.o \
  $(call stack_to,codec)
	@mkdir -p $(@D)
	@echo '  LD' $@
	$(Q)$(CXX) $(LDFLAGS_PARTS) -o $@ $^ $$(pkg-config --libs $(BENCH_CODEC_PKGS)) $(LDLIBS)

$(B)/bench/codec_bench.pb: tests/bench/codec_bench.proto proto/codec_test.proto
	@mkdir -p $(@D)
	@echo '  PROTOC' $@
	$(Q)protoc -Itests/bench -Iproto -Iproto/builtin -I/usr/include --include_imports \
	  --descriptor_set_out=$@ $(^F)

.PHONY: bench-codec
bench-codec: ## JSON and protobuf converted, beside protobuf C++ and jansson
	@$(call need,$(DEPS_BUILD) $(DEPS_BENCH_CODEC))
	@$(MAKE) --no-print-directory $(B)/bench/codec_bench $(B)/bench/codec_bench.pb
	tests/bench/codec_bench.py --build $(B) $(BENCH_FLAGS)
