#include "time_text.h"

#include <cstdlib>
#include <ctime>

namespace diff {

namespace {

constexpr int64_t kTimestampMin = -62135596800; /* 0001-01-01T00:00:00Z */
constexpr int64_t kTimestampMax = 253402300799; /* 9999-12-31T23:59:59Z */
constexpr int64_t kDurationMax = 315576000000;  /* duration.proto */
constexpr int32_t kNanosMax = 999999999;

/* `text` from `at` on has the form: 'd' a digit, anything else itself.  Moves `at` behind it. */
bool eat(const std::string &text, size_t *at, const char *form) {
  size_t i = *at;
  for (; *form != '\0'; form++, i++) {
    if (i >= text.size()) return false;
    bool digit = text[i] >= '0' && text[i] <= '9';
    if (*form == 'd' ? !digit : text[i] != *form) return false;
  }
  *at = i;
  return true;
}

size_t eat_digits(const std::string &text, size_t *at) {
  size_t begin = *at;
  while (eat(text, at, "d"))
    continue;
  return *at - begin;
}

int number(const std::string &text, size_t at, size_t n) {
  return atoi(text.substr(at, n).c_str());
}

/* One or more digits where eat() wants exactly as many: C++ counts none of them. */
bool is_lax_timestamp(const std::string &text) {
  size_t at = 0;
  for (const char *separator = "--T::"; *separator != '\0'; separator++) {
    char one[] = { *separator, '\0' };
    if (eat_digits(text, &at) == 0 || !eat(text, &at, one)) return false;
  }
  if (eat_digits(text, &at) == 0) return false;
  if (eat(text, &at, ".") && eat_digits(text, &at) == 0) return false;
  if (eat(text, &at, "Z")) return at == text.size();
  if (!eat(text, &at, "+") && !eat(text, &at, "-")) return false;
  bool hours = eat_digits(text, &at) > 0,
       minutes = eat(text, &at, ":") && eat_digits(text, &at) > 0;
  return hours && minutes && at == text.size();
}

/* "Z" or "+01:30" from `at` to the end of the text; seconds. */
bool eat_offset(const std::string &text, size_t at, int64_t *offset) {
  size_t zone = at;
  *offset = 0;
  if (eat(text, &at, "+dd:dd") || eat(text, &at, "-dd:dd")) {
    int hours = number(text, zone + 1, 2), minutes = number(text, zone + 4, 2);
    if (hours > 23 || minutes > 59) return false;
    *offset = (hours * 60 + minutes) * (text[zone] == '-' ? -60 : 60);
  } else if (!eat(text, &at, "Z")) {
    return false;
  }
  return at == text.size();
}

/* Whether it is a day and time of the calendar. */
bool calendar_seconds(const std::string &text, int64_t *seconds) {
  struct tm tm = {};
  tm.tm_year = number(text, 0, 4) - 1900;
  tm.tm_mon = number(text, 5, 2) - 1;
  tm.tm_mday = number(text, 8, 2);
  tm.tm_hour = number(text, 11, 2);
  tm.tm_min = number(text, 14, 2);
  tm.tm_sec = number(text, 17, 2);
  struct tm asked = tm;
  *seconds = timegm(&tm); /* puts right what is no date, and so differs */
  return tm.tm_year == asked.tm_year && tm.tm_mon == asked.tm_mon && tm.tm_mday == asked.tm_mday &&
         tm.tm_hour == asked.tm_hour && tm.tm_min == asked.tm_min && tm.tm_sec == asked.tm_sec &&
         asked.tm_year >= 1 - 1900;
}

} // namespace

bool timestamp_in_range(int64_t seconds, int32_t nanos) {
  return seconds >= kTimestampMin && seconds <= kTimestampMax && nanos >= 0 && nanos <= kNanosMax;
}

bool duration_in_range(int64_t seconds, int32_t nanos) {
  if (seconds < -kDurationMax || seconds > kDurationMax) return false;
  if (nanos < -kNanosMax || nanos > kNanosMax) return false;
  return (seconds <= 0 || nanos >= 0) && (seconds >= 0 || nanos <= 0);
}

TimeVerdict timestamp_judge(const std::string &text) {
  TimeVerdict bad = is_lax_timestamp(text) ? TimeVerdict::kPeerTakes : TimeVerdict::kBad;
  size_t at = 0, digits = 0;
  int64_t offset, seconds;
  if (!eat(text, &at, "dddd-dd-ddTdd:dd:dd")) return bad;
  if (eat(text, &at, ".")) {
    digits = eat_digits(text, &at);
    if (digits == 0) return TimeVerdict::kBad;
  }
  if (!eat_offset(text, at, &offset)) return bad;
  if (!calendar_seconds(text, &seconds)) return TimeVerdict::kBad;
  if (digits > 9 || !timestamp_in_range(seconds - offset, 0)) return TimeVerdict::kPeerTakes;
  return TimeVerdict::kGood;
}

/* C++ hands the parts to parsers of integers that skip spaces, take a sign and count no zeros. */
TimeVerdict duration_judge(const std::string &text) {
  std::string bare;
  for (char c : text) {
    if (!isspace(static_cast<unsigned char>(c)) && c != '+' && c != '-') bare += c;
  }
  bool signs = bare != text && "-" + bare != text;
  size_t at = 0, whole = eat_digits(bare, &at), fraction = 0;
  if (whole == 0) return TimeVerdict::kBad;
  bool point = eat(bare, &at, ".");
  if (point) fraction = eat_digits(bare, &at);
  if (!eat(bare, &at, "s") || at != bare.size()) return TimeVerdict::kBad;
  if (strtoll(bare.c_str(), nullptr, 10) > kDurationMax) return TimeVerdict::kBad;
  bool zeros = whole > 1 && bare[0] == '0', no_fraction = point && fraction == 0;
  bool lax = signs || zeros || no_fraction || fraction > 9;
  return lax ? TimeVerdict::kPeerTakes : TimeVerdict::kGood;
}

} // namespace diff
