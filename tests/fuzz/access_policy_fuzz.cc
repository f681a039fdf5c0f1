// An access policy: what is taken grants something to somebody, and is the same when read again;
// what is refused says in which line.
#include "api/access/access_rules.h"

#include "absl/strings/match.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto rules = AccessRules::Parse(text, "policy");
  (void)ParseRfc3339(text);
  if (!rules.ok()) {
    FUZZ_CHECK(absl::StartsWith(rules.status().message(), "policy:"));
    return 0;
  }
  FUZZ_CHECK((*rules)->size() > 0 && (*rules)->size() <= kMaxGrants);
  FUZZ_CHECK((*rules)->InForce(0) <= (*rules)->size());
  const uint64_t next = (*rules)->NextExpiry(0);
  FUZZ_CHECK((next == 0) == ((*rules)->InForce(0) == 0));
  FUZZ_CHECK(next == 0 || (*rules)->InForce(next) < (*rules)->InForce(next - 1));
  FUZZ_CHECK((*rules)->GrantsOf("").empty());
  FUZZ_CHECK(AccessRules::Parse(text, "policy").value()->digest() == (*rules)->digest());
  return 0;
}
