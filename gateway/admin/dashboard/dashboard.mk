# The operators' page as bytes in the program.  Included by the Makefile before GEN_OBJ is set.

GEN_C += $(B)/gen/admin/dashboard.c

$(B)/gen/admin/dashboard.c: $(wildcard gateway/admin/dashboard/*)
	@mkdir -p $(@D)
	$(Q)$(PYTHON) gateway/admin/dashboard/embed.py gateway/admin/dashboard/index.html $(@:.c=.html) $@
