#include "wire_scan.h"

#include <algorithm>
#include <map>

namespace diff {

namespace {

using F = FieldDescriptor;

enum { kVarint, kFixed64, kLength, kStartGroup, kEndGroup, kFixed32 };

bool scan_varint(const std::string &wire, size_t *at, uint64_t *value) {
  *value = 0;
  for (unsigned shift = 0; shift < 70 && *at < wire.size(); shift += 7) {
    uint64_t byte = static_cast<unsigned char>(wire[(*at)++]);
    *value |= shift < 64 ? (byte & 0x7F) << shift : 0;
    if (byte < 0x80) return true;
  }
  return false;
}

void put_varint(uint64_t value, std::string *out) {
  for (; value >= 0x80; value >>= 7)
    *out += static_cast<char>(value | 0x80);
  *out += static_cast<char>(value);
}

bool scan_field(const std::string &wire, size_t *at, WireField *field);

/* Behind the start tag, to behind the end tag. */
bool scan_group(const std::string &wire, size_t *at, WireField *field) {
  size_t begin = *at;
  for (;;) {
    size_t before = *at;
    WireField inner;
    if (*at >= wire.size() || !scan_field(wire, at, &inner)) return false;
    if (inner.wire_type != kEndGroup) continue;
    field->content = wire.substr(begin, before - begin);
    field->end_tag = inner.tag;
    field->prefix_bytes = std::max(field->prefix_bytes, inner.tag_bytes);
    return inner.number == field->number;
  }
}

bool scan_field(const std::string &wire, size_t *at, WireField *field) {
  size_t begin = *at;
  uint64_t n;
  if (!scan_varint(wire, at, &field->tag)) return false;
  field->tag_bytes = *at - begin;
  field->prefix_bytes = field->tag_bytes;
  field->number = static_cast<int>((field->tag & UINT32_MAX) >> 3);
  field->wire_type = static_cast<int>(field->tag & 7);
  size_t fixed = 0;
  if (field->number == 0) return false;
  switch (field->wire_type) {
  case kVarint:
    if (!scan_varint(wire, at, &n)) return false;
    break;
  case kFixed64: fixed = 8; break;
  case kFixed32: fixed = 4; break;
  case kLength:
    if (!scan_varint(wire, at, &n) || n > wire.size() - *at) return false;
    field->prefix_bytes = std::max(field->prefix_bytes, *at - begin - field->tag_bytes);
    field->content = wire.substr(*at, n);
    fixed = n;
    break;
  case kStartGroup:
    if (!scan_group(wire, at, field)) return false;
    break;
  case kEndGroup: break;
  default: return false;
  }
  if (fixed > wire.size() - *at) return false;
  *at += fixed;
  field->bytes = wire.substr(begin, *at - begin);
  return true;
}

const F *find_field(const Descriptor *type, int number) {
  const F *field = type->FindFieldByNumber(number);
  return field != nullptr ? field : type->file()->pool()->FindExtensionByNumber(type, number);
}

int wire_type_of(const F *field) {
  switch (field->type()) {
  case F::TYPE_DOUBLE:
  case F::TYPE_FIXED64:
  case F::TYPE_SFIXED64: return kFixed64;
  case F::TYPE_FLOAT:
  case F::TYPE_FIXED32:
  case F::TYPE_SFIXED32: return kFixed32;
  case F::TYPE_GROUP: return kStartGroup;
  case F::TYPE_STRING:
  case F::TYPE_BYTES:
  case F::TYPE_MESSAGE: return kLength;
  default: return kVarint;
  }
}

/* The field that the bytes are of; nullptr: unknown, or of another wire type.  A packed list is one
 * of its own kind, and replaces nothing. */
const F *known_field(const Descriptor *type, const WireField &field) {
  const F *known = find_field(type, field.number);
  return known != nullptr && wire_type_of(known) == field.wire_type ? known : nullptr;
}

std::string with_content(const WireField &field, const std::string &content) {
  std::string out;
  put_varint(field.tag, &out);
  if (field.wire_type == kLength) put_varint(content.size(), &out);
  out += content;
  if (field.wire_type == kStartGroup) put_varint(field.tag + 1, &out);
  return out;
}

/* The value of an entry's key, which is equal for equal keys. */
std::string entry_key(const F *map, const WireField &entry) {
  std::vector<WireField> fields;
  std::string key;
  const F *key_field = map->message_type()->FindFieldByNumber(1);
  if (!wire_scan(entry.content, &fields)) return "malformed " + entry.content;
  for (const WireField &field : fields) {
    if (field.number != 1 || field.wire_type != wire_type_of(key_field)) continue;
    key = field.content;
    if (field.wire_type == kVarint) {
      uint64_t value;
      size_t at = field.tag_bytes;
      scan_varint(field.bytes, &at, &value);
      bool narrow =
          key_field->cpp_type() == F::CPPTYPE_INT32 || key_field->cpp_type() == F::CPPTYPE_UINT32;
      if (narrow) value = static_cast<uint32_t>(value);
      if (key_field->type() == F::TYPE_BOOL) value = value != 0;
      key = value != 0 ? std::to_string(value) : "";
    } else if (field.wire_type != kLength) {
      key = field.bytes.substr(field.tag_bytes);
      if (key.find_first_not_of('\0') == std::string::npos) key.clear();
    }
  }
  return key;
}

class Pruner {
public:
  explicit Pruner(const std::vector<WireField> &fields) : fields_(fields) {}

