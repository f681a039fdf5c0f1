// Key sets: refused, or keys that each know their one algorithm, and none of which takes a token
// without a signature.
#include "api/access/jwks_keys.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view input = FuzzInput(data, size);
  for (const char* rsa_algorithm : {"", "RS256"}) {
    const auto keys = JwksKeys::Parse(input, rsa_algorithm);
    if (!keys.ok()) {
      FUZZ_CHECK(absl::IsInvalidArgument(keys.status()));
      continue;
    }
    FUZZ_CHECK((*keys)->size() <= kMaxJwksKeys);
    const auto set = JsonObject::Parse(input);
    FUZZ_CHECK((*keys)->size() > 0 || set->Objects("keys")->empty());
    for (const char* kid : {"rsa", "ec", "k"}) {
      const JoseKey* const key = (*keys)->Find(kid);
      if (key == nullptr) continue;
      const JoseAlgorithm& algorithm = key->algorithm();
      FUZZ_CHECK(FindJoseAlgorithm(algorithm.name) == &algorithm);
      const std::string header = absl::StrCat("{\"alg\":\"", algorithm.name, "\"}");
      const auto jws = CompactJws::Parse(absl::StrCat(EncodeBase64Url(header), ".e30."));
      FUZZ_CHECK(jws.ok() && !key->Verify(*jws).ok());
    }
  }
  return 0;
}
