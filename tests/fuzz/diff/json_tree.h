/* json_tree: a reader of JSON as RFC 8259 defines it, UTF-8 and nothing else; written on its own,
 * so that it can judge the gateway's.  For the short texts of the fuzzers: it recurses. */
#pragma once

#include <string>
#include <vector>

namespace diff {

struct Json {
  enum Kind { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };
  Kind kind = kNull;
  std::string text; /* a string decoded, a number as it is written */
  std::vector<std::string> keys;
  std::vector<Json> items;
};

enum class JsonVerdict { kGood, kBad, kDeep };

/* Both count from 1.  Levels are objects, and arrays that are no member of an object. */
struct JsonDepth {
  int levels = 0, brackets = 0;
};

/* kDeep: over `levels_max`; the rest was not looked at. */
JsonVerdict json_parse(const std::string &text, int levels_max, Json *out,
                       JsonDepth *depth = nullptr);
/* Nested levels in the value, itself included.  member: it is one of an object. */
int json_levels(const Json &value, bool member);
/* Whether the whole text is a number in JSON's grammar. */
bool json_is_number(const std::string &text);
/* As a JSON string, quotes included. */
std::string json_quote(const std::string &text);
std::string json_print(const Json &value);
bool utf8_valid(const std::string &text);

} // namespace diff
