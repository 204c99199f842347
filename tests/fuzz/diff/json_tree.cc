#include "json_tree.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace diff {

namespace {

struct Reader {
  const std::string &text;
  size_t at = 0;
  JsonDepth depth = {}, most = {};
  int levels_max = 0;
  bool deep = false;

  char peek() const { return at < text.size() ? text[at] : '\0'; }
  bool more() const { return at < text.size(); }
  bool eat(char c) {
    if (!more() || text[at] != c) return false;
    at++;
    return true;
  }
  bool eat_word(const char *word) {
    std::string w = word;
    if (text.compare(at, w.size(), w) != 0) return false;
    at += w.size();
    return true;
  }
  void space() {
    while (more() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r'))
      at++;
  }
  bool value(Json *out, bool member);
  bool container(Json *out, bool member);
  bool object(Json *out);
  bool array(Json *out);
  bool string(std::string *out);
  bool escape(std::string *out);
  bool hex4(uint32_t *out);
};

void utf8_put(uint32_t c, std::string *out) {
  if (c < 0x80) {
    *out += static_cast<char>(c);
  } else if (c < 0x800) {
    *out += static_cast<char>(0xC0 | c >> 6);
    *out += static_cast<char>(0x80 | (c & 63));
  } else if (c < 0x10000) {
    *out += static_cast<char>(0xE0 | c >> 12);
    *out += static_cast<char>(0x80 | (c >> 6 & 63));
    *out += static_cast<char>(0x80 | (c & 63));
  } else {
    *out += static_cast<char>(0xF0 | c >> 18);
    *out += static_cast<char>(0x80 | (c >> 12 & 63));
    *out += static_cast<char>(0x80 | (c >> 6 & 63));
    *out += static_cast<char>(0x80 | (c & 63));
  }
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Behind the number that begins at `at`; npos: none does. */
size_t number_end(const std::string &text, size_t at) {
  auto digit = [&](size_t i) { return i < text.size() && is_digit(text[i]); };
  if (at < text.size() && text[at] == '-') at++;
  if (!digit(at)) return std::string::npos;
  if (text[at] == '0') {
    at++;
  } else {
    while (digit(at))
      at++;
  }
  if (at < text.size() && text[at] == '.') {
    if (!digit(at + 1)) return std::string::npos;
    for (at++; digit(at);)
      at++;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    at++;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) at++;
    if (!digit(at)) return std::string::npos;
    while (digit(at))
      at++;
  }
  return at;
}

bool Reader::hex4(uint32_t *out) {
  *out = 0;
  for (int i = 0; i < 4; i++, at++) {
    char c = peek(), lower = static_cast<char>(c | 0x20);
    if (!more()) return false;
    if (is_digit(c)) {
      *out = *out << 4 | static_cast<uint32_t>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      *out = *out << 4 | static_cast<uint32_t>(lower - 'a' + 10);
    } else {
      return false;
    }
  }
  return true;
}

/* Behind the backslash. */
bool Reader::escape(std::string *out) {
  static const std::string names = "\"\\/bfnrt", values = "\"\\/\b\f\n\r\t";
  if (!more()) return false;
  char c = text[at++];
  size_t known = names.find(c);
  if (known != std::string::npos) {
    *out += values[known];
    return true;
  }
  uint32_t unit, low;
  if (c != 'u' || !hex4(&unit)) return false;
  if (unit >= 0xDC00 && unit <= 0xDFFF) return false;
  if (unit >= 0xD800 && unit <= 0xDBFF) {
    if (!eat('\\') || !eat('u') || !hex4(&low) || low < 0xDC00 || low > 0xDFFF) return false;
    unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
  }
  utf8_put(unit, out);
  return true;
}

bool Reader::string(std::string *out) {
  if (!eat('"')) return false;
  for (;;) {
    if (!more()) return false;
    char c = text[at++];
    if (c == '"') return true;
    if (static_cast<unsigned char>(c) < 0x20) return false;
    if (c != '\\') {
      *out += c;
    } else if (!escape(out)) {
      return false;
    }
  }
}

bool Reader::array(Json *out) {
  out->kind = Json::kArray;
  at++;
  space();
  if (eat(']')) return true;
  do {
    out->items.emplace_back();
    if (!value(&out->items.back(), false)) return false;
  } while (eat(','));
  return eat(']');
}

bool Reader::object(Json *out) {
  out->kind = Json::kObject;
  at++;
  space();
  if (eat('}')) return true;
  do {
    out->keys.emplace_back();
    out->items.emplace_back();
    space();
    if (!string(&out->keys.back())) return false;
    space();
    if (!eat(':') || !value(&out->items.back(), true)) return false;
  } while (eat(','));
  return eat('}');
}

bool Reader::container(Json *out, bool member) {
  bool level = peek() == '{' || !member;
  JsonDepth outer = depth;
  depth.levels += level ? 1 : 0;
  depth.brackets++;
  most.levels = std::max(most.levels, depth.levels);
  most.brackets = std::max(most.brackets, depth.brackets);
  deep = depth.levels > levels_max;
  bool good = !deep && (peek() == '{' ? object(out) : array(out));
  depth = outer;
  return good;
}

/* The spaces before and behind it too.  member: of an object. */
bool Reader::value(Json *out, bool member) {
  bool good = true;
  space();
  if (!more()) return false;
  if (peek() == '{' || peek() == '[') {
    good = container(out, member);
  } else if (peek() == '"') {
    out->kind = Json::kString;
    good = string(&out->text);
  } else if (peek() == '-' || is_digit(peek())) {
    size_t end = number_end(text, at);
    if (end == std::string::npos) return false;
    out->kind = Json::kNumber;
    out->text = text.substr(at, end - at);
    at = end;
  } else if (eat_word("true")) {
    out->kind = Json::kTrue;
  } else if (eat_word("false")) {
    out->kind = Json::kFalse;
  } else {
    good = eat_word("null");
  }
  space();
  return good;
}

} // namespace

bool utf8_valid(const std::string &text) {
  for (size_t i = 0; i < text.size();) {
    auto byte = [&](size_t k) -> uint32_t {
      return k < text.size() ? static_cast<unsigned char>(text[k]) : 0;
    };
    uint32_t lead = byte(i), c;
    size_t n = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    if ((lead >= 0x80 && lead < 0xC0) || lead >= 0xF8) return false;
    c = n == 1 ? lead : lead & (0x7Fu >> n);
    for (size_t k = 1; k < n; k++) {
      if ((byte(i + k) & 0xC0) != 0x80) return false;
      c = c << 6 | (byte(i + k) & 63);
    }
    if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return false;
    i += n;
  }
  return true;
}

JsonVerdict json_parse(const std::string &text, int levels_max, Json *out, JsonDepth *depth) {
  Reader reader{ text };
  reader.levels_max = levels_max;
  bool good = utf8_valid(text) && reader.value(out, false) && !reader.more();
  if (depth != nullptr) *depth = reader.most;
  if (reader.deep) return JsonVerdict::kDeep;
  return good ? JsonVerdict::kGood : JsonVerdict::kBad;
}

int json_levels(const Json &value, bool member) {
  int inner = 0;
  for (const Json &item : value.items)
    inner = std::max(inner, json_levels(item, value.kind == Json::kObject));
  bool level = value.kind == Json::kObject || (value.kind == Json::kArray && !member);
  return inner + (level ? 1 : 0);
}

bool json_is_number(const std::string &text) {
  return !text.empty() && number_end(text, 0) == text.size();
}

std::string json_quote(const std::string &text) {
  std::string out = "\"";
  for (char c : text) {
    char escaped[8];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      snprintf(escaped, sizeof escaped, "\\u%04x", c);
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string json_print(const Json &value) {
  static const char *const words[] = { "null", "false", "true" };
  if (value.kind == Json::kNumber) return value.text;
  if (value.kind == Json::kString) return json_quote(value.text);
  if (value.kind < Json::kNumber) return words[value.kind];
  bool object = value.kind == Json::kObject;
  std::string out(1, object ? '{' : '[');
  for (size_t i = 0; i < value.items.size(); i++) {
    if (i > 0) out += ',';
    if (object) out += json_quote(value.keys[i]) + ":";
    out += json_print(value.items[i]);
  }
  return out + (object ? '}' : ']');
}

} // namespace diff
