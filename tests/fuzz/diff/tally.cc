#include "tally.h"

#include <cstdio>
#include <cstdlib>

namespace diff {

namespace {

const char *const class_names[kClassCount] = {
  "syntax",      "depth",        "duplicate",     "null element",     "null list",
  "scalar list", "list in list", "number text",   "integer width",    "negative zero",
  "float width", "bool text",    "base64",        "enum number text", "enum in map",
  "map key",     "timestamp",    "duration",      "field mask",       "object form",
  "any url",     "any prefix",   "any list",      "any value",        "any empty",
  "extension",   "group",        "ignored value", "empty name",       "tag",
  "long prefix", "text",         "replaced",      "value unset",      "value number",
  "null number", "any content",  "peer prints",
};

uint64_t executions, accepted_by_both, seen[kClassCount], differing[kClassCount];

void report() {
  if (executions == 0) return;
  fprintf(stderr, "diff: %llu executions, %.1f %% accepted by both\n",
          static_cast<unsigned long long>(executions),
          100.0 * static_cast<double>(accepted_by_both) / static_cast<double>(executions));
  for (int c = 0; c < kClassCount; c++) {
    if (seen[c] == 0) continue;
    fprintf(stderr, "diff: class %-17s %10llu inputs, %10llu answered otherwise by C++\n",
            class_names[c], static_cast<unsigned long long>(seen[c]),
            static_cast<unsigned long long>(differing[c]));
  }
}

} // namespace

void tally_execution(bool accepted) {
  if (executions++ == 0) atexit(report);
  if (accepted) accepted_by_both++;
}

void tally_classes(Classes classes, bool differs) {
  bool alone = (classes & (classes - 1)) == 0; /* the difference is this class's */
  for (int c = 0; c < kClassCount; c++) {
    if ((classes >> c & 1) == 0) continue;
    seen[c]++;
    if (differs && alone) differing[c]++;
  }
}

void tally_fail(const std::string &what, const std::string &input, const std::string &ours,
                const std::string &theirs) {
  fprintf(stderr, "unexplained difference: %s\ninput:  %s\nours:   %s\ntheirs: %s\n", what.c_str(),
          input.c_str(), ours.c_str(), theirs.c_str());
  abort();
}

} // namespace diff
