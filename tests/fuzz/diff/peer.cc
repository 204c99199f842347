#include "peer.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver.h>
#include <google/protobuf/util/type_resolver_util.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <unordered_map>

#include "gateway.h"
#include "json_tree.h"

namespace diff {

namespace pb = google::protobuf;

namespace {

constexpr int kNesting = 10000; /* levels; inputs are far smaller */
constexpr char kEveryName[] = "*";

/* Without underscores and capitals: whatever the library may take for the same name. */
std::string folded(const std::string &name) {
  std::string out;
  for (char c : name) {
    if (c != '_') out += static_cast<char>(tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

/* A type without its fields, and the fields by what may be asked for. */
struct KnownType {
  pb::Type bare;
  std::vector<pb::Field> fields;
  std::unordered_map<std::string, std::vector<size_t>> by_name;
  std::unordered_map<int, size_t> by_number;
};

/* The library asks for the types anew in each conversion, and copies them: types are made once, and
 * of a long one only the fields that the input names are handed out. */
class Resolver : public pb::util::TypeResolver {
public:
  explicit Resolver(const pb::DescriptorPool *pool)
      : made_(pb::util::NewTypeResolverForDescriptorPool(kTypePrefix, pool)) {}

  pb::util::Status ResolveMessageType(const std::string &url, pb::Type *type) override {
    std::string name = std::string(kTypePrefix) + "/" + url.substr(url.rfind('/') + 1);
    auto found = types_.find(name);
    if (found == types_.end()) {
      pb::Type fresh;
      auto status = made_->ResolveMessageType(name, &fresh);
      if (!status.ok()) return status;
      found = types_.emplace(name, known_type(fresh)).first;
    }
    const KnownType &known = found->second;
    *type = known.bare;
    std::set<size_t> wanted;
    if (known.fields.size() <= kShortType || names.count(kEveryName) > 0) {
      for (size_t i = 0; i < known.fields.size(); i++)
        wanted.insert(i);
    }
    for (const std::string &key : names) {
      auto fields = known.by_name.find(key);
      if (fields != known.by_name.end())
        wanted.insert(fields->second.begin(), fields->second.end());
    }
    for (int number : numbers) {
      auto field = known.by_number.find(number);
      if (field != known.by_number.end()) wanted.insert(field->second);
    }
    for (size_t i : wanted) {
      *type->add_fields() = known.fields[i];
    }
    return {};
  }

  pb::util::Status ResolveEnumType(const std::string &url, pb::Enum *type) override {
    auto found = enums_.find(url);
    if (found == enums_.end()) {
      pb::Enum fresh;
      auto status = made_->ResolveEnumType(url, &fresh);
      if (!status.ok()) return status;
      found = enums_.emplace(url, fresh).first;
    }
    *type = found->second;
    return {};
  }

  std::set<std::string> names; /* folded */
  std::set<int> numbers;

private:
  static constexpr size_t kShortType = 12;

  static KnownType known_type(const pb::Type &type) {
    KnownType known;
    known.fields.assign(type.fields().begin(), type.fields().end());
    known.bare = type;
    known.bare.clear_fields();
    for (size_t i = 0; i < known.fields.size(); i++) {
      std::string name = folded(known.fields[i].name());
      std::string json_name = folded(known.fields[i].json_name());
      known.by_name[name].push_back(i);
      if (json_name != name) known.by_name[json_name].push_back(i);
      known.by_number[known.fields[i].number()] = i;
    }
    return known;
  }

  std::unique_ptr<pb::util::TypeResolver> made_;
  std::unordered_map<std::string, KnownType> types_;
  std::unordered_map<std::string, pb::Enum> enums_;
};

/* Two views of one set: as it is, for names and the JSON converters; and with proto2's enums open,
 * as a gateway forwards them, for messages. */
struct Peer {
  pb::DescriptorPool pool, open_pool;
  pb::DynamicMessageFactory factory;
  std::unordered_map<const Descriptor *, const Message *> prototypes;
  std::unique_ptr<Resolver> resolver;
  std::vector<const Descriptor *> roots;
};

Peer *peer;

const char *const root_names[] = {
  "protobuf_test_messages.proto3.TestAllTypesProto3",
  "protobuf_test_messages.proto2.TestAllTypesProto2",
  "protobuf_test_messages.proto3.TestAllTypesProto3.NestedMessage",
  "codectest.AllTypes",
  "codectest2.Message2",
  "codectest.Nested",
};

void add_set(const std::string &name, const std::string &bytes, pb::FileDescriptorSet *all) {
  pb::FileDescriptorSet set;
  if (!set.ParseFromString(bytes)) {
    fprintf(stderr, "%s: no descriptor set\n", name.c_str());
    exit(1);
  }
  for (const auto &added : set.file()) {
    bool known = added.syntax() == "editions"; /* C++ 3.21 knows none */
    for (const auto &file : all->file()) {
      known = known || file.name() == added.name();
    }
    if (!known) *all->add_file() = added;
  }
}

void read_set(const std::string &path, pb::FileDescriptorSet *all) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  if (!file) {
    fprintf(stderr, "%s: cannot be read (run from the top of the tree)\n", path.c_str());
    exit(1);
  }
  add_set(path, bytes.str(), all);
}

void read_sets(pb::FileDescriptorSet *all) {
  size_t n;
  const char *builtin = diff_gateway_builtin(&n), *path = getenv("DIFF_SET");
  if (path != nullptr) {
    read_set(path, all);
  } else {
    read_set("descriptors/codec_test.pb", all);
    read_set("descriptors/codec_test2.pb", all);
  }
  add_set("builtin", std::string(builtin, n), all);
}

/* A gateway forwards a message without its required fields (D-45); C++'s JSON readers refuse it. */
void require_nothing(pb::DescriptorProto *message) {
  for (auto &field : *message->mutable_field()) {
    if (field.label() == pb::FieldDescriptorProto::LABEL_REQUIRED) {
      field.set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
    }
  }
  for (auto &nested : *message->mutable_nested_type())
    require_nothing(&nested);
}

/* Enums of proto2 are closed: C++ takes their unknown numbers out of the message. */
bool is_closed(const pb::FieldDescriptorProto &field) {
  if (field.type() != pb::FieldDescriptorProto::TYPE_ENUM) return false;
  const auto *type = peer->pool.FindEnumTypeByName(field.type_name().substr(1));
  return type != nullptr && type->file()->syntax() == pb::FileDescriptor::SYNTAX_PROTO2;
}

void as_number(pb::FieldDescriptorProto *field) {
  field->set_type(pb::FieldDescriptorProto::TYPE_INT32);
  field->clear_type_name();
  field->clear_default_value();
}

template <typename Scope> void open_extensions(Scope *scope) {
  for (auto &field : *scope->mutable_extension()) {
    if (is_closed(field)) as_number(&field);
  }
}

void open_enums(pb::DescriptorProto *message) {
  for (auto &field : *message->mutable_field()) {
    if (is_closed(field)) as_number(&field);
  }
  open_extensions(message);
  for (auto &nested : *message->mutable_nested_type()) {
    open_enums(&nested);
  }
}

void build(const pb::FileDescriptorSet &set, pb::DescriptorPool *pool) {
  for (const auto &file : set.file()) {
    if (pool->BuildFile(file) == nullptr) exit(1);
  }
}

} // namespace

void peer_load() {
  if (peer != nullptr) return;
  pb::SetLogHandler(nullptr);
  peer = new Peer;
  pb::FileDescriptorSet set;
  read_sets(&set);
  std::string bytes = set.SerializeAsString();
  diff_gateway_load(bytes.data(), bytes.size());
  for (auto &file : *set.mutable_file()) {
    for (auto &message : *file.mutable_message_type())
      require_nothing(&message);
  }
  build(set, &peer->pool);
  for (auto &file : *set.mutable_file()) {
    for (auto &message : *file.mutable_message_type()) {
      open_enums(&message);
    }
    open_extensions(&file);
  }
  build(set, &peer->open_pool);
  peer->resolver = std::make_unique<Resolver>(&peer->pool);
  for (const char *name : root_names) {
    const Descriptor *root = peer->pool.FindMessageTypeByName(name);
    if (root != nullptr) peer->roots.push_back(root);
  }
  if (peer->roots.empty()) exit(1);
}

const std::vector<const Descriptor *> &peer_roots() {
  return peer->roots;
}

const Descriptor *peer_find_type(const std::string &url) {
  size_t slash = url.rfind('/');
  if (slash == std::string::npos) return nullptr;
  return peer->pool.FindMessageTypeByName(url.substr(slash + 1));
}

const FieldDescriptor *peer_find_extension(const std::string &name, const Descriptor *extendee) {
  const FieldDescriptor *field = peer->pool.FindExtensionByName(name);
  return field != nullptr && field->containing_type() == extendee ? field : nullptr;
}

MessagePtr peer_parse(const Descriptor *type, const std::string &wire) {
  const Message *&prototype = peer->prototypes[type];
  if (prototype == nullptr) {
    prototype =
        peer->factory.GetPrototype(peer->open_pool.FindMessageTypeByName(type->full_name()));
  }
  MessagePtr message(prototype->New());
  pb::io::CodedInputStream in(reinterpret_cast<const uint8_t *>(wire.data()),
                              static_cast<int>(wire.size()));
  in.SetRecursionLimit(kNesting);
  in.SetExtensionRegistry(&peer->open_pool, &peer->factory);
  bool whole = message->ParsePartialFromCodedStream(&in) && in.ConsumedEntireMessage();
  return whole ? std::move(message) : nullptr;
}

static std::string type_url(const Descriptor *type) {
  return std::string(kTypePrefix) + "/" + type->full_name();
}

/* Every string in the text may be a name. */
static void note_names(const std::string &json, std::set<std::string> *names) {
  Json tree;
  names->clear();
  if (json_parse(json, kNesting, &tree) != JsonVerdict::kGood) {
    names->insert(kEveryName);
    return;
  }
  std::vector<const Json *> left = { &tree };
  while (!left.empty()) {
    const Json *value = left.back();
    left.pop_back();
    for (const std::string &key : value->keys)
      names->insert(folded(key));
    for (const Json &item : value->items)
      left.push_back(&item);
  }
}

bool peer_json_to_wire(const Descriptor *type, bool reject_unknown, const std::string &json,
                       std::string *wire, std::string *why) {
  pb::util::JsonParseOptions options;
  options.ignore_unknown_fields = !reject_unknown;
  wire->clear();
  peer->resolver->numbers.clear();
  note_names(json, &peer->resolver->names);
  auto status =
      pb::util::JsonToBinaryString(peer->resolver.get(), type_url(type), json, wire, options);
  if (!status.ok()) *why = status.ToString();
  return status.ok();
}

static void note_numbers(const Message &message, std::set<int> *numbers) {
  std::vector<const FieldDescriptor *> fields;
  const pb::Reflection *reflection = message.GetReflection();
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor *field : fields) {
    numbers->insert(field->number());
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    int n = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    for (int i = 0; i < n; i++) {
      note_numbers(field->is_repeated() ? reflection->GetRepeatedMessage(message, field, i)
                                        : reflection->GetMessage(message, field),
                   numbers);
    }
  }
  if (message.GetDescriptor()->full_name() != "google.protobuf.Any") return;
  MessagePtr content = peer_any_content(message);
  if (content != nullptr) note_numbers(*content, numbers);
}

MessagePtr peer_any_content(const Message &any) {
  const Descriptor *type = any.GetDescriptor();
  const pb::Reflection *reflection = any.GetReflection();
  const Descriptor *target = peer_find_type(reflection->GetString(any, type->FindFieldByNumber(1)));
  if (target == nullptr) return nullptr;
  return peer_parse(target, reflection->GetString(any, type->FindFieldByNumber(2)));
}

bool peer_wire_to_json(const Message &message, const std::string &wire, std::string *json,
                       std::string *why) {
  const Descriptor *type = message.GetDescriptor();
  json->clear();
  peer->resolver->names.clear();
  peer->resolver->numbers.clear();
  note_numbers(message, &peer->resolver->numbers);
  auto status = pb::util::BinaryToJsonString(peer->resolver.get(), type_url(type), wire, json);
  if (!status.ok()) *why = status.ToString();
  return status.ok();
}

std::string peer_serialize(const Message &message) {
  std::string bytes;
  {
    pb::io::StringOutputStream stream(&bytes);
    pb::io::CodedOutputStream out(&stream);
    out.SetSerializationDeterministic(true);
    message.SerializePartialToCodedStream(&out);
  }
  return bytes;
}

static void normalize(Message *message, Classes classes);

/* A payload that can be read becomes its own canonical form. */
static void any_normalize(Message *message, Classes classes) {
  const Descriptor *type = message->GetDescriptor();
  const pb::Reflection *reflection = message->GetReflection();
  const FieldDescriptor *url = type->FindFieldByNumber(1), *value = type->FindFieldByNumber(2);
  const Descriptor *target = peer_find_type(reflection->GetString(*message, url));
  if (target == nullptr) return;
  if ((classes & bit(kAnyList)) != 0 && target->full_name() == "google.protobuf.ListValue") {
    message->Clear();
    return;
  }
  if ((classes & bit(kAnyPrefix)) != 0) reflection->SetString(message, url, type_url(target));
  MessagePtr content = peer_parse(target, reflection->GetString(*message, value));
  if (content == nullptr) return;
  reflection->SetString(message, value, peer_canonical(*content, classes));
}

/* C++ 3.21 knows neither extensions nor groups in JSON. */
static bool is_beyond(const FieldDescriptor *field, Classes classes) {
  if (field->is_extension()) return (classes & bit(kExtension)) != 0;
  return field->type() == FieldDescriptor::TYPE_GROUP && (classes & bit(kGroup)) != 0;
}

static void normalize(Message *message, Classes classes) {
  const pb::Reflection *reflection = message->GetReflection();
  std::vector<const FieldDescriptor *> fields;
  if (message->GetDescriptor()->full_name() == "google.protobuf.Any") {
    any_normalize(message, classes);
    return;
  }
  reflection->ListFields(*message, &fields);
  for (const FieldDescriptor *field : fields) {
    if (is_beyond(field, classes)) {
      reflection->ClearField(message, field);
      continue;
    }
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      normalize(reflection->MutableMessage(message, field), classes);
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(*message, field); i++) {
      normalize(reflection->MutableRepeatedMessage(message, field, i), classes);
    }
  }
}

std::string peer_canonical(const Message &message, Classes classes) {
  MessagePtr copy(message.New());
  copy->CopyFrom(message);
  normalize(copy.get(), classes);
  return peer_serialize(*copy);
}

} // namespace diff
