// A Merkle Patricia tree as torchwood's text says it: recursion over sorted keys of any length,
// bits put in a string of zeros and ones. The product's maps and proofs are compared to it.
#ifndef AUDITLEDGER_TESTS_TESTING_REFERENCE_MAP_H_
#define AUDITLEDGER_TESTS_TESTING_REFERENCE_MAP_H_

#include <map>
#include <string>

#include "merkle/hash.h"

namespace auditledger::testing {

class ReferenceMap {
 public:
  ReferenceMap() = default;
  explicit ReferenceMap(const std::map<std::string, std::string>& pairs);

  Hash Root() const;
  // The proof that the key has its value, or that it is absent, in torchwood's bytes.
  std::string Proof(const std::string& key) const;
  bool Has(const std::string& key) const { return by_bits_.count(Bits(key)) > 0; }

 private:
  struct Pair {
    std::string key;
    std::string value;
  };
  using Pairs = std::map<std::string, Pair>;  // by their bits, so in the tree's order
  // Of a key, padded to 1,040 bytes.
  static std::string Bits(const std::string& key);
  static Hash RootOf(const Pairs& pairs);
  static size_t ForkOf(const Pairs& pairs);
  static Pairs SideOf(const Pairs& pairs, size_t bit, char side);

  Pairs by_bits_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_REFERENCE_MAP_H_
