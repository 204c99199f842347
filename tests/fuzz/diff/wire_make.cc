#include "wire_make.h"

#include <cmath>
#include <cstring>

namespace diff {

namespace {

using F = FieldDescriptor;

constexpr size_t kLongWire = 400; /* bytes; above it a new message is made */
constexpr int kDepthNew = 4;      /* levels that one step adds */

const uint64_t varints[] = {
  0,
  1,
  2,
  127,
  128,
  255,
  300,
  0x7FFFFFFF,
  0x80000000,
  0xFFFFFFFF,
  0x100000000,
  UINT64_MAX,
  0x7FFFFFFFFFFFFFFF,
  0x8000000000000000,
  0xFFFFFFFF80000000,
  0xFFFFFFFF7FFFFFFF,
  1ull << 53,
};
const double doubles[] = {
  0,        -0.0,   1,     1.5,  0.1,    1e10,       1e23,
  1e300,    5e-324, -2.25, 1e21, 1e-7,   123456.789, 1.7976931348623157e308,
  1e22,     0.3,    1e16,  1e17, 2e-310, NAN,        INFINITY,
  -INFINITY
};
const char *const texts[] = { "",
                              "a",
                              "abc",
                              "\xC3\xA9",
                              "\xF0\x9F\x98\x80",
                              "\"\\/",
                              "\x01\x1F\x7F",
                              "a long text of more than sixteen bytes, twice sixteen",
                              "\xE2\x80\xA8",
                              "\xFF",
                              "\xED\xA0\x80",
                              "\xC0\x80",
                              "\xE2\x82",
                              "<>&" };
const char *const paths[] = {
  "a",   "a_b", "foo.bar_baz", "",    "aB",  "a__b",     "a_", "_a",
  "a_1", "*",   "a,b",         "a b", "f.g", "\xC3\xA4", "\"", "a.b_c.d"
};
const int64_t seconds[] = { 0,
                            1,
                            -1,
                            1577836800,
                            -62135596800,
                            -62135596801,
                            253402300799,
                            253402300800,
                            315576000000,
                            315576000001,
                            -315576000000,
                            -315576000001,
                            951782400,
                            INT64_MIN,
                            INT64_MAX };
const int64_t nanos[] = { 0,         1,          500000000,  999999999,   1000000000,
                          -1,        -500000000, -999999999, -1000000000, 120000000,
                          123456000, INT32_MIN,  INT32_MAX,  1ll << 32 };

void put_varint(uint64_t value, std::string *out) {
  for (; value >= 0x80; value >>= 7)
    *out += static_cast<char>(value | 0x80);
  *out += static_cast<char>(value);
}

/* With up to `more` bytes that say nothing. */
void put_long_varint(uint64_t value, size_t more, std::string *out) {
  std::string bytes;
  put_varint(value, &bytes);
  more = std::min(more, 10 - bytes.size());
  if (more > 0) {
    bytes.back() = static_cast<char>(bytes.back() | 0x80);
    bytes.append(more - 1, '\x80');
    bytes += '\0';
  }
  *out += bytes;
}

void put_tag(int number, int wire_type, std::string *out) {
  put_varint(static_cast<uint64_t>(number) << 3 | static_cast<uint64_t>(wire_type), out);
}

void put_bytes(const std::string &bytes, std::string *out) {
  put_varint(bytes.size(), out);
  *out += bytes;
}

int wire_type_of(const F *field) {
  switch (field->type()) {
  case F::TYPE_DOUBLE:
  case F::TYPE_FIXED64:
  case F::TYPE_SFIXED64: return 1;
  case F::TYPE_FLOAT:
  case F::TYPE_FIXED32:
  case F::TYPE_SFIXED32: return 5;
  case F::TYPE_GROUP: return 3;
  case F::TYPE_STRING:
  case F::TYPE_BYTES:
  case F::TYPE_MESSAGE: return 2;
  default: return 0;
  }
}

class Maker {
public:
  explicit Maker(Random *random) : r(*random) {}

  std::string message(const Descriptor *type, int depth);
  void field(const F *f, int depth, std::string *out);
  const F *any_field(const Descriptor *type);
  std::string change(const std::string &wire, const Descriptor *type, int depth);

private:
  Random &r;

