/* builtin: the descriptor set that the program brings along: well-known types, google.rpc,
 * google.api, google/protobuf/descriptor.proto.  The bytes are generated from proto/builtin/.
 * Constant; any thread. */
#pragma once

#include <stddef.h>

extern const unsigned char gw_schema_builtin[];
extern const size_t gw_schema_builtin_n;
