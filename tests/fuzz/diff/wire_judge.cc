#include "wire_judge.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "base/limits.h"
#include "json_tree.h"
#include "time_text.h"
#include "wire_scan.h"

namespace diff {

namespace {

namespace pb = google::protobuf;
using F = FieldDescriptor;

constexpr int kPeerDepthMax = 64; /* ProtoStreamObjectSource's default */

bool is_type(const Descriptor *type, const char *name) {
  return type->name() == name && type->file()->package() == "google.protobuf";
}

class Judge {
public:
  Verdict verdict;

  /* Levels are those of JSON objects that stand for messages, as the gateway counts them. */
  void message(Message *m, int depth);

private:
  int nesting_ = 0;

  void refuse(const char *why) {
    if (!verdict.refused) verdict.why = why;
    verdict.refused = true;
  }
  void refuse(Class c, const char *why) {
    note(c);
    refuse(why);
  }
  void note(Class c) { verdict.classes |= bit(c); }

  void fields(Message *m, int depth);
  void field(Message *m, const F *f, int depth);
  void time(const Message &m, bool timestamp);
  void field_mask(const Message &m);
  void any(Message *m, int depth);
  void null_values(Message *m, const F *f);
  void nans(Message *m, const F *f);
  void text(const std::string &text, const F *f);
};

int unknown_depth(const pb::UnknownFieldSet &set) {
  int depth = 0;
  for (int i = 0; i < set.field_count(); i++) {
    if (set.field(i).type() == pb::UnknownField::TYPE_GROUP) {
      depth = std::max(depth, 1 + unknown_depth(set.field(i).group()));
    }
  }
  return depth;
}

void Judge::time(const Message &m, bool timestamp) {
  const Descriptor *type = m.GetDescriptor();
  int64_t seconds = m.GetReflection()->GetInt64(m, type->FindFieldByNumber(1));
  int32_t nanos = m.GetReflection()->GetInt32(m, type->FindFieldByNumber(2));
  if (timestamp) {
    if (!timestamp_in_range(seconds, nanos)) refuse("a timestamp out of range");
  } else if (!duration_in_range(seconds, nanos)) {
    /* C++ 3.21 prints the nanoseconds of another sign as some number. */
    if ((seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0)) note(kDuration);
    refuse("a duration out of range");
  }
}

void Judge::field_mask(const Message &m) {
  const F *paths = m.GetDescriptor()->FindFieldByNumber(1);
  for (int i = 0; i < m.GetReflection()->FieldSize(m, paths); i++) {
    std::string path = m.GetReflection()->GetRepeatedString(m, paths, i);
    bool good = !path.empty();
    for (size_t k = 0; k < path.size(); k++) {
      char c = path[k], next = k + 1 < path.size() ? path[k + 1] : '\0';
      good = good && c > ' ' && c < 0x7F && !isupper(c) && c != '"' && c != '\\' && c != ',';
      good = good && (c != '_' || islower(next)); /* else it does not convert back */
      /* Printing bears characters that reading does not. */
      if (!isalnum(static_cast<unsigned char>(c)) && strchr("._*", c) == nullptr) note(kFieldMask);
      /* C++ 3.21 prints no capital where a segment begins. */
      if (c == '_' && (k == 0 || path[k - 1] == '.')) note(kFieldMask);
    }
    if (!good) refuse(kFieldMask, "a path that has no JSON form");
  }
}

void Judge::any(Message *m, int depth) {
  const Descriptor *type = m->GetDescriptor();
  const pb::Reflection *reflection = m->GetReflection();
  const F *value = type->FindFieldByNumber(2);
  std::string url = reflection->GetString(*m, type->FindFieldByNumber(1));
  if (url.empty() && reflection->GetString(*m, value).empty()) return;
  const Descriptor *target = peer_find_type(url);
  if (target == nullptr) return refuse(kAnyUrl, "an Any of an unknown type");
  MessagePtr content = peer_any_content(*m);
  if (content == nullptr) return refuse(kAnyContent, "an Any with unreadable content");
  message(content.get(), depth);
  if (is_type(target, "Value") && content->ByteSizeLong() == 0) { /* printed as null */
    note(kValueUnset);
    const F *null = content->GetDescriptor()->FindFieldByNumber(1);
    content->GetReflection()->SetEnumValue(content.get(), null, 0);
  }
  reflection->SetString(m, value, peer_serialize(*content));
}

/* A NullValue of any number is printed as null, which is 0. */
void Judge::null_values(Message *m, const F *f) {
  const pb::Reflection *reflection = m->GetReflection();
  int n = f->is_repeated() ? reflection->FieldSize(*m, f) : 1;
  for (int i = 0; i < n; i++) {
    int number = f->is_repeated() ? reflection->GetRepeatedEnumValue(*m, f, i)
                                  : reflection->GetEnumValue(*m, f);
    if (number != 0) note(kNullNumber);
    if (f->is_repeated()) {
      reflection->SetRepeatedEnumValue(m, f, i, 0);
    } else {
      reflection->SetEnumValue(m, f, 0);
    }
  }
}

/* JSON has one NaN. */
void Judge::nans(Message *m, const F *f) {
  const pb::Reflection *reflection = m->GetReflection();
  bool wide = f->cpp_type() == F::CPPTYPE_DOUBLE;
  int n = f->is_repeated() ? reflection->FieldSize(*m, f) : 1;
  for (int i = 0; i < n; i++) {
    if (!f->is_repeated()) {
      if (wide && std::isnan(reflection->GetDouble(*m, f))) reflection->SetDouble(m, f, NAN);
      if (!wide && std::isnan(reflection->GetFloat(*m, f))) reflection->SetFloat(m, f, NAN);
    } else if (wide && std::isnan(reflection->GetRepeatedDouble(*m, f, i))) {
      reflection->SetRepeatedDouble(m, f, i, NAN);
    } else if (!wide && std::isnan(reflection->GetRepeatedFloat(*m, f, i))) {
      reflection->SetRepeatedFloat(m, f, i, NAN);
    }
  }
}

void Judge::text(const std::string &text, const F *f) {
  if (!utf8_valid(text)) {
    refuse(kText, f->is_extension() ? "an extension's text" : "text that is not UTF-8");
  }
}

bool is_unset_value(const Message &m) {
  return is_type(m.GetDescriptor(), "Value") && m.ByteSizeLong() == 0;
}

void Judge::field(Message *m, const F *f, int depth) {
  const pb::Reflection *reflection = m->GetReflection();
  if (f->cpp_type() == F::CPPTYPE_ENUM &&
      f->enum_type()->full_name() == "google.protobuf.NullValue") {
    return null_values(m, f);
  }
  if (f->cpp_type() == F::CPPTYPE_DOUBLE || f->cpp_type() == F::CPPTYPE_FLOAT) return nans(m, f);
  if (f->type() == F::TYPE_STRING) {
    int n = f->is_repeated() ? reflection->FieldSize(*m, f) : 1;
    for (int i = 0; i < n; i++) {
      text(f->is_repeated() ? reflection->GetRepeatedString(*m, f, i)
                            : reflection->GetString(*m, f),
           f);
    }
  }
  if (f->is_extension()) note(kExtension);
  if (f->type() == F::TYPE_GROUP) note(kGroup);
  if (f->cpp_type() != F::CPPTYPE_MESSAGE) return;
  if (!f->is_repeated()) {
    message(reflection->MutableMessage(m, f), depth);
    if (!is_unset_value(reflection->GetMessage(*m, f))) return;
    note(kValueUnset);
    reflection->ClearField(m, f);
    return;
  }
  int kept = 0, n = reflection->FieldSize(*m, f);
  for (int i = 0; i < n; i++) {
    Message *item = reflection->MutableRepeatedMessage(m, f, i);
    message(item, depth);
    bool unset = is_unset_value(*item);
    if (f->is_map()) {
      const F *value = f->message_type()->FindFieldByNumber(2);
      unset = value->cpp_type() == F::CPPTYPE_MESSAGE &&
              is_unset_value(item->GetReflection()->GetMessage(*item, value));
    }
    if (unset) {
      note(kValueUnset);
    } else {
      if (kept != i) reflection->SwapElements(m, f, kept, i);
      kept++;
    }
  }
  for (; n > kept; n--)
    reflection->RemoveLast(m, f);
}

void Judge::fields(Message *m, int depth) {
  std::vector<const F *> list;
  m->GetReflection()->ListFields(*m, &list);
  for (const F *f : list)
    field(m, f, depth);
}

void Judge::message(Message *m, int depth) {
  const Descriptor *type = m->GetDescriptor();
  pb::UnknownFieldSet *unknown = m->GetReflection()->MutableUnknownFields(m);
  if (unknown_depth(*unknown) > GW_JSON_DEPTH_MAX) refuse(kDepth, "unknown groups too deep");
  unknown->Clear();
  /* C++ 3.21 prints fewer messages within messages, whatever their JSON. */
  struct Nesting {
    int *n;
    ~Nesting() { --*n; }
  } nesting = { &nesting_ };
  if (++nesting_ > kPeerDepthMax) note(kDepth);
  bool flat = type->map_key() != nullptr || is_type(type, "Value");
  if (is_type(type, "Timestamp") || is_type(type, "Duration")) {
    return time(*m, is_type(type, "Timestamp"));
  }
  if (is_type(type, "FieldMask")) return field_mask(*m);
  if (!flat && ++depth > GW_JSON_DEPTH_MAX) return refuse(kDepth, "too deep");
  if (is_type(type, "Any")) return any(m, depth);
  if (is_type(type, "Value")) {
    const F *number = type->FindFieldByNumber(2);
    const pb::Reflection *reflection = m->GetReflection();
    if (reflection->HasField(*m, number) && !std::isfinite(reflection->GetDouble(*m, number))) {
      refuse(kValueNumber, "a Value that is no number of JSON");
    }
  }
  fields(m, depth);
}

} // namespace

Verdict wire_judge(Message *message) {
  Judge judge;
  judge.message(message, 0);
  return judge.verdict;
}

static void map_settle(Message *message, const F *field) {
  const pb::Reflection *reflection = message->GetReflection();
  const F *key = field->message_type()->FindFieldByNumber(1);
  std::map<std::string, int> last;
  std::vector<std::string> keys;
  int n = reflection->FieldSize(*message, field), kept = 0;
  for (int i = 0; i < n; i++) {
    const Message &entry = reflection->GetRepeatedMessage(*message, field, i);
    std::string text;
    pb::TextFormat::PrintFieldValueToString(entry, key, -1, &text);
    last[text] = i;
    keys.push_back(text);
  }
  for (int i = 0; i < n; i++) {
    if (last[keys[static_cast<size_t>(i)]] != i) continue;
    if (kept != i) reflection->SwapElements(message, field, kept, i);
    kept++;
  }
  for (; n > kept; n--)
    reflection->RemoveLast(message, field);
}

static void any_settle(Message *any, Classes *classes) {
  const Descriptor *type = any->GetDescriptor();
  const pb::Reflection *reflection = any->GetReflection();
  const F *value = type->FindFieldByNumber(2);
  MessagePtr content = peer_any_content(*any);
  if (content == nullptr) {
    std::string rest;
    const Descriptor *target =
        peer_find_type(reflection->GetString(*any, type->FindFieldByNumber(1)));
    if (target == nullptr ||
        !wire_without_replaced(target, reflection->GetString(*any, value), &rest)) {
      return;
    }
    content = peer_parse(target, rest);
    if (content == nullptr) return;
    *classes |= bit(kReplaced);
  }
  wire_settle(content.get(), classes);
  reflection->SetString(any, value, peer_serialize(*content));
}

void wire_settle(Message *message, Classes *classes) {
  std::vector<const F *> fields;
  const pb::Reflection *reflection = message->GetReflection();
  if (is_type(message->GetDescriptor(), "Any")) return any_settle(message, classes);
  reflection->ListFields(*message, &fields);
  for (const F *f : fields) {
    if (f->cpp_type() != F::CPPTYPE_MESSAGE) continue;
    if (f->is_map()) map_settle(message, f);
    int n = f->is_repeated() ? reflection->FieldSize(*message, f) : 1;
    for (int i = 0; i < n; i++) {
      wire_settle(f->is_repeated() ? reflection->MutableRepeatedMessage(message, f, i)
                                   : reflection->MutableMessage(message, f),
                  classes);
    }
  }
}

} // namespace diff
