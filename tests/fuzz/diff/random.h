/* random: small choices from a seed, the same on every machine (splitmix64). */
#pragma once

#include <cstddef>
#include <cstdint>

namespace diff {

class Random {
public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  size_t below(size_t n) { return static_cast<size_t>(next() % n); } /* n > 0 */
  bool one_in(size_t n) { return below(n) == 0; }
  template <typename T, size_t n> const T &pick(const T (&list)[n]) { return list[below(n)]; }

private:
  uint64_t state_;
};

} // namespace diff
