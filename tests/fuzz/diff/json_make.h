/* json_make: JSON texts for a message: mostly right ones, with the edges of every type, some almost
 * right, and what both sides must refuse. */
#pragma once

#include "peer.h"
#include "random.h"

namespace diff {

/* A new text, or `json` with a part of it changed. */
std::string json_mutate(const std::string &json, const Descriptor *type, Random *random);

} // namespace diff