  bool prune(const Descriptor *type, std::string *out) {
    for (size_t i = 0; i < fields_.size(); i++)
      note(type, i);
    for (size_t i = 0; i < fields_.size(); i++) {
      if (!put(known_field(type, fields_[i]), i, out)) return false;
    }
    return true;
  }

private:
  const std::vector<WireField> &fields_;
  std::map<int, size_t> last_;                          /* of a singular field */
  std::map<std::pair<int, std::string>, size_t> entry_; /* of a map's key */
  std::map<int, std::pair<int, size_t>> member_;        /* of a oneof: number, since where */

  void note(const Descriptor *type, size_t i) {
    const F *field = known_field(type, fields_[i]);
    if (field == nullptr) return;
    if (field->is_map()) entry_[{ field->number(), entry_key(field, fields_[i]) }] = i;
    last_[field->number()] = i;
    if (field->containing_oneof() == nullptr) return;
    auto &member = member_[field->containing_oneof()->index()];
    if (member.first != field->number()) member = { field->number(), i };
  }

  bool replaced(const F *field, size_t i) const {
    if (field->containing_oneof() != nullptr) {
      const auto &member = member_.at(field->containing_oneof()->index());
      if (member.first != field->number() || i < member.second) return true;
    }
    if (field->is_map()) return entry_.at({ field->number(), entry_key(field, fields_[i]) }) != i;
    return !field->is_repeated() && last_.at(field->number()) != i;
  }

  /* All pieces of a singular submessage that count. */
  std::string joined(const F *field, size_t last) const {
    std::string out;
    for (size_t i = 0; i <= last; i++) {
      bool cleared = field->containing_oneof() != nullptr &&
                     i < member_.at(field->containing_oneof()->index()).second;
      bool piece =
          fields_[i].number == field->number() && fields_[i].wire_type == fields_[last].wire_type;
      if (piece && !cleared) out += fields_[i].content;
    }
    return out;
  }