  bool hostile() { return r.one_in(40); }
  bool rarely() { return r.one_in(10); }
  std::string number(const F *f);
  std::string payload(const F *f, int depth);
  std::string text();
  std::string time();
  std::string any(int depth);
  std::string map_entry(const F *f, int depth);
  void unknown(std::string *out, int depth);
};

std::string Maker::text() {
  std::string out = r.pick(texts);
  size_t good = 9; /* of the texts; the others but the last are not UTF-8 */
  if (!hostile()) out = texts[r.below(good)];
  return out;
}

std::string Maker::number(const F *f) {
  std::string out;
  uint64_t bits = r.one_in(2) ? r.pick(varints) : r.next() >> r.below(64);
  if (r.one_in(3)) bits = r.below(4);
  if (f->type() == F::TYPE_ENUM && r.one_in(2)) {
    const auto *type = f->enum_type();
    int i = static_cast<int>(r.below(static_cast<size_t>(type->value_count())));
    bits = static_cast<uint64_t>(static_cast<int64_t>(type->value(i)->number()));
  }
  if (f->type() == F::TYPE_DOUBLE && r.one_in(2)) {
    double value = r.pick(doubles);
    memcpy(&bits, &value, sizeof bits);
  }
  if (f->type() == F::TYPE_FLOAT && r.one_in(2)) {
    float value = static_cast<float>(r.pick(doubles));
    uint32_t bits32;
    memcpy(&bits32, &value, sizeof bits32);
    bits = bits32;
  }
  int wire_type = wire_type_of(f);
  if (wire_type == 0) {
    put_long_varint(bits, rarely() ? r.below(5) : 0, &out);
  } else {
    out.assign(reinterpret_cast<const char *>(&bits), wire_type == 1 ? 8 : 4);
  }
  return out;
}

/* Timestamp and Duration. */
std::string Maker::time() {
  std::string out;
  if (r.one_in(4)) return out;
  int64_t s = r.one_in(2) ? r.pick(seconds) : static_cast<int64_t>(r.below(4000000000));
  int64_t n = r.one_in(3) ? r.pick(nanos) : static_cast<int64_t>(r.below(1000000000));
  if (!r.one_in(4)) {
    put_tag(1, 0, &out);
    put_varint(static_cast<uint64_t>(s), &out);
  }
  if (!r.one_in(3)) {
    put_tag(2, 0, &out);
    put_varint(static_cast<uint64_t>(n), &out);
  }
  return out;
}

std::string Maker::any(int depth) {
  static const char *const names[] = {
    "google.protobuf.Duration",
    "google.protobuf.Timestamp",
    "google.protobuf.Struct",
    "google.protobuf.Value",
    "google.protobuf.Int32Value",
    "google.protobuf.Any",
    "google.protobuf.StringValue",
    "google.protobuf.FieldMask",
    "google.protobuf.Empty",
    "google.protobuf.ListValue",
    "no.such.Type",
  };
  std::string out, name = r.pick(names);
  if (rarely()) return out;
  if (r.one_in(2)) name = peer_roots()[r.below(peer_roots().size())]->full_name();
  std::string url = (hostile() ? "" : r.one_in(8) ? "x/" : "type.googleapis.com/") + name;
  const Descriptor *type = peer_find_type("/" + name);
  put_tag(1, 2, &out);
  put_bytes(url, &out);
  if (type != nullptr && depth > 0 && !rarely()) {
    put_tag(2, 2, &out);
    put_bytes(message(type, depth - 1), &out);
  }
  return out;
}

/* The content of a submessage, string or bytes. */
std::string Maker::payload(const F *f, int depth) {
  if (f->cpp_type() != F::CPPTYPE_MESSAGE) {
    bool path = f->containing_type()->full_name() == "google.protobuf.FieldMask";
    return path ? r.pick(paths) : text();
  }
  if (f->is_map()) return map_entry(f, depth);
  return depth > 0 ? message(f->message_type(), depth - 1) : "";
}

std::string Maker::map_entry(const F *f, int depth) {
  std::string out;
  if (!rarely()) field(f->message_type()->FindFieldByNumber(1), depth, &out);
  if (!rarely()) field(f->message_type()->FindFieldByNumber(2), depth, &out);
  if (rarely()) field(f->message_type()->FindFieldByNumber(1), depth, &out);
  if (r.one_in(30)) unknown(&out, 2);
  return out;
}

void Maker::unknown(std::string *out, int depth) {
  static const int types[] = { 0, 1, 2, 5, 3 };
  int number = static_cast<int>(r.one_in(4) ? 1 + r.below(536870911) : 900 + r.below(100));
  int wire_type = r.pick(types);
  if (wire_type == 3 && depth == 0) wire_type = 0;
  put_tag(number, wire_type, out);
  switch (wire_type) {
  case 0: put_varint(r.pick(varints), out); break;
  case 1: out->append(8, 'x'); break;
  case 2: put_bytes(text(), out); break;
  case 5: out->append(4, 'x'); break;
  default:
    if (!rarely()) unknown(out, depth - 1);
    put_tag(hostile() ? number + 1 : number, 4, out);
  }
}

/* Tag and value; of a list perhaps several, packed or not, whatever the .proto says. */
void Maker::field(const F *f, int depth, std::string *out) {
  int wire_type = wire_type_of(f);
  if (hostile()) { /* the wrong wire type: an unknown field */
    put_tag(f->number(), wire_type == 0 ? 5 : 0, out);
    out->append(wire_type == 0 ? 4 : 1, '\x01');
    return;
  }
  size_t count = f->is_repeated() ? 1 + r.below(3) : 1;
  bool numeric = wire_type != 2 && wire_type != 3;
  if (f->is_repeated() && numeric && f->is_packed() != r.one_in(4)) {
    std::string list;
    for (size_t i = r.one_in(8) ? count : 0; i < count; i++)
      list += number(f);
    put_tag(f->number(), 2, out);
    put_bytes(list, out);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    put_tag(f->number(), wire_type, out);
    if (numeric) {
      *out += number(f);
    } else if (wire_type == 3) {
      *out += payload(f, depth);
      put_tag(f->number(), 4, out);
    } else {
      put_bytes(payload(f, depth), out);
    }
  }
}

const F *Maker::any_field(const Descriptor *type) {
  std::vector<const F *> extensions;
  type->file()->pool()->FindAllExtensions(type, &extensions);
  if (!extensions.empty() && rarely()) return extensions[r.below(extensions.size())];
  if (type->field_count() == 0) return nullptr;
  return type->field(static_cast<int>(r.below(static_cast<size_t>(type->field_count()))));
}

std::string Maker::message(const Descriptor *type, int depth) {
  std::string out;
  if (type->file()->package() == "google.protobuf") {
    if (type->name() == "Timestamp" || type->name() == "Duration") return time();
    if (type->name() == "Any") return any(depth);
  }
  /* As a serializer writes it: each field once, mostly in ascending order. */
  size_t count = type->field_count() < 8 ? r.below(3) : 1 + r.below(4);
  std::vector<const F *> fields;
  for (size_t i = 0; i < count; i++) {
    const F *f = any_field(type);
    if (f != nullptr) fields.push_back(f);
  }
  if (!r.one_in(4)) {
    std::sort(fields.begin(), fields.end(),
              [](const F *a, const F *b) { return a->number() < b->number(); });
  }
  for (const F *f : fields)
    field(f, depth, &out);
  if (rarely()) unknown(&out, 3);
  return out;
}

/* ---- changing what is there ---- */

struct Piece { /* one field of the wire */
  std::string bytes;
  int number = 0, wire_type = 0;
  size_t content = 0; /* where it begins in bytes, for wire type 2 */
};

bool take_varint(const std::string &wire, size_t *at, uint64_t *value) {
  *value = 0;
  for (unsigned shift = 0; shift < 70 && *at < wire.size(); shift += 7) {
    uint64_t byte = static_cast<unsigned char>(wire[(*at)++]);
    *value |= shift < 64 ? (byte & 0x7F) << shift : 0;
    if (byte < 0x80) return true;
  }
  return false;
}

/* False at whatever cannot be cut; groups are cut at their tags, which is enough to move them. */
bool cut(const std::string &wire, std::vector<Piece> *pieces) {
  for (size_t at = 0; at < wire.size();) {
    Piece piece;
    size_t begin = at;
    uint64_t tag, n = 0;
    if (!take_varint(wire, &at, &tag)) return false;
    piece.number = static_cast<int>(tag >> 3);
    piece.wire_type = static_cast<int>(tag & 7);
    if (piece.wire_type == 0 && !take_varint(wire, &at, &n)) return false;
    if (piece.wire_type == 2 && !take_varint(wire, &at, &n)) return false;
    piece.content = at - begin;
    size_t rest = wire.size() - at;
    size_t content = piece.wire_type == 1   ? 8
                     : piece.wire_type == 5 ? 4
                     : piece.wire_type == 2 ? static_cast<size_t>(n)
                                            : 0;
    if (content > rest) return false;
    at += content;
    piece.bytes = wire.substr(begin, at - begin);
    pieces->push_back(piece);
  }
  return true;
}

std::string joined(const std::vector<Piece> &pieces) {
  std::string out;
  for (const Piece &piece : pieces)
    out += piece.bytes;
  return out;
}

/* The submessage in two: parsers must join them. */
void split(Piece *piece, Random *r) {
  std::vector<Piece> inner;
  std::string content = piece->bytes.substr(piece->content), out;
  if (!cut(content, &inner)) return;
  size_t at = r->below(inner.size() + 1);
  std::vector<Piece> first(inner.begin(), inner.begin() + static_cast<std::ptrdiff_t>(at));
  std::vector<Piece> second(inner.begin() + static_cast<std::ptrdiff_t>(at), inner.end());
  for (const auto *half : { &first, &second }) {
    put_tag(piece->number, 2, &out);
    put_bytes(joined(*half), &out);
  }
  piece->bytes = out;
}

std::string Maker::change(const std::string &wire, const Descriptor *type, int depth) {
  std::vector<Piece> pieces;
  if (!cut(wire, &pieces) || pieces.empty()) return message(type, kDepthNew);
  size_t at = r.below(pieces.size()), other = r.below(pieces.size());
  Piece *piece = &pieces[at];
  const F *f = type->FindFieldByNumber(piece->number);
  bool submessage = f != nullptr && f->type() == F::TYPE_MESSAGE && piece->wire_type == 2;
  Piece added;
  switch (r.below(10)) {
  case 0: std::swap(pieces[at], pieces[other]); break;
  case 1: pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(at)); break;
  case 2: pieces.push_back(*piece); break;
  case 3:
    if (submessage) split(piece, &r);
    break;
  case 4:
    unknown(&added.bytes, 3);
    pieces.insert(pieces.begin() + static_cast<std::ptrdiff_t>(at), added);
    break;
  case 5:
    if (f == nullptr || piece->wire_type != wire_type_of(f) || f->type() == F::TYPE_GROUP) break;
    piece->bytes.clear();
    field(f, 2, &piece->bytes);
    break;
  case 6:
  case 7:
    if (!submessage || depth == 0) break;
    added.bytes.clear();
    put_tag(piece->number, 2, &added.bytes);
    put_bytes(change(piece->bytes.substr(piece->content), f->message_type(), depth - 1),
              &added.bytes);
    piece->bytes = added.bytes;
    break;
  default:
    f = any_field(type);
    if (f == nullptr) break;
    field(f, kDepthNew, &added.bytes);
    pieces.insert(pieces.begin() + static_cast<std::ptrdiff_t>(other), added);
  }
  return joined(pieces);
}

/* Broken somewhere: a byte changed, the end cut off, a tag of no sense. */
void spoil(std::string *wire, Random *r) {
  static const char *const pieces[] = { "\x07",
                                        "\x04",
                                        "\x0C",
                                        "\x0B",
                                        "\x80",
                                        "\x06",
                                        "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F",
                                        "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01" };
  size_t at = wire->empty() ? 0 : r->below(wire->size());
  switch (r->below(4)) {
  case 0: wire->resize(at); break;
  case 1: wire->insert(at, r->pick(pieces)); break;
  case 2: wire->insert(at, 1, '\0'); break;
  default:
    if (!wire->empty()) (*wire)[at] = static_cast<char>(r->next());
  }
}

/* Nested about as deep as it may be, or deeper. */
std::string deep(const Descriptor *type, Random *r) {
  const F *child = nullptr;
  size_t levels = 95 + r->below(10);
  std::string out;
  for (int i = 0; i < type->field_count(); i++) {
    bool own = type->field(i)->cpp_type() == F::CPPTYPE_MESSAGE && !type->field(i)->is_map() &&
               type->field(i)->message_type() == type;
    if (own && (child == nullptr || r->one_in(2))) child = type->field(i);
  }
  bool group = child == nullptr || r->one_in(4); /* unknown ones */
  for (size_t i = 0; i < levels; i++) {
    std::string outer;
    put_tag(group ? 999 : child->number(), group ? 3 : 2, &outer);
    if (group) {
      outer += out;
      put_tag(999, 4, &outer);
    } else {
      put_bytes(out, &outer);
    }
    out = outer;
  }
  return out;
}

} // namespace

std::string wire_mutate(const std::string &wire, const Descriptor *type, Random *random) {
  Maker maker(random);
  std::string out = wire;
  if (random->one_in(512)) return deep(type, random);
  if (wire.empty() || wire.size() > kLongWire || random->one_in(3)) {
    out = maker.message(type, kDepthNew);
  } else {
    for (size_t n = 1 + random->below(3); n > 0; n--)
      out = maker.change(out, type, 6);
  }
  if (random->one_in(16)) spoil(&out, random);
  return out;
}

} // namespace diff
