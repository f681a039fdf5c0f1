// Randomness that a seed repeats: SHA-256 over seed and counter. Thread-safe.
#ifndef AUDITLEDGER_TESTS_TESTING_FAKE_RANDOM_H_
#define AUDITLEDGER_TESTS_TESTING_FAKE_RANDOM_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "ledger/random.h"
#include "merkle/bytes.h"
#include "merkle/sha256.h"

namespace auditledger::testing {

class FakeRandom : public Random {
 public:
  explicit FakeRandom(uint64_t seed) : seed_(seed) {}
  std::string Bytes(size_t count) override {
    ++calls_;
    std::string out;
    while (out.size() < count) {
      std::string input;
      PutU64(input, seed_);
      PutU64(input, counter_++);
      out += std::string(Sha256({input}).view());
    }
    out.resize(count);
    return out;
  }
  uint64_t calls() const { return calls_; }

 private:
  const uint64_t seed_;
  std::atomic<uint64_t> counter_{0};
  std::atomic<uint64_t> calls_{0};
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_FAKE_RANDOM_H_
