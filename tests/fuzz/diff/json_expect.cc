#include "json_expect.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <set>

#include "base/limits.h"
#include "time_text.h"

namespace diff {

namespace {

using F = FieldDescriptor;

bool is_type(const Descriptor *type, const char *name) {
  return type->name() == name && type->file()->package() == "google.protobuf";
}

bool is_wrapper(const Descriptor *type) {
  static const std::set<std::string> names = { "DoubleValue", "FloatValue",  "Int64Value",
                                               "UInt64Value", "Int32Value",  "UInt32Value",
                                               "BoolValue",   "StringValue", "BytesValue" };
  return type->file()->package() == "google.protobuf" && names.count(type->name()) > 0;
}

/* Whether the JSON of the message is not an object of its fields. */
bool is_special(const Descriptor *type) {
  static const std::set<std::string> names = { "Any",   "Timestamp", "Duration", "FieldMask",
                                               "Value", "Struct",    "ListValue" };
  return is_wrapper(type) ||
         (type->file()->package() == "google.protobuf" && names.count(type->name()) > 0);
}

bool is_null_value(const F *field) {
  return field->type() == F::TYPE_ENUM &&
         field->enum_type()->full_name() == "google.protobuf.NullValue";
}

bool takes_null(const F *field) {
  return is_null_value(field) ||
         (field->cpp_type() == F::CPPTYPE_MESSAGE && is_type(field->message_type(), "Value"));
}

bool takes_list(const F *field) {
  return field->cpp_type() == F::CPPTYPE_MESSAGE &&
         (is_type(field->message_type(), "Value") || is_type(field->message_type(), "ListValue"));
}

/* A decimal number of any length, exactly: digits without leading zeros, and a power of ten. */
struct Decimal {
  bool negative = false;
  std::string digits;
  long exponent = 0;

  explicit Decimal(const std::string &text) {
    size_t i = 0, fraction = 0;
    bool behind_point = false;
    if (text[0] == '-') {
      negative = true;
      i++;
    }
    for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; i++) {
      if (text[i] == '.') {
        behind_point = true;
        continue;
      }
      if (behind_point) fraction++;
      digits += text[i];
    }
    if (i < text.size()) exponent = atol(text.c_str() + i + 1); /* saturates */
    exponent = std::max(-100000000L, std::min(100000000L, exponent)) - static_cast<long>(fraction);
    digits.erase(0, digits.find_first_not_of('0'));
    while (!digits.empty() && digits.back() == '0') {
      digits.pop_back();
      exponent++;
    }
  }

  /* As plain digits; false: a fraction, or longer than any integer type. */
  bool integer(std::string *out) const {
    *out = digits.empty() ? "0" : digits;
    if (digits.empty()) return true;
    if (exponent < 0 || digits.size() + static_cast<size_t>(exponent) > 20) return false;
    out->append(static_cast<size_t>(exponent), '0');
    return true;
  }
};

/* Magnitudes as text, compared by length and then by digits. */
bool in_range(const std::string &digits, bool negative, const F *field) {
  const char *positive_max = "2147483647", *negative_max = "2147483648";
  switch (field->cpp_type()) {
  case F::CPPTYPE_UINT32:
    positive_max = "4294967295";
    negative_max = "0";
    break;
  case F::CPPTYPE_INT64:
    positive_max = "9223372036854775807";
    negative_max = "9223372036854775808";
    break;
  case F::CPPTYPE_UINT64:
    positive_max = "18446744073709551615";
    negative_max = "0";
    break;
  default: break;
  }
  std::string max = negative ? negative_max : positive_max;
  return digits.size() != max.size() ? digits.size() < max.size() : digits <= max;
}

std::string shortened(double value) {
  char text[40];
  snprintf(text, sizeof text, "%.17g", value);
  /* A bare "-0" is an integer to C++, and loses its sign. */
  return value == 0 && std::signbit(value) ? "-0.0" : text;
}

class Expecter {
public:
  explicit Expecter(bool reject_unknown) : reject_unknown_(reject_unknown) {}

