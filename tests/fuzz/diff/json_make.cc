#include "json_make.h"

#include "json_tree.h"

namespace diff {

namespace {

using F = FieldDescriptor;

constexpr size_t kLongText = 400; /* bytes; above it parts are taken away rather than added */
constexpr int kDepthNew = 4;      /* levels that one step adds */

const char *const integers[] = {
  "0",
  "1",
  "-1",
  "7",
  "2147483647",
  "2147483648",
  "-2147483648",
  "-2147483649",
  "4294967295",
  "4294967296",
  "-0",
  "9007199254740993",
  "9223372036854775807",
  "9223372036854775808",
  "-9223372036854775808",
  "-9223372036854775809",
  "18446744073709551615",
  "18446744073709551616",
  "1.0",
  "1e2",
  "100E-2",
  "1.5",
  "0.0",
  "0e9",
  "1e-1",
  "1e10",
  "12300e-2",
  "1e19",
  "9223372036854775807.0",
  "1E+3",
  "-1.0e0",
  "99999999999999999999999999999e-28",
  "1e400",
  "1e-400",
  "0.00001e5",
};
const char *const floats[] = {
  "0",
  "-0",
  "-0.0",
  "1",
  "1.5",
  "-2.25",
  "0.1",
  "1e10",
  "3.4028234663852886e38",
  "3.4028235e38",
  "3.4028235677973366e38",
  "3.4028236e38",
  "-3.5e38",
  "1.17549435e-38",
  "1e-45",
  "7e-46",
  "1.4012984643e-45",
  "16777217",
  "16777217.000000001",
  "1.7976931348623157e308",
  "1.7976931348623159e308",
  "1e309",
  "4.9406564584124654e-324",
  "2.4703282292062327e-324",
  "2.4703282292062328e-324",
  "9007199254740993",
  "1e23",
  "1e-5",
  "123456789012345678901234567890",
  "0.30000000000000004",
  "2.2250738585072011e-308",
  "1e22",
  "8.5899345920000001e9",
  "1.00000017881393432617187499",
  "1.00000017881393421514957253748434595763683319091796875001",
};
const char *const number_texts[] = { "NaN", "Infinity", "-Infinity", "inf",      "nan", "+1",
                                     "01",  " 1",       "1 ",        "",         "0x1", "1.",
                                     ".5",  "-",        "1e",        "infinity", "true" };
const char *const timestamps[] = {
  "1970-01-01T00:00:00Z",
  "0001-01-01T00:00:00Z",
  "9999-12-31T23:59:59.999999999Z",
  "2024-02-29T12:30:45.5Z",
  "2023-02-29T00:00:00Z",
  "1900-02-28T23:59:59.123456Z",
  "2020-01-01T00:00:00+08:00",
  "2020-01-01T00:00:00.000000001-23:59",
  "0001-01-01T00:00:00+00:01",
  "9999-12-31T23:59:59-00:01",
  "2020-01-01T00:00:00.1234567891Z",
  "2020-01-01t00:00:00z",
  "2020-01-01T24:00:00Z",
  "2020-01-01T23:59:60Z",
  "2020-13-01T00:00:00Z",
  "2020-01-01T00:00:00",
  "2020-01-01T00:00:00.Z",
  "2020-01-01 00:00:00Z",
  "1969-12-31T23:59:59.999Z",
  "0000-12-31T23:59:59Z",
  "2020-04-31T00:00:00Z",
  "2000-02-29T00:00:00.120Z",
  "10000-01-01T00:00:00Z",
  "2020-01-01T00:00:00+24:00",
  "2020-01-01T00:00:00+00:60",
};
const char *const durations[] = {
  "0s",
  "1s",
  "-1s",
  "1.5s",
  "-0.5s",
  "-0s",
  "315576000000s",
  "-315576000000s",
  "315576000001s",
  "315576000000.000000001s",
  "0.000000001s",
  "-0.000000001s",
  "1.1234567891s",
  "+3s",
  ".5s",
  "3.s",
  "01s",
  "1",
  "s",
  "1e3s",
  " 1s",
  "1 s",
  "1.123s",
  "1.123456s",
  "99999999999999999999s",
  "-s",
  "1.000000000s",
  "00.5s",
};
const char *const masks[] = { "",     "a",      "a,b",  "fooBar",   "fooBar,b.cD", "a.b.c", "Foo",
                              ",",    "a,",     "a_b",  "a(b,c)",   "a b",         "*",     "a..b",
                              "ab1C", "fooB4r", "a,,b", "\xC3\xA4", "fBB",         ".",     "a.B" };
const char *const base64s[] = { "",     "AA==", "AAA=", "AAAA", "AA",    "AAA",  "-_",   "+/",
                                "+_",   "A",    "A===", "AA=",  "AA==A", "AQI=", "AQID", "_-8=",
                                "QUJD", "A A=", "AB==", "ABC=", "/+8=",  "====" };
const char *const strings[] = { "",
                                "a",
                                "abc",
                                "\xC3\xA9",
                                "\xE2\x82\xAC",
                                "\xF0\x9F\x98\x80",
                                "\"",
                                "\\",
                                "/",
                                "\x01",
                                "\x7F",
                                "a\nb",
                                "a long text that needs more than one step of sixteen bytes",
                                "\xEF\xBF\xBF",
                                "\xE2\x80\xA8",
                                "null",
                                "0" };
const char *const map_integers[] = { "0",
                                     "1",
                                     "-1",
                                     "2147483647",
                                     "-2147483648",
                                     "4294967295",
                                     "9223372036854775807",
                                     "18446744073709551615",
                                     "01",
                                     "1.0",
                                     "1e1",
                                     "-0",
                                     "+1",
                                     " 1",
                                     "",
                                     "x",
                                     "2147483648" };

Json leaf(Json::Kind kind, const std::string &text = "") {
  Json json;
  json.kind = kind;
  json.text = text;
  return json;
}

class Maker {
public:
  explicit Maker(Random *random) : r(*random) {}

