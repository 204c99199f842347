/* descriptors: descriptors/userservice.pb, built into the program (demo.mk generates the bytes).
 * Immutable; any thread. */
#pragma once

#include <stddef.h>

extern const unsigned char gw_demo_descriptors[];
extern const size_t gw_demo_descriptors_n;
