/* wire_scan: wire bytes looked at field by field, without the library and without the gateway. */
#pragma once

#include "peer.h"

namespace diff {

struct WireField { /* one occurrence on the wire */
  int number, wire_type;
  std::string bytes;   /* all of it, tag included */
  std::string content; /* of a length-delimited field or a group */
  uint64_t tag;
  uint64_t end_tag;    /* of a group */
  size_t prefix_bytes; /* of the tag, the length or the end tag, whichever takes most */
  size_t tag_bytes;
};

/* False: malformed.  The content of submessages is not looked into, that of groups is. */
bool wire_scan(const std::string &wire, std::vector<WireField> *fields);

struct WireForms {
  bool wide_tag = false;    /* of more than 32 bits: no field has such a number */
  bool long_prefix = false; /* a tag or length of more than five bytes */
};

/* How tags and lengths are written, in submessages, groups and the payloads of Any too. */
WireForms wire_forms(const Descriptor *type, const std::string &wire);
/* The same with each tag cut to 32 bits, and tags and lengths in as few bytes as they need. */
std::string wire_plain(const Descriptor *type, const std::string &wire);

/* Without what a later part replaces: earlier values of a scalar or string, other members of a
 * oneof, earlier entries of a map's key.  Submessages that come in pieces become one.  The same
 * message, unless what was replaced is malformed.  False: malformed otherwise. */
bool wire_without_replaced(const Descriptor *type, const std::string &wire, std::string *out);

} // namespace diff
