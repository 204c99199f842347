/* JSON -> message, the gateway against protobuf C++: both accept a text and read the same message,
 * or both refuse it, but for the classes of docs/fuzzing.md, which diff/json_expect.h decides.
 * Input: a byte (bits 0 and 1 both set: refuse unknown fields; the others pick the message), then
 * the text. */
#include <cstdint>
#include <cstring>
#include <exception>

#include "base/limits.h"
#include "diff/gateway.h"
#include "diff/json_expect.h"
#include "diff/json_make.h"
#include "diff/peer.h"
#include "diff/random.h"
#include "diff/tally.h"

using namespace diff;

namespace {

constexpr int kPeerBracketsMax = 100; /* C++ counts lists too */

struct Case {
  const Descriptor *type;
  bool reject_unknown;
  std::string json;
};

struct Answer {
  bool ok = false;
  std::string wire, why;
};

Answer ask_gateway(const Case &c) {
  diff_result result = diff_json_to_wire(c.type->full_name().c_str(), c.reject_unknown,
                                         c.json.data(), c.json.size());
  Answer answer;
  answer.ok = result.ok;
  if (result.ok) {
    answer.wire.assign(result.bytes, result.n);
  } else {
    answer.why = std::to_string(result.column) + " " + result.where + ": " + result.why;
  }
  return answer;
}

Answer ask_peer(const Case &c, const std::string &json) {
  Answer answer;
  try {
    answer.ok = peer_json_to_wire(c.type, c.reject_unknown, json, &answer.wire, &answer.why);
  } catch (const std::exception &e) { /* a failed CHECK of the library */
    answer.ok = false;
    answer.why = e.what();
  }
  return answer;
}

std::string shown(const Case &c) {
  return c.type->full_name() + (c.reject_unknown ? " (unknown refused) " : " ") + c.json;
}

bool same(const Case &c, const std::string &ours, const std::string &theirs, Classes classes) {
  if (ours == theirs) return true;
  MessagePtr a = peer_parse(c.type, ours), b = peer_parse(c.type, theirs);
  if (a == nullptr) tally_fail("our bytes are no message", shown(c), "", "");
  if (b == nullptr) return false;
  if (peer_serialize(*a) == peer_serialize(*b)) return true;
  return peer_canonical(*a, classes) == peer_canonical(*b, classes);
}

std::string text_of(const Case &c, const Answer &answer) {
  if (!answer.ok) return "refused: " + answer.why;
  MessagePtr message = peer_parse(c.type, answer.wire);
  return message != nullptr ? message->ShortDebugString() : "unreadable bytes";
}

/* Every refusal is counted with what C++ makes of the same text. */
void check_refused(const Case &c, Classes classes, const char *why) {
  Answer ours = ask_gateway(c), theirs = ask_peer(c, c.json);
  if (theirs.ok) theirs.ok = peer_parse(c.type, theirs.wire) != nullptr;
  if (ours.ok) tally_fail(std::string("must be refused: ") + why, shown(c), text_of(c, ours), "");
  if (theirs.ok && classes == 0) {
    tally_fail(std::string("refused without a class: ") + why, shown(c), ours.why,
               text_of(c, theirs));
  }
  tally_classes(classes, theirs.ok);
  tally_execution(false);
}

void check(const Case &c) {
  Json json;
  JsonDepth depth;
  JsonVerdict verdict = json_parse(c.json, GW_JSON_DEPTH_MAX, &json, &depth);
  if (verdict == JsonVerdict::kBad) return check_refused(c, bit(kSyntax), "not RFC 8259");
  if (verdict == JsonVerdict::kDeep) return check_refused(c, bit(kDepth), "too deep");
  Expectation expected = json_expect(json, c.type, c.reject_unknown);
  if (expected.refused) return check_refused(c, expected.classes, expected.why);
  Answer ours = ask_gateway(c), theirs = ask_peer(c, expected.json);
  if (depth.brackets > kPeerBracketsMax && ours.ok && !theirs.ok) {
    tally_classes(bit(kDepth), true);
    return tally_execution(false);
  }
  if (ours.ok != theirs.ok) {
    tally_fail("accepted or refused", shown(c), text_of(c, ours), text_of(c, theirs));
  }
  if (ours.ok && !same(c, ours.wire, theirs.wire, expected.classes)) {
    tally_fail("another message", shown(c), text_of(c, ours), text_of(c, theirs));
  }
  if (expected.classes != 0) {
    Answer original = ask_peer(c, c.json);
    tally_classes(expected.classes,
                  original.ok != ours.ok || (ours.ok && !same(c, ours.wire, original.wire, 0)));
  }
  tally_execution(ours.ok);
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
  check({ roots[data[0] / 4 % roots.size()], (data[0] & 3) == 3,
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
  std::string json(reinterpret_cast<const char *>(data) + 1, size > 0 ? size - 1 : 0);
  json = json_mutate(json, roots[data[0] / 4 % roots.size()], &random);
  if (json.size() > size_max - 1) json.resize(size_max - 1);
  memcpy(data + 1, json.data(), json.size());
  return json.size() + 1;
}
