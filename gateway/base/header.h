/* header: a name and a value: an HTTP field, a piece of gRPC metadata.  Owns nothing. */
#pragma once

#include "base/str.h"

typedef struct gw_header {
  gw_str name; /* in lower case */
  gw_str value;
} gw_header;
