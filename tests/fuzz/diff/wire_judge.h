/* wire_judge: whether a message has a JSON form (ProtoJSON, well-known types' .proto files), and
 * what of it the form keeps: decided on the message as protobuf C++ read it. */
#pragma once

#include "peer.h"
#include "tally.h"

namespace diff {

struct Verdict {
  bool refused = false;
  const char *why = "";
  Classes classes = 0;
};

/* Leaves of each map's key the last entry, as a map does that is not read through reflection; in
 * the payloads of Any too.  *classes: kReplaced where a payload can be read only without what a
 * later part of it replaces. */
void wire_settle(Message *message, Classes *classes);
/* A refusal without a class is one that C++ must share.  Brings *message to what a reader of the
 * JSON gets: without unknown fields, without Values that have no value. */
Verdict wire_judge(Message *message);
} // namespace diff
