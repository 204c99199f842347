/* Message -> JSON, the gateway against protobuf C++: both take the bytes for a message with a JSON
 * form, or both do not; what the gateway prints is, read by C++, the message that C++ read from the
 * bytes; and what C++ prints is the same message to the gateway's reader.  Exceptions are the
 * classes of docs/fuzzing.md.  Input: a byte that picks the message, then the bytes. */
#include <cstdint>
#include <cstring>
#include <exception>

#include "base/limits.h"
#include "diff/gateway.h"
#include "diff/json_expect.h"
#include "diff/peer.h"
#include "diff/random.h"
#include "diff/tally.h"
#include "diff/wire_judge.h"
#include "diff/wire_make.h"
#include "diff/wire_scan.h"

using namespace diff;

namespace {

struct Case {
  const Descriptor *type;
  std::string wire;
};

std::string hex(const std::string &bytes) {
  std::string out;
  char pair[3];
  for (unsigned char c : bytes) {
    snprintf(pair, sizeof pair, "%02x", c);
    out += pair;
  }
  return out;
}

std::string shown(const Case &c) {
  return c.type->full_name() + " " + hex(c.wire);
}

struct Answer {
  bool ok = false;
  std::string json, why;
};

Answer ask_gateway(const Case &c) {
  diff_result result = diff_wire_to_json(c.type->full_name().c_str(), c.wire.data(), c.wire.size());
  Answer answer;
  answer.ok = result.ok;
  if (result.ok) {
    answer.json.assign(result.bytes, result.n);
  } else {
    answer.why = std::string(result.where) + ": " + result.why;
  }
  return answer;
}

Answer ask_peer(const Message &message, const std::string &wire) {
  Answer answer;
  try {
    answer.ok = peer_wire_to_json(message, wire, &answer.json, &answer.why);
  } catch (const std::exception &e) { /* a failed CHECK of the library */
    answer.ok = false;
    answer.why = e.what();
  }
  return answer;
}

/* As C++ reads the bytes; nullptr: not at all. */
MessagePtr read_wire(const Case &c, Classes *classes) {
  MessagePtr message = peer_parse(c.type, c.wire);
  std::string rest;
  if (message == nullptr && wire_without_replaced(c.type, c.wire, &rest)) {
    /* What made C++ refuse is no part of the message: something later replaced it. */
    message = peer_parse(c.type, rest);
    if (message != nullptr) *classes |= bit(kReplaced);
  }
  if (message != nullptr) wire_settle(message.get(), classes);
  return message;
}

/* What a reader of the JSON should get. */
struct Settled {
  MessagePtr message;
  std::string wire;
};

bool equal(const Case &c, const std::string &wire, const Settled &kept, Classes classes) {
  if (wire == kept.wire) return true;
  MessagePtr read = peer_parse(c.type, wire);
  if (read == nullptr) return false;
  return peer_serialize(*read) == kept.wire ||
         peer_canonical(*read, classes) == peer_canonical(*kept.message, classes);
}

/* Our text in C++'s reader, where ProtoJSON says what C++ misreads. */
void check_printed(const Case &c, const Settled &kept, const std::string &json, Classes classes) {
  Json tree;
  if (json_parse(json, INT32_MAX, &tree) != JsonVerdict::kGood) {
    tally_fail("printed what is not JSON", shown(c), json, "");
  }
  Expectation expected = json_expect(tree, c.type, true);
  if (expected.refused) {
    if ((classes & expected.classes & bit(kFieldMask)) != 0) return;
    tally_fail(expected.why, shown(c), json, "");
  }
  std::string wire, why;
  if (!peer_json_to_wire(c.type, true, expected.json, &wire, &why)) {
    bool deep = json_parse(json, 100, &tree) == JsonVerdict::kDeep;
    if (!deep) tally_fail("C++ cannot read it: " + why, shown(c), json, "");
    return tally_classes(bit(kDepth), true);
  }
  if (!equal(c, wire, kept, expected.classes)) {
    tally_fail("printed another message", shown(c), json, kept.message->ShortDebugString());
  }
}

/* A text in our reader. */
void check_read(const Case &c, const Settled &kept, const std::string &json, Classes classes,
                const char *what) {
  Json tree;
  diff_result result =
      diff_json_to_wire(c.type->full_name().c_str(), true, json.data(), json.size());
  if (!result.ok) {
    /* Maps are levels in a text, and none in a message. */
    json_parse(json, INT32_MAX, &tree);
    Expectation expected = json_expect(tree, c.type, true);
    if ((expected.classes & (bit(kDepth) | (classes & bit(kFieldMask)))) != 0) return;
    tally_fail(std::string(what) + ": " + result.why, shown(c), json, "");
  }
  if (!equal(c, std::string(result.bytes, result.n), kept, classes)) {
    tally_fail(std::string(what) + ": read another message", shown(c), json,
               kept.message->ShortDebugString());
  }
}

/* C++ prints some forms that no reader of ProtoJSON takes, and its own does. */
void check_peer_text(const Case &c, const Settled &kept, const std::string &json, Classes classes) {
  Json tree;
  if (json_parse(json, INT32_MAX, &tree) != JsonVerdict::kGood) {
    if (classes != 0) return;
    tally_fail("C++ printed what is not JSON", shown(c), json, "");
  }
  Expectation expected = json_expect(tree, c.type, true);
  if (!expected.refused) return check_read(c, kept, json, classes, "C++'s text");
  if (expected.classes == 0) tally_fail(expected.why, shown(c), "", json);
  tally_classes(bit(kPeerPrint), true);
}

void check_refused(const Case &c, const Answer &ours, const char *why) {
  if (ours.ok) tally_fail(std::string("must be refused: ") + why, shown(c), ours.json, "");
}

/* True: accepted by both. */
bool check(const Case &c, const Answer &ours) {
  Classes classes = 0;
  MessagePtr message = read_wire(c, &classes);
  if (classes != 0 && !ours.ok) { /* only what counts is looked into, but not always alone */
    tally_classes(classes, false);
    return false;
  }
  if (message == nullptr) {
    check_refused(c, ours, "malformed");
    return false;
  }
  Settled kept = { MessagePtr(message->New()), "" };
  kept.message->CopyFrom(*message);
  Verdict verdict = wire_judge(kept.message.get());
  kept.wire = peer_serialize(*kept.message);
  classes |= verdict.classes;
  if ((classes & bit(kAnyContent)) != 0) { /* of some C++ would print a list without end */
    tally_classes(classes, false);
    check_refused(c, ours, verdict.why);
    return false;
  }
  /* C++ would print a group's fields as those of the message around it. */
  bool groups = (classes & bit(kGroup)) != 0;
  Answer theirs =
      ask_peer(*kept.message, groups ? peer_canonical(*kept.message, bit(kGroup)) : kept.wire);
  if (verdict.refused) {
    if (theirs.ok && verdict.classes == 0) {
      tally_fail(std::string("refused without a class: ") + verdict.why, shown(c), ours.why,
                 theirs.json);
    }
    tally_classes(classes, theirs.ok);
    check_refused(c, ours, verdict.why);
    return false;
  }
  if (!ours.ok) tally_fail("refused: " + ours.why, shown(c), "", message->ShortDebugString());
  check_printed(c, kept, ours.json, classes);
  check_read(c, kept, ours.json, classes & bit(kFieldMask), "our own text");
  bool alike = theirs.json == ours.json; /* then it was read already */
  if (theirs.ok && !alike && (classes & bit(kFieldMask)) == 0) {
    check_peer_text(c, kept, theirs.json, classes);
  } else if (!theirs.ok && classes == 0) {
    tally_fail("C++ cannot print it: " + theirs.why, shown(c), ours.json, "");
  }
  if (classes != 0) {
    Answer original = ask_peer(*message, peer_serialize(*message));
    tally_classes(classes, original.json != theirs.json || !theirs.ok);
  }
  return theirs.ok;
}

/* Tags and lengths in forms that C++ reads otherwise, or not at all: what the gateway makes of them
 * follows from what it makes of the plain form, which is what C++ is asked about. */
bool check_forms(const Case &c, WireForms forms) {
  Case plain = { c.type, wire_plain(c.type, c.wire) };
  Answer original = ask_gateway(c), ours = ask_gateway(plain);
  Classes classes = forms.long_prefix ? bit(kLongPrefix) : 0;
  if (forms.wide_tag) {
    std::string rest;
    bool replaced = wire_without_replaced(c.type, c.wire, &rest) &&
                    !wire_forms(c.type, rest).wide_tag; /* then nobody need see it */
    if (original.ok && !replaced) tally_fail("a tag over 32 bits", shown(c), original.json, "");
    classes |= bit(kTag);
  }
  if (original.ok ? original.json != ours.json : ours.ok && !forms.wide_tag) {
    tally_fail("answered otherwise in plain form", shown(c), original.json + original.why,
               ours.json + ours.why);
  }
  tally_classes(classes, (peer_parse(c.type, c.wire) != nullptr) != original.ok);
  return check(plain, ours) && original.ok;
}

void check(const Case &c) {
  WireForms forms = wire_forms(c.type, c.wire);
  bool plain = !forms.wide_tag && !forms.long_prefix;
  tally_execution(plain ? check(c, ask_gateway(c)) : check_forms(c, forms));
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  peer_load();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  const auto &roots = peer_roots();
  check({ roots[data[0] % roots.size()],
          std::string(reinterpret_cast<const char *>(data) + 1, size - 1) });
  return 0;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max,
                                          unsigned seed) {
  Random random(seed);
  if (size_max < 8) return LLVMFuzzerMutate(data, size, size_max);
  if (size == 0 || random.one_in(64)) data[0] = static_cast<uint8_t>(random.below(256));
  if (size > 1 && random.one_in(12)) return LLVMFuzzerMutate(data, size, size_max);
  const auto &roots = peer_roots();
  std::string wire(reinterpret_cast<const char *>(data) + 1, size > 0 ? size - 1 : 0);
  wire = wire_mutate(wire, roots[data[0] % roots.size()], &random);
  if (wire.size() > size_max - 1) wire.resize(size_max - 1);
  memcpy(data + 1, wire.data(), wire.size());
  return wire.size() + 1;
}
