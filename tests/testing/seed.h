// The seed of a random test: printed, and replayed by AUDITLEDGER_TEST_SEED
// (tools/dev test NAME --seed N).
#ifndef AUDITLEDGER_TESTS_TESTING_SEED_H_
#define AUDITLEDGER_TESTS_TESTING_SEED_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace auditledger::testing {

inline uint64_t TestSeed() {
  const char* given = std::getenv("AUDITLEDGER_TEST_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::printf("AUDITLEDGER_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_SEED_H_
