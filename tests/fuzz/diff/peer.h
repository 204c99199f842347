/* peer: protobuf C++, the other side of the comparison: its JSON converters on the same descriptor
 * set, without the limits of its parsers that are no rules of the format (100 nested messages).
 * peer_canonical() gives equal bytes for equal messages, the contents of Any
 * included. */
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <vector>

#include "tally.h"

namespace diff {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr char kTypePrefix[] = "type.googleapis.com";

using MessagePtr = std::unique_ptr<Message>;

/* Reads the set that the environment names in DIFF_SET, else those of proto/, and hands it to both
 * sides.  Ends the process when there is none. */
void peer_load();
const std::vector<const Descriptor *> &peer_roots();
/* What a type URL's last part names; nullptr: no slash, or no such message. */
const Descriptor *peer_find_type(const std::string &url);
const FieldDescriptor *peer_find_extension(const std::string &name, const Descriptor *extendee);

/* nullptr: refused. */
MessagePtr peer_parse(const Descriptor *type, const std::string &wire);
bool peer_json_to_wire(const Descriptor *type, bool reject_unknown, const std::string &json,
                       std::string *wire, std::string *why);
/* `wire`: the message, serialized. */
bool peer_wire_to_json(const Message &message, const std::string &wire, std::string *json,
                       std::string *why);
/* The payload as the type that the URL names; nullptr: unknown, or unreadable. */
MessagePtr peer_any_content(const Message &any);
std::string peer_serialize(const Message &message);
/* Without what the classes kExtension, kGroup, kAnyPrefix and kAnyList name. */
std::string peer_canonical(const Message &message, Classes classes);

} // namespace diff
