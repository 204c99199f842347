/* time_text: which texts are a Timestamp or a Duration to ProtoJSON, decided character by character
 * (timestamp.proto, duration.proto, RFC 3339) and on its own. */
#pragma once

#include <cstdint>
#include <string>

namespace diff {

enum class TimeVerdict {
  kGood,
  kBad,      /* to C++ as well */
  kPeerTakes /* bad, but of a form that C++ 3.21 is known to take */
};

TimeVerdict timestamp_judge(const std::string &text);
TimeVerdict duration_judge(const std::string &text);
bool timestamp_in_range(int64_t seconds, int32_t nanos);
bool duration_in_range(int64_t seconds, int32_t nanos);

} // namespace diff