  bool put(const F *field, size_t i, std::string *out) const {
    if (field == nullptr) {
      *out += fields_[i].bytes;
      return true;
    }
    if (replaced(field, i)) return true;
    if (field->cpp_type() != F::CPPTYPE_MESSAGE) {
      *out += fields_[i].bytes;
      return true;
    }
    std::string content = field->is_repeated() ? fields_[i].content : joined(field, i), pruned;
    if (!wire_without_replaced(field->message_type(), content, &pruned)) return false;
    *out += with_content(fields_[i], pruned);
    return true;
  }
};

} // namespace

bool wire_scan(const std::string &wire, std::vector<WireField> *fields) {
  for (size_t at = 0; at < wire.size();) {
    fields->emplace_back();
    if (!scan_field(wire, &at, &fields->back()) || fields->back().wire_type == kEndGroup) {
      return false;
    }
  }
  return true;
}

bool wire_without_replaced(const Descriptor *type, const std::string &wire, std::string *out) {
  std::vector<WireField> fields;
  return wire_scan(wire, &fields) && Pruner(fields).prune(type, out);
}

namespace {

/* What the content of a field is of; nullptr: nothing that is known, or no message. */
const Descriptor *content_type(const Descriptor *type, const WireField &field) {
  const F *known = type != nullptr ? known_field(type, field) : nullptr;
  return known != nullptr && known->cpp_type() == F::CPPTYPE_MESSAGE ? known->message_type()
                                                                     : nullptr;
}

/* What an Any's payload is of; nullptr: no Any, or unknown. */
const Descriptor *payload_type(const Descriptor *type, const std::vector<WireField> &fields) {
  if (type == nullptr || type->full_name() != "google.protobuf.Any") return nullptr;
  std::string url;
  for (const WireField &field : fields) {
    if (field.number == 1 && field.wire_type == kLength) url = field.content;
  }
  return peer_find_type(url);
}

/* A message, or one piece of it: a singular submessage may come in several, of which the first has
 * an Any's type and the last its payload. */
struct Piece {
  const Descriptor *type; /* nullptr: unknown */
  std::string wire;
  std::string whole; /* all pieces, one behind the other */
};

class Pieces {
public:
  explicit Pieces(const Piece &piece) : type_(piece.type) {
    good_ = wire_scan(piece.wire, &fields_);
    if (piece.wire == piece.whole || !wire_scan(piece.whole, &whole_)) whole_ = fields_;
    payload_ = payload_type(type_, whole_);
  }

  bool good() const { return good_; }
  const std::vector<WireField> &fields() const { return fields_; }

  /* False: no message, and no group. */
  bool below(const WireField &field, Piece *out) const {
    bool payload = payload_ != nullptr && field.number == 2 && field.wire_type == kLength;
    const Descriptor *inner = payload ? payload_ : content_type(type_, field);
    if (inner == nullptr && field.wire_type != kStartGroup) return false;
    *out = { inner, field.content, field.content };
    if (inner == nullptr || payload || known_field(type_, field)->is_repeated()) return true;
    out->whole.clear();
    for (const WireField &other : whole_) {
      if (other.number == field.number && other.wire_type == field.wire_type) {
        out->whole += other.content;
      }
    }
    return true;
  }

private:
  const Descriptor *type_, *payload_;
  std::vector<WireField> fields_, whole_;
  bool good_;
};

WireForms piece_forms(const Piece &piece) {
  Pieces pieces(piece);
  WireForms forms;
  if (!pieces.good()) return forms;
  for (const WireField &field : pieces.fields()) {
    bool group = field.wire_type == kStartGroup;
    Piece inner;
    forms.long_prefix |= field.prefix_bytes > 5;
    forms.wide_tag |= field.tag > UINT32_MAX || (group && field.end_tag > UINT32_MAX);
    if (!pieces.below(field, &inner)) continue;
    WireForms below = piece_forms(inner);
    forms.wide_tag |= below.wide_tag;
    forms.long_prefix |= below.long_prefix;
  }
  return forms;
}

std::string piece_plain(const Piece &piece) {
  Pieces pieces(piece);
  std::string out;
  if (!pieces.good()) return piece.wire;
  for (WireField field : pieces.fields()) {
    Piece inner;
    field.tag &= UINT32_MAX;
    if (pieces.below(field, &inner)) {
      out += with_content(field, piece_plain(inner));
    } else if (field.wire_type == kLength) {
      out += with_content(field, field.content);
    } else {
      put_varint(field.tag, &out);
      out += field.bytes.substr(field.tag_bytes);
    }
  }
  return out;
}

} // namespace

WireForms wire_forms(const Descriptor *type, const std::string &wire) {
  return piece_forms({ type, wire, wire });
}

std::string wire_plain(const Descriptor *type, const std::string &wire) {
  return piece_plain({ type, wire, wire });
}

} // namespace diff
