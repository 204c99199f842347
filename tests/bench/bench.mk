# `make bench`: included by the Makefile.  BENCH_FLAGS, e.g. --quick or --enforce, go to bench.py.

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