  Json message(const Descriptor *type, int depth);
  void change_message(Json *json, const Descriptor *type);

private:
  Random &r;

  bool hostile() { return r.one_in(24); }
  bool rarely() { return r.one_in(10); }

  Json anything(int depth);
  Json fields(const Descriptor *type, int depth);
  void add_member(Json *json, const Descriptor *type, int depth);
  Json value(const F *field, int depth);
  Json single(const F *field, int depth);
  Json integer(const F *field);
  Json floating();
  Json enumeration(const F *field);
  Json any(int depth);
  std::string map_key(const F *field);
  std::string key(const F *field);
  std::string type_url();
  void change_value(Json *json, const F *field);
  template <size_t n> Json text(const char *const (&list)[n]) {
    return leaf(Json::kString, r.pick(list));
  }
};

/* Any JSON, as in a Value or behind an unknown name. */
Json Maker::anything(int depth) {
  Json json;
  json.kind = static_cast<Json::Kind>(r.below(depth > 0 ? 7 : 5));
  if (json.kind == Json::kNumber) return leaf(Json::kNumber, r.pick(floats));
  if (json.kind == Json::kString) return text(strings);
  if (json.kind < Json::kArray) return json;
  for (size_t n = r.below(4); n > 0; n--) {
    if (json.kind == Json::kObject) json.keys.push_back(r.pick(strings));
    json.items.push_back(anything(depth - 1));
  }
  return json;
}

Json Maker::integer(const F *field) {
  bool quoted = r.one_in(3);
  if (hostile()) return leaf(Json::kString, r.pick(number_texts));
  std::string text = std::to_string(r.below(200));
  if (r.one_in(3)) text = r.pick(integers);
  if (r.one_in(8)) { /* any length of bits */
    text = std::to_string(r.next() >> (1 + r.below(63)));
    bool is_unsigned =
        field->cpp_type() == F::CPPTYPE_UINT32 || field->cpp_type() == F::CPPTYPE_UINT64;
    if (!is_unsigned && r.one_in(2)) text = "-" + text;
  }
  return leaf(quoted ? Json::kString : Json::kNumber, text);
}

Json Maker::floating() {
  if (rarely()) return leaf(Json::kString, r.pick(number_texts));
  std::string text = r.pick(floats);
  if (r.one_in(2)) {
    text = std::to_string(r.below(1000)) + "." + std::to_string(r.next() >> r.below(60));
    if (r.one_in(2)) text += "e" + std::to_string(static_cast<int>(r.below(80)) - 40);
  }
  return leaf(r.one_in(4) ? Json::kString : Json::kNumber, text);
}

Json Maker::enumeration(const F *field) {
  const auto *type = field->enum_type();
  if (hostile()) return leaf(Json::kString, r.one_in(2) ? "NO_SUCH_NAME" : r.pick(integers));
  const auto *value =
      type->value(static_cast<int>(r.below(static_cast<size_t>(type->value_count()))));
  if (r.one_in(3)) return leaf(Json::kNumber, std::to_string(value->number()));
  if (rarely()) return leaf(Json::kNumber, r.pick(integers));
  if (type->full_name() == "google.protobuf.NullValue" && r.one_in(2)) return leaf(Json::kNull);
  return leaf(Json::kString, value->name());
}

std::string Maker::type_url() {
  static const char *const types[] = {
    "google.protobuf.Duration",    "google.protobuf.Timestamp",  "google.protobuf.Struct",
    "google.protobuf.Value",       "google.protobuf.ListValue",  "google.protobuf.Int32Value",
    "google.protobuf.StringValue", "google.protobuf.BytesValue", "google.protobuf.FieldMask",
    "google.protobuf.Any",         "google.protobuf.Empty",
  };
  std::string name = r.pick(types);
  if (r.one_in(2)) name = peer_roots()[r.below(peer_roots().size())]->full_name();
  if (hostile()) return name;
  if (hostile()) name += "s";
  return (r.one_in(4) ? "x/" : "type.googleapis.com/") + name;
}

Json Maker::any(int depth) {
  Json json = leaf(Json::kObject);
  if (rarely()) return json;
  std::string url = type_url();
  const Descriptor *type = peer_find_type(url);
  if (type != nullptr && depth > 0) {
    Json content = message(type, depth - 1);
    bool special = type->file()->package() == "google.protobuf" && type->name() != "Empty";
    if (special != hostile()) {
      json.keys.push_back("value");
      json.items.push_back(content);
    } else if (content.kind == Json::kObject) {
      json = content;
    }
  }
  size_t at = r.one_in(3) ? r.below(json.keys.size() + 1) : 0;
  json.keys.insert(json.keys.begin() + static_cast<std::ptrdiff_t>(at), "@type");
  json.items.insert(json.items.begin() + static_cast<std::ptrdiff_t>(at), leaf(Json::kString, url));
  return json;
}

Json Maker::message(const Descriptor *type, int depth) {
  const std::string &name = type->name();
  if (type->file()->package() != "google.protobuf") return fields(type, depth);
  if (hostile()) return anything(depth);
  if (name == "Timestamp") return text(timestamps);
  if (name == "Duration") return text(durations);
  if (name == "FieldMask") return text(masks);
  if (name == "Any") return any(depth);
  if (name == "Value") return anything(depth);
  if (name == "Struct" || name == "ListValue") {
    Json json = leaf(name == "Struct" ? Json::kObject : Json::kArray);
    for (size_t n = r.below(4); n > 0; n--) {
      if (name == "Struct") json.keys.push_back(r.pick(strings));
      json.items.push_back(anything(depth - 1));
    }
    return json;
  }
  return name == "Empty" ? leaf(Json::kObject) : single(type->FindFieldByNumber(1), depth);
}

Json Maker::single(const F *field, int depth) {
  if (hostile()) return anything(1);
  switch (field->type()) {
  case F::TYPE_GROUP:
  case F::TYPE_MESSAGE:
    return depth > 0 ? message(field->message_type(), depth - 1) : leaf(Json::kObject);
  case F::TYPE_STRING: return text(strings);
  case F::TYPE_BYTES: return text(base64s);
  case F::TYPE_BOOL:
    if (hostile()) return leaf(Json::kString, "true");
    return leaf(r.one_in(2) ? Json::kTrue : Json::kFalse);
  case F::TYPE_ENUM: return enumeration(field);
  case F::TYPE_DOUBLE:
  case F::TYPE_FLOAT: return floating();
  default: return integer(field);
  }
}

std::string Maker::map_key(const F *field) {
  if (hostile()) return r.pick(number_texts);
  if (field->type() == F::TYPE_STRING) return r.pick(strings);
  if (field->type() == F::TYPE_BOOL) return r.one_in(2) ? "true" : "false";
  return r.one_in(3) ? r.pick(map_integers) : std::to_string(r.below(9));
}

Json Maker::value(const F *field, int depth) {
  if (rarely()) return leaf(Json::kNull);
  if (!field->is_repeated() || hostile()) return single(field, depth);
  Json json = leaf(field->is_map() ? Json::kObject : Json::kArray);
  for (size_t n = r.below(4); n > 0; n--) {
    if (!field->is_map()) {
      json.items.push_back(hostile() ? leaf(Json::kNull) : single(field, depth));
      continue;
    }
    json.keys.push_back(map_key(field->message_type()->FindFieldByNumber(1)));
    json.items.push_back(single(field->message_type()->FindFieldByNumber(2), depth));
  }
  return json;
}

std::string Maker::key(const F *field) {
  if (hostile()) return r.one_in(2) ? "noSuchField" : "[" + field->full_name() + "]";
  if (field->is_extension()) return "[" + field->full_name() + "]";
  if (hostile()) return field->camelcase_name();
  return r.one_in(4) ? field->name() : field->json_name();
}

void Maker::add_member(Json *json, const Descriptor *type, int depth) {
  std::vector<const F *> extensions;
  const F *field = nullptr;
  type->file()->pool()->FindAllExtensions(type, &extensions);
  if (!extensions.empty() && rarely()) {
    field = extensions[r.below(extensions.size())];
  } else if (type->field_count() > 0) {
    field = type->field(static_cast<int>(r.below(static_cast<size_t>(type->field_count()))));
  }
  if (field == nullptr || hostile()) {
    json->keys.push_back(r.pick(strings));
    json->items.push_back(anything(2));
    return;
  }
  std::string name = key(field);
  for (const std::string &known : json->keys) {
    if (known == name && !hostile()) return;
  }
  json->keys.push_back(name);
  json->items.push_back(value(field, depth));
}

Json Maker::fields(const Descriptor *type, int depth) {
  Json json = leaf(Json::kObject);
  for (size_t n = 1 + r.below(3); n > 0; n--) {
    add_member(&json, type, depth);
  }
  return json;
}

/* ---- changing what is there ---- */

void Maker::change_value(Json *json, const F *field) {
  bool message_type = field->cpp_type() == F::CPPTYPE_MESSAGE;
  if (!json->items.empty() && r.one_in(2)) {
    size_t i = r.below(json->items.size());
    const F *item = field->is_map() ? field->message_type()->FindFieldByNumber(2) : field;
    if (field->is_repeated()) {
      if (r.one_in(3)) {
        json->items.push_back(r.one_in(3) ? json->items[i] : single(item, 2));
        if (json->kind == Json::kObject) {
          json->keys.push_back(
              field->is_map() ? map_key(field->message_type()->FindFieldByNumber(1)) : "x");
        }
      } else if (item->cpp_type() == F::CPPTYPE_MESSAGE && json->items[i].kind == Json::kObject) {
        change_message(&json->items[i], item->message_type());
      } else {
        json->items[i] = single(item, 2);
      }
      return;
    }
  }
  if (message_type && !field->is_repeated() && json->kind == Json::kObject && !r.one_in(3)) {
    change_message(json, field->message_type());
  } else {
    *json = value(field, kDepthNew);
  }
}

void Maker::change_message(Json *json, const Descriptor *type) {
  if (json->kind != Json::kObject || type->file()->package() == "google.protobuf") {
    *json = message(type, kDepthNew);
    return;
  }
  bool empty = json->items.empty();
  size_t choice = r.below(8), at = empty ? 0 : r.below(json->items.size());
  if (empty || choice < 2) {
    add_member(json, type, kDepthNew);
  } else if (choice == 2) {
    json->items.erase(json->items.begin() + static_cast<std::ptrdiff_t>(at));
    json->keys.erase(json->keys.begin() + static_cast<std::ptrdiff_t>(at));
  } else if (choice == 3 && rarely()) {
    json->items.push_back(json->items[at]);
    json->keys.push_back(json->keys[at]);
  } else if (choice == 4) {
    size_t other = r.below(json->items.size());
    std::swap(json->items[at], json->items[other]);
    std::swap(json->keys[at], json->keys[other]);
  } else {
    for (int i = 0; i < type->field_count(); i++) {
      const F *field = type->field(i);
      if (field->json_name() != json->keys[at] && field->name() != json->keys[at]) continue;
      change_value(&json->items[at], field);
      return;
    }
    json->items[at] = anything(2);
  }
}

/* ---- printing with all that the grammar allows ---- */

std::string spaces(Random *r) {
  static const char *const list[] = { " ", "\n", "\t", "\r\n", "  " };
  return r->one_in(12) ? r->pick(list) : "";
}

std::string escaped(const std::string &text, Random *r) {
  bool often = r->one_in(8);
  std::string quoted = json_quote(text), out;
  if (!often) return quoted;
  for (size_t i = 0; i < quoted.size(); i++) {
    char code[8];
    bool plain = static_cast<unsigned char>(quoted[i]) < 0x80 && quoted[i] != '"' &&
                 quoted[i] != '\\' && (i == 0 || quoted[i - 1] != '\\');
    if (quoted[i] == '\\') { /* an escape stays as it is */
      size_t n = quoted[i + 1] == 'u' ? 6 : 2;
      out += quoted.substr(i, n);
      i += n - 1;
    } else if (plain && r->one_in(3)) {
      snprintf(code, sizeof code, "\\u%04x", quoted[i]);
      out += code;
    } else {
      out += quoted[i];
    }
  }
  return out;
}

void print(const Json &json, Random *r, std::string *out) {
  if (json.kind == Json::kString) {
    *out += escaped(json.text, r);
  } else if (json.kind < Json::kArray) {
    *out += json_print(json);
  } else {
    bool object = json.kind == Json::kObject;
    *out += (object ? '{' : '[') + spaces(r);
    for (size_t i = 0; i < json.items.size(); i++) {
      if (i > 0) *out += spaces(r) + "," + spaces(r);
      if (object) *out += escaped(json.keys[i], r) + spaces(r) + ":" + spaces(r);
      print(json.items[i], r, out);
    }
    *out += spaces(r) + (object ? '}' : ']');
  }
}

/* One wrong character, or what only lenient parsers take. */
void spoil(std::string *text, Random *r) {
  static const char *const pieces[] = {
    ",", "'",    "//", "/**/", "nan", "\\",      "\"",           "[",        "]",    "{",   "}",
    ":", "\xFF", "0",  "+",    ".",   "\\ud800", "\xED\xA0\x80", "\xC0\x80", "\x01", "null"
  };
  size_t at = text->empty() ? 0 : r->below(text->size());
  if (r->one_in(3) && !text->empty()) {
    text->erase(at, 1 + r->below(3));
  } else if (r->one_in(40)) {
    text->insert(at, 1 + r->below(200), r->one_in(2) ? '[' : '{');
  } else {
    text->insert(at, r->pick(pieces));
  }
}

/* Almost as deep as it may be, or deeper: in a Value, or in what is ignored. */
std::string deep(const Descriptor *type, Random *r) {
  size_t n = 85 + r->below(40);
  std::string open, close;
  const char *name = type->FindFieldByName("optional_value") != nullptr ? "optionalValue" : "value";
  for (size_t i = 0; i < n; i++) {
    bool list = r->one_in(2);
    open += list ? "[" : "{\"a\":";
    close = (list ? "]" : "}") + close;
  }
  return std::string("{\"") + (r->one_in(4) ? "noSuchField" : name) + "\":" + open + "1" + close +
         "}";
}

} // namespace

std::string json_mutate(const std::string &json, const Descriptor *type, Random *random) {
  Maker maker(random);
  Json tree;
  std::string out;
  bool good = json_parse(json, 100, &tree) == JsonVerdict::kGood;
  if (random->one_in(512)) return deep(type, random);
  if (!good || json.size() > kLongText || random->one_in(3)) {
    tree = maker.message(type, kDepthNew);
  } else {
    for (size_t n = 1 + random->below(3); n > 0; n--) {
      maker.change_message(&tree, type);
    }
  }
  print(tree, random, &out);
  if (random->one_in(16)) spoil(&out, random);
  return out;
}

} // namespace diff
