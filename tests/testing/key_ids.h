// Names under which one witness key has one key ID: a key ID is four bytes, so 2^16 tries find two.
#ifndef AUDITLEDGER_TESTS_TESTING_KEY_IDS_H_
#define AUDITLEDGER_TESTS_TESTING_KEY_IDS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/note.h"
#include "tests/testing/test_log.h"

namespace auditledger::testing {

// Of the witness key with this seed (test_log.h).
inline std::pair<std::string, std::string> NamesOfOneKeyId(uint8_t seed_byte) {
  const std::string key = TestPublicKey(seed_byte);
  std::map<uint32_t, std::string> seen;
  for (uint64_t i = 0;; ++i) {
    const std::string name = absl::StrCat("w", i);
    const auto [known, fresh] = seen.emplace(NoteKeyId(name, kNoteEd25519Cosignature, key), name);
    if (!fresh) return {known->second, name};
  }
}

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_KEY_IDS_H_
