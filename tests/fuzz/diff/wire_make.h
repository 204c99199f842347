/* wire_make: wire bytes for a message: what serializers write, what parsers must bear (fields out
 * of order or twice, split submessages, packed and not, long varints, unknown fields and groups),
 * and what is broken. */
#pragma once

#include "peer.h"
#include "random.h"

namespace diff {

/* A new message, or `wire` with a part of it changed. */
std::string wire_mutate(const std::string &wire, const Descriptor *type, Random *random);

} // namespace diff
