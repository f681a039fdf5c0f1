// Access tokens: whatever the bytes are, they are refused or stand for one issuer and subject; and
// nothing that was not signed by the key passes.
#include <string>

#include "absl/strings/match.h"
#include "api/access/jwks_keys.h"
#include "api/access/token_binding.h"
#include "api/access/token_verifier.h"
#include "ledger/errors.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

// The public half of a key whose private half was thrown away.
constexpr char kJwks[] = R"({"keys":[{"kty":"EC","crv":"P-256","kid":"ec",)"
                         R"("x":"jcbzKnUOeq6CswZsbDYCKZi4hdYypEj3tga80J1gfYI",)"
                         R"("y":"8IcD051dgpOC8-9ysAMM3-I6uY3UjZIFaHN6dyHrDZU"}]})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  static const auto* const keys =
      new std::shared_ptr<const JwksKeys>(JwksKeys::Parse(kJwks, "").value());
  const absl::string_view input = FuzzInput(data, size);
  const size_t thumbprint = CertificateThumbprint(input).size();
  FUZZ_CHECK(thumbprint == 0 || thumbprint == 43);
  const absl::StatusOr<ParsedToken> parsed = ParseToken(input);
  if (!parsed.ok()) {
    FUZZ_CHECK(!ReasonOf(parsed.status()).reason.empty());
    return 0;
  }
  FUZZ_CHECK(input.size() <= kMaxTokenBytes);
  // It has one form.
  FUZZ_CHECK(parsed->jws.text == input);
  const TokenRules rules{parsed->issuer, "auditledger", false};
  const JoseKey& key = *(*keys)->Find("ec");
  FUZZ_CHECK(!VerifyToken(*parsed, rules, key).ok());
  // The same claims as if it had signed them.
  const absl::StatusOr<VerifiedToken> token = ReadSignedClaims(*parsed, rules);
  if (!token.ok()) {
    FUZZ_CHECK(!ReasonOf(token.status()).reason.empty());
    return 0;
  }
  FUZZ_CHECK(absl::StartsWith(token->principal, parsed->issuer + "#"));
  FUZZ_CHECK(CheckUse(*token, rules, token->expires_s + kTokenSkewSeconds, "").ok() == false);
  if (token->certificate.has_value()) FUZZ_CHECK(!CheckUse(*token, rules, 0, "").ok());
  return 0;
}
