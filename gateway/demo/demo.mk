# The demo's descriptors as bytes in the program, so that `sluice demo` needs no file.
# Included by the Makefile before GEN_OBJ is set.

GEN_C += $(B)/gen/demo/descriptors.c

$(B)/gen/demo/descriptors.c: descriptors/userservice.pb
	@mkdir -p $(@D)
	$(Q){ echo '#include "demo/descriptors.h"'; \
	  echo 'const unsigned char gw_demo_descriptors[] = {'; \
	  od -An -v -tx1 $< | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'; \
	  echo '};'; echo 'const size_t gw_demo_descriptors_n = sizeof gw_demo_descriptors;'; } > $@
