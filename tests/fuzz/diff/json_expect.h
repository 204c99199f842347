/* json_expect: what ProtoJSON says about a JSON text where protobuf C++ 3.21 says otherwise.
 * A text is refused, or rewritten so that C++ must read it as the original is meant: only the
 * places that a class names are changed, so that all the rest is still C++'s to judge. */
#pragma once

#include <string>

#include "json_tree.h"
#include "peer.h"
#include "tally.h"

namespace diff {

struct Expectation {
  bool refused = false;
  const char *why = "";
  std::string json; /* for C++, unless refused */
  Classes classes = 0;
};

/* A refusal without a class is one that C++ must share. */
Expectation json_expect(const Json &json, const Descriptor *type, bool reject_unknown);

} // namespace diff