  Expectation result;

  bool message(const Json &json, const Descriptor *type, std::string *out);

private:
  bool reject_unknown_;
  int levels_ = 0; /* objects, and arrays that stand for a ListValue */

  /* As long as a level is open. */
  struct Level {
    explicit Level(int *levels) : n(levels) { ++*n; }
    Level(const Level &) = delete;
    ~Level() { --*n; }
    int *n;
  };
  bool too_deep(int more) {
    if (levels_ + more <= GW_JSON_DEPTH_MAX) return false;
    return !refuse(kDepth, "too deep");
  }

  bool refuse(const char *why) {
    result.refused = true;
    result.why = why;
    return false;
  }
  bool refuse(Class c, const char *why) {
    result.classes |= bit(c);
    return refuse(why);
  }
  void note(Class c) { result.classes |= bit(c); }

  bool plain_message(const Json &json, const Descriptor *type, std::string *out);
  bool member(const std::string &key, const Json &json, const Descriptor *type,
              std::set<int> *fields, std::set<int> *oneofs, std::string *out);
  bool field_value(const Json &json, const F *field, std::string *out, bool *dropped);
  bool list(const Json &json, const F *field, std::string *out);
  bool map(const Json &json, const F *field, std::string *out);
  bool map_key(const std::string &text, const F *field);
  bool single(const Json &json, const F *field, std::string *out, bool *dropped);
  bool integer(const Json &json, const F *field, std::string *out);
  bool floating(const Json &json, const F *field, std::string *out);
  bool enumeration(const Json &json, const F *field, std::string *out, bool *dropped);
  bool base64(const Json &json, std::string *out);
  bool special(const Json &json, const Descriptor *type, std::string *out);
  bool time(const Json &json, bool timestamp, std::string *out);
  bool field_mask(const Json &json, std::string *out);
  bool any(const Json &json, std::string *out);
  bool any_empty(const Json &json, const Descriptor *target);
  bool any_member(const std::string &key, const Json &json, const Descriptor *target,
                  std::set<int> *fields, std::set<int> *oneofs, bool *value_seen, std::string *out);
  bool free_value(const Json &json, std::string *out);
};

/* ---- scalars ---- */

bool Expecter::integer(const Json &json, const F *field, std::string *out) {
  if (json.kind != Json::kNumber && json.kind != Json::kString) return refuse("not an integer");
  if (!json_is_number(json.text)) return refuse(kNumberText, "not a number in JSON's grammar");
  Decimal decimal(json.text);
  std::string digits;
  bool plain = json.text.find_first_of(".eE") == std::string::npos;
  if (!decimal.integer(&digits) || !in_range(digits, decimal.negative, field)) {
    /* C++ rounds what is no 64-bit integer to double before it looks at it. */
    double rounded = strtod(json.text.c_str(), nullptr);
    char whole[400];
    snprintf(whole, sizeof whole, "%.0f", std::fabs(rounded));
    if (json.kind == Json::kNumber && rounded == std::trunc(rounded) &&
        in_range(whole, decimal.negative && rounded != 0, field)) {
      note(kIntegerDouble);
    }
    return refuse("no integer of that type");
  }
  std::string canonical = (decimal.negative && digits != "0" ? "-" : "") + digits;
  *out += json.kind == Json::kString ? json_quote(canonical) : canonical;
  if (canonical == json.text) return true;
  if (json.kind == Json::kString) {
    note(kNumberText);
  } else if (!plain && digits.size() > 15) {
    note(kIntegerDouble);
  }
  return true;
}

bool Expecter::floating(const Json &json, const F *field, std::string *out) {
  if (json.kind != Json::kNumber && json.kind != Json::kString) return refuse("not a number");
  if (json.kind == Json::kString &&
      (json.text == "NaN" || json.text == "Infinity" || json.text == "-Infinity")) {
    *out += json_quote(json.text);
    return true;
  }
  if (!json_is_number(json.text)) return refuse(kNumberText, "not a number in JSON's grammar");
  double wide = strtod(json.text.c_str(), nullptr);
  bool narrow = field->type() == F::TYPE_FLOAT;
  double value = narrow ? static_cast<double>(strtof(json.text.c_str(), nullptr)) : wide;
  if (std::isinf(value)) return refuse("out of range");
  if (narrow && value != static_cast<double>(static_cast<float>(wide))) note(kFloatWidth);
  if (narrow && std::fabs(wide) > std::fabs(value) && std::fabs(value) > 3.4028234e38) {
    note(kFloatWidth);
  }
  if (value == 0 && std::signbit(value)) note(kNegativeZero);
  *out += shortened(value);
  return true;
}

bool Expecter::enumeration(const Json &json, const F *field, std::string *out, bool *dropped) {
  if (json.kind == Json::kNull && is_null_value(field)) {
    *out += "null";
    return true;
  }
  if (json.kind == Json::kNumber) return integer(json, field, out);
  if (json.kind != Json::kString) return refuse("not an enum");
  if (field->enum_type()->FindValueByName(json.text) != nullptr) {
    *out += json_quote(json.text);
    return true;
  }
  if (json_is_number(json.text)) return refuse(kEnumNumberText, "a number in quotes is no name");
  long ignored;
  char end;
  if (sscanf(json.text.c_str(), "%ld%c", &ignored, &end) == 1) note(kEnumNumberText);
  if (reject_unknown_) return refuse("unknown name");
  *dropped = true;
  return true;
}

bool Expecter::base64(const Json &json, std::string *out) {
  static const std::string standard =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (json.kind != Json::kString) return refuse("not base64");
  std::string text = json.text, canonical;
  size_t padding = 0;
  while (padding < 2 && !text.empty() && text.back() == '=') {
    text.pop_back();
    padding++;
  }
  bool good = text.size() % 4 != 1 && (padding == 0 || (text.size() + padding) % 4 == 0);
  for (char c : text) {
    c = c == '-' ? '+' : c == '_' ? '/' : c;
    good = good && standard.find(c) != std::string::npos;
    canonical += c;
  }
  if (!good) return refuse(kBase64, "not base64");
  /* The bits that no byte takes become zero. */
  size_t rest = canonical.size() % 4, mask = rest == 2 ? 48 : 60;
  if (rest != 0) canonical.back() = standard[standard.find(canonical.back()) & mask];
  canonical.append((4 - rest) % 4, '=');
  if (canonical != json.text) note(kBase64);
  *out += json_quote(canonical);
  return true;
}

bool Expecter::single(const Json &json, const F *field, std::string *out, bool *dropped) {
  switch (field->type()) {
  case F::TYPE_GROUP:
  case F::TYPE_MESSAGE: return message(json, field->message_type(), out);
  case F::TYPE_FLOAT:
  case F::TYPE_DOUBLE: return floating(json, field, out);
  case F::TYPE_ENUM: return enumeration(json, field, out, dropped);
  case F::TYPE_BYTES: return base64(json, out);
  case F::TYPE_STRING:
    if (json.kind != Json::kString) return refuse("not a string");
    *out += json_quote(json.text);
    return true;
  case F::TYPE_BOOL:
    if (json.kind == Json::kString) return refuse(kBoolText, "a bool in quotes");
    if (json.kind != Json::kTrue && json.kind != Json::kFalse) return refuse("not a bool");
    *out += json_print(json);
    return true;
  default: return integer(json, field, out);
  }
}

/* ---- fields ---- */

bool Expecter::list(const Json &json, const F *field, std::string *out) {
  if (json.kind != Json::kArray) return refuse(kScalarForList, "not an array");
  std::string items;
  for (const Json &item : json.items) {
    std::string text;
    bool dropped = false;
    if (item.kind == Json::kNull && !takes_null(field)) {
      return refuse(kNullElement, "null in a list");
    }
    if (item.kind == Json::kArray && !takes_list(field)) {
      return refuse(kListInList, "a list in a list");
    }
    if (!single(item, field, &text, &dropped)) return false;
    if (!dropped) items += (items.empty() ? "" : ",") + text;
  }
  *out += "[" + items + "]";
  return true;
}

bool Expecter::map_key(const std::string &text, const F *field) {
  if (field->type() == F::TYPE_STRING) return true;
  if (field->type() == F::TYPE_BOOL) {
    return text == "true" || text == "false" || refuse(kMapKey, "not a bool");
  }
  bool plain = json_is_number(text) && text.find_first_of(".eE") == std::string::npos;
  if (!plain) return refuse(kMapKey, "not an integer");
  Decimal decimal(text);
  std::string digits;
  if (!decimal.integer(&digits) || !in_range(digits, decimal.negative, field)) {
    return refuse("out of range");
  }
  if (text == "-0") note(kMapKey);
  return true;
}

bool Expecter::map(const Json &json, const F *field, std::string *out) {
  if (json.kind != Json::kObject) return refuse("not a map");
  Level level(&levels_);
  if (too_deep(0)) return false;
  const F *key = field->message_type()->FindFieldByNumber(1);
  const F *value = field->message_type()->FindFieldByNumber(2);
  std::set<std::string> seen;
  std::string entries;
  for (size_t i = 0; i < json.items.size(); i++) {
    std::string text, name = json.keys[i];
    bool dropped = false;
    if (!map_key(name, key)) return false;
    if (name == "-0" && key->type() != F::TYPE_STRING) name = "0";
    if (json.items[i].kind == Json::kNull && !takes_null(value)) {
      return refuse(kNullElement, "null in a map");
    }
    if (json.items[i].kind >= Json::kArray && value->cpp_type() != F::CPPTYPE_MESSAGE) {
      return refuse(kObjectForm, "an object or array as a map's scalar");
    }
    if (!single(json.items[i], value, &text, &dropped)) return false;
    if (!seen.insert(name).second) return refuse("a key twice");
    if (dropped) {
      note(kEnumMapValue);
      continue;
    }
    entries += (entries.empty() ? "" : ",") + json_quote(name) + ":" + text;
  }
  *out += "{" + entries + "}";
  return true;
}

bool Expecter::field_value(const Json &json, const F *field, std::string *out, bool *dropped) {
  if (field->is_map()) return map(json, field, out);
  if (field->is_repeated()) return list(json, field, out);
  return single(json, field, out, dropped);
}

const F *find_field(const std::string &key, const Descriptor *type) {
  for (int i = 0; i < type->field_count(); i++) {
    if (type->field(i)->json_name() == key) return type->field(i);
  }
  const F *field = type->FindFieldByName(key);
  /* A group's field has its lower-case name, which FindFieldByName knows. */
  if (field != nullptr || key.size() < 3 || key[0] != '[' || key.back() != ']') return field;
  return peer_find_extension(key.substr(1, key.size() - 2), type);
}

bool Expecter::member(const std::string &key, const Json &json, const Descriptor *type,
                      std::set<int> *fields, std::set<int> *oneofs, std::string *out) {
  const F *field = find_field(key, type);
  if (field == nullptr) {
    if (reject_unknown_ && key.empty()) return refuse(kEmptyName, "unknown field");
    if (reject_unknown_) return refuse("unknown field");
    note(kIgnored);
    return !too_deep(json_levels(json, true));
  }
  if (!fields->insert(field->number()).second) return refuse(kDuplicate, "a field twice");
  bool null = json.kind == Json::kNull && (field->is_repeated() || !takes_null(field));
  if (!null && field->containing_oneof() != nullptr &&
      !oneofs->insert(field->containing_oneof()->index()).second) {
    return refuse("two members of a oneof");
  }
  std::string value;
  bool dropped = false, beyond = field->is_extension() || field->type() == F::TYPE_GROUP;
  if (beyond) note(field->is_extension() ? kExtension : kGroup);
  if (null && field->is_repeated() && takes_null(field)) {
    note(kNullList);
    return true;
  }
  if (null) {
    value = "null";
  } else if (!field_value(json, field, &value, &dropped)) {
    return false;
  }
  if (!dropped && !beyond) *out += (out->empty() ? "" : ",") + json_quote(key) + ":" + value;
  return true;
}

bool Expecter::plain_message(const Json &json, const Descriptor *type, std::string *out) {
  std::set<int> fields, oneofs;
  std::string members;
  if (json.kind != Json::kObject) return refuse("not an object");
  Level level(&levels_);
  if (too_deep(0)) return false;
  for (size_t i = 0; i < json.items.size(); i++) {
    if (!member(json.keys[i], json.items[i], type, &fields, &oneofs, &members)) return false;
  }
  *out += "{" + members + "}";
  return true;
}

bool Expecter::message(const Json &json, const Descriptor *type, std::string *out) {
  return is_special(type) ? special(json, type, out) : plain_message(json, type, out);
}

/* ---- well-known types ---- */

bool Expecter::time(const Json &json, bool timestamp, std::string *out) {
  if (json.kind != Json::kString) return refuse("no text");
  TimeVerdict verdict = timestamp ? timestamp_judge(json.text) : duration_judge(json.text);
  if (verdict == TimeVerdict::kBad) return refuse("no time");
  if (verdict == TimeVerdict::kPeerTakes) {
    return refuse(timestamp ? kTimestamp : kDuration, "a time that only C++ takes");
  }
  *out += json_quote(json.text);
  return true;
}

bool Expecter::field_mask(const Json &json, std::string *out) {
  if (json.kind != Json::kString) return refuse("not a field mask");
  std::string text;
  char before = ',';
  for (char c : json.text + (json.text.empty() ? "" : ",")) {
    if (c == ',' && before == ',') return refuse(kFieldMask, "an empty path");
    if (c < 0 || (!isalnum(c) && c != '.' && c != '*' && c != ',')) {
      return refuse(kFieldMask, "not a path");
    }
    /* C++ 3.21 makes an underscore only of a first capital that follows a small letter. */
    bool lost = isupper(c) && (before == ',' || before == '.' || isupper(before));
    if (lost) note(kFieldMask);
    text += lost ? std::string("_") + static_cast<char>(tolower(c)) : std::string(1, c);
    before = c;
  }
  if (!text.empty()) text.pop_back();
  *out += json_quote(text);
  return true;
}

/* Struct, Value and ListValue. */
bool Expecter::free_value(const Json &json, std::string *out) {
  static const std::string no_key;
  std::set<std::string> seen;
  if (json.kind == Json::kNumber) {
    double value = strtod(json.text.c_str(), nullptr);
    if (std::isinf(value)) return refuse("out of range");
    if (value == 0 && std::signbit(value)) note(kNegativeZero);
    *out += shortened(value);
    return true;
  }
  if (json.kind < Json::kArray) {
    *out += json_print(json);
    return true;
  }
  bool object = json.kind == Json::kObject;
  Level level(&levels_);
  if (too_deep(0)) return false;
  *out += object ? '{' : '[';
  for (size_t i = 0; i < json.items.size(); i++) {
    if (i > 0) *out += ',';
    if (object && !seen.insert(json.keys[i]).second) return refuse("a key twice");
    if (object) *out += json_quote(json.keys[i]) + ":";
    if (!free_value(json.items[i], out)) return false;
  }
  *out += object ? '}' : ']';
  return true;
}

bool Expecter::special(const Json &json, const Descriptor *type, std::string *out) {
  if (is_type(type, "Any")) return any(json, out);
  bool bare = is_type(type, "Struct") || is_type(type, "Value");
  if (json.kind == Json::kObject && !bare) {
    return refuse(kObjectForm, "an object of fields for a type with a form of its own");
  }
  if (is_type(type, "Timestamp")) return time(json, true, out);
  if (is_type(type, "Duration")) return time(json, false, out);
  if (is_type(type, "FieldMask")) return field_mask(json, out);
  if (is_type(type, "Struct") && json.kind != Json::kObject) return refuse("not an object");
  if (is_type(type, "ListValue") && json.kind != Json::kArray) return refuse("not an array");
  if (!is_wrapper(type)) return free_value(json, out);
  bool dropped = false;
  return single(json, type->FindFieldByNumber(1), out, &dropped);
}

/* Some write Empty as if it had a form of its own (D-48); to C++ it is an unknown field. */
bool Expecter::any_empty(const Json &json, const Descriptor *target) {
  std::string dropped;
  note(kAnyEmpty);
  return plain_message(json, target, &dropped);
}

bool Expecter::any_member(const std::string &key, const Json &json, const Descriptor *target,
                          std::set<int> *fields, std::set<int> *oneofs, bool *value_seen,
                          std::string *out) {
  if (!is_special(target)) {
    return is_type(target, "Empty") && key == "value"
               ? any_empty(json, target)
               : member(key, json, target, fields, oneofs, out);
  }
  if (key != "value") return refuse(kAnyValue, "more than a value");
  if (*value_seen) return refuse(kDuplicate, "the value twice");
  *value_seen = true;
  if (json.kind == Json::kNull && !is_type(target, "Value")) {
    return refuse(kAnyValue, "null as the value");
  }
  *out += (out->empty() ? "" : ",") + std::string("\"value\":");
  return message(json, target, out);
}

bool Expecter::any(const Json &json, std::string *out) {
  if (json.kind != Json::kObject) return refuse(kAnyValue, "not an object");
  if (json.items.empty()) {
    *out += "{}";
    return !too_deep(1);
  }
  Level level(&levels_);
  if (too_deep(0)) return false;
  const Json *url = nullptr;
  for (size_t i = 0; i < json.items.size(); i++) {
    if (json.keys[i] != "@type") continue;
    if (url != nullptr) return refuse(kDuplicate, "\"@type\" twice");
    url = &json.items[i];
  }
  if (url == nullptr) return refuse(kAnyValue, "no \"@type\"");
  if (url->kind != Json::kString) return refuse("\"@type\" is no text");
  const Descriptor *target = peer_find_type(url->text);
  if (target == nullptr) return refuse(kAnyUrl, "unknown type");
  std::set<int> fields, oneofs;
  std::string peer_url = url->text;
  if (is_special(target) && peer_url.substr(0, peer_url.rfind('/')) != kTypePrefix) {
    /* C++ 3.21 knows the forms of well-known types by the whole URL. */
    note(kAnyPrefix);
    peer_url = std::string(kTypePrefix) + "/" + target->full_name();
  }
  std::string members;
  bool value_seen = false;
  for (size_t i = 0; i < json.items.size(); i++) {
    if (&json.items[i] == url) {
      members += (members.empty() ? "" : ",") + std::string("\"@type\":") + json_quote(peer_url);
    } else if (!any_member(json.keys[i], json.items[i], target, &fields, &oneofs, &value_seen,
                           &members)) {
      return false;
    }
  }
  if (is_special(target) && !value_seen) return refuse(kAnyValue, "no value");
  /* C++ 3.21 reads no ListValue in an Any: to it, this one is empty. */
  bool list_value = is_type(target, "ListValue");
  if (list_value) note(kAnyList);
  *out += list_value ? "{}" : "{" + members + "}";
  return true;
}

} // namespace

Expectation json_expect(const Json &json, const Descriptor *type, bool reject_unknown) {
  Expecter expecter(reject_unknown);
  expecter.message(json, type, &expecter.result.json);
  return expecter.result;
}

} // namespace diff
