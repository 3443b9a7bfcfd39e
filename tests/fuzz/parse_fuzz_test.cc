// Random and mutated bytes into every parser: a million inputs in a few seconds, from one seed. Mutants of
// the golden messages get past the first checks, plain noise does not. TERCET_FUZZ_SEED and TERCET_FUZZ_RUNS
// repeat or lengthen it.

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "tests/golden/golden.h"
#include "tests/golden/touch.h"

namespace tercet::golden {
namespace {

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {
    for (const std::string& name : names()) {
      seeds_.push_back(load(name));
    }
  }
  std::vector<uint8_t> next() {
    if (draw(8) == 0) {
      return noise();
    }
    std::vector<uint8_t> bytes = seeds_[draw(seeds_.size())];
    for (uint64_t n = 1 + draw(4); n > 0; --n) {
      mutate(bytes);
    }
    return bytes;
  }

 private:
  uint64_t draw(uint64_t below) { return random_() % below; }
  std::vector<uint8_t> noise() {
    std::vector<uint8_t> bytes(draw(200));
    for (uint8_t& byte : bytes) {
      byte = static_cast<uint8_t>(random_());
    }
    if (!bytes.empty()) {
      bytes[0] = static_cast<uint8_t>(draw(16));  // a type that exists, most of the time
    }
    return bytes;
  }
  void mutate(std::vector<uint8_t>& bytes) {
    static constexpr std::array<uint8_t, 6> kEdges{0, 1, 0x7F, 0x80, 0xFE, 0xFF};
    if (bytes.empty()) {
      bytes.push_back(0);
    }
    const size_t at = draw(bytes.size());
    switch (draw(7)) {
      case 0:
        bytes[at] ^= static_cast<uint8_t>(1U << draw(8));
        break;
      case 1:
        bytes[at] = static_cast<uint8_t>(random_());
        break;
      case 2:
        bytes[at] = kEdges[draw(kEdges.size())];
        break;
      case 3:  // a small step: what a length or a count is most sensitive to
        bytes[at] = static_cast<uint8_t>(bytes[at] + (draw(2) == 0 ? 1 : -1));
        break;
      case 4:
        bytes.resize(at);
        break;
      case 5: {  // a piece of another message
        const std::vector<uint8_t>& other = seeds_[draw(seeds_.size())];
        const size_t from = draw(other.size());
        bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(at), other.begin() + static_cast<ptrdiff_t>(from),
                     other.end());
        bytes.resize(std::min<size_t>(bytes.size(), 2000));
        break;
      }
      default:
        bytes.erase(bytes.begin() + static_cast<ptrdiff_t>(at));
    }
  }

  std::mt19937_64 random_;
  std::vector<std::vector<uint8_t>> seeds_;
};

TEST(ParseFuzz, EveryParserIsTotal) {
  const uint64_t seed = from_environment("TERCET_FUZZ_SEED", 20261125);
  const uint64_t runs = from_environment("TERCET_FUZZ_RUNS", 1'000'000);
  Mutator mutator(seed);
  uint64_t taken = 0;
  for (uint64_t run = 0; run < runs; ++run) {
    const std::vector<uint8_t> bytes = mutator.next();
    taken += touch_any(Exact(bytes).bytes()) ? 1 : 0;
    ASSERT_FALSE(HasFailure()) << "run " << run << ": TERCET_FUZZ_SEED=" << seed << " repeats it";
  }
  // Neither all refused (then nothing behind the first check was reached) nor all taken.
  EXPECT_GT(taken, runs / 100);
  EXPECT_LT(taken, runs);
}

}  // namespace
}  // namespace tercet::golden
