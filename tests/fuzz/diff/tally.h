/* tally: the classes of legitimate differences between the gateway and protobuf C++ 3.21, each
 * decided by a narrow rule where it is noted (docs/fuzzing.md says why), and how often they came.
 * Printed when the process ends.  One thread. */
#pragma once

#include <cstdint>
#include <string>

namespace diff {

enum Class {
  kSyntax,
  kDepth,
  kDuplicate,
  kNullElement,
  kNullList,
  kScalarForList,
  kListInList,
  kNumberText,
  kIntegerDouble,
  kNegativeZero,
  kFloatWidth,
  kBoolText,
  kBase64,
  kEnumNumberText,
  kEnumMapValue,
  kMapKey,
  kTimestamp,
  kDuration,
  kFieldMask,
  kObjectForm,
  kAnyUrl,
  kAnyPrefix,
  kAnyList,
  kAnyValue,
  kAnyEmpty,
  kExtension,
  kGroup,
  kIgnored,
  kEmptyName,
  kTag,
  kLongPrefix,
  kText,
  kReplaced,
  kValueUnset,
  kValueNumber,
  kNullNumber,
  kAnyContent,
  kPeerPrint,
  kClassCount
};

using Classes = uint64_t;

inline Classes bit(Class c) {
  return Classes{ 1 } << c;
}

/* One execution: whether both accepted it. */
void tally_execution(bool accepted);
/* An input of these classes, and whether C++ alone answered it otherwise. */
void tally_classes(Classes classes, bool differs);
/* An unexplained difference: says what it is about and ends the process. */
[[noreturn]] void tally_fail(const std::string &what, const std::string &input,
                             const std::string &ours, const std::string &theirs);

} // namespace diff
