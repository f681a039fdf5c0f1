// Whether a bearer token (RFC 7519, 9068) is good, and whose it is. Pure: keys, rules, time and the
// connection's certificate come in as arguments.
//
//   ParseToken   takes it apart; its issuer says, unverified, whose keys to ask
//   VerifyToken  signature, issuer, audience, subject: the costly part, the same for every call
//   CheckUse     time and holder: each call anew
//
// Example:
//   ASSIGN_OR_RETURN(const ParsedToken parsed, ParseToken(text));
//   ASSIGN_OR_RETURN(const VerifiedToken token, VerifyToken(parsed, rules, *key));
//   RETURN_IF_ERROR(CheckUse(token, rules, now_s, thumbprint));   // then token.principal calls
//
// What is trusted of a token is who holds it. Roles, scopes and purposes in it are not read: what a
// principal may do, the ledger's operator says. Headers that bring their own key (jwk, jku, x5c,
// x5u) are never looked at.
//
// Thread-safety: pure functions.
// Errors: Unauthenticated with a reason below; never any of the token's contents.
#ifndef AUDITLEDGER_API_ACCESS_TOKEN_VERIFIER_H_
#define AUDITLEDGER_API_ACCESS_TOKEN_VERIFIER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/access/jwt_jose.h"

namespace auditledger {

// Below kMaxMetadataBytes, with room for what else a call carries. Real ones have 1 to 3 KiB.
inline constexpr size_t kMaxTokenBytes = 6 << 10;
// Clocks of issuer and ledger may differ by a minute: NTP keeps far below.
inline constexpr int64_t kTokenSkewSeconds = 60;
inline constexpr size_t kMaxAudiences = 16;

// Reasons. Public, never renamed.
inline constexpr char kReasonTokenMissing[] = "TOKEN_MISSING";
inline constexpr char kReasonTokenMalformed[] = "TOKEN_MALFORMED";
inline constexpr char kReasonTokenUnknownIssuer[] = "TOKEN_UNKNOWN_ISSUER";
inline constexpr char kReasonTokenUnknownKey[] = "TOKEN_UNKNOWN_KEY";
inline constexpr char kReasonTokenBadSignature[] = "TOKEN_BAD_SIGNATURE";  // or algorithm
inline constexpr char kReasonTokenWrongAudience[] = "TOKEN_WRONG_AUDIENCE";
inline constexpr char kReasonTokenExpired[] = "TOKEN_EXPIRED";
inline constexpr char kReasonTokenNotYetValid[] = "TOKEN_NOT_YET_VALID";
inline constexpr char kReasonTokenNotBound[] = "TOKEN_NOT_BOUND";  // to this certificate
// UNAVAILABLE: the issuer's keys are not here yet; again, after the hint.
inline constexpr char kReasonTokenKeysUnavailable[] = "TOKEN_KEYS_UNAVAILABLE";

absl::Status RefuseToken(absl::string_view reason, absl::string_view why);

struct TokenRules {
  std::string issuer;
  std::string audience;
  bool bind_to_certificate = false;
};

struct ParsedToken {
  CompactJws jws;
  std::string kid;
  JsonObject claims;   // unverified
  std::string issuer;  // unverified
};

struct VerifiedToken {
  std::string principal;  // "<issuer>#<subject>"
  int64_t expires_s = 0;
  std::optional<int64_t> not_before_s;
  std::optional<int64_t> issued_s;
  std::optional<std::string> certificate;  // cnf x5t#S256 (RFC 8705): base64url of its SHA-256
};

absl::StatusOr<ParsedToken> ParseToken(absl::string_view text);
// REQUIRES: `key` is the issuer's under parsed.kid.
absl::StatusOr<VerifiedToken> VerifyToken(const ParsedToken& parsed, const TokenRules& rules,
                                          const JoseKey& key);
// The second half of it. REQUIRES: the signature was verified; for VerifyToken and its fuzz target.
absl::StatusOr<VerifiedToken> ReadSignedClaims(const ParsedToken& parsed, const TokenRules& rules);
// `certificate`: the thumbprint of the connection's client certificate, "" without one.
absl::Status CheckUse(const VerifiedToken& token, const TokenRules& rules, int64_t now_s,
                      absl::string_view certificate);

// "<issuer>#<subject>" as a principal: printable ASCII, at most kMaxPrincipalBytes. An issuer has
// no "#" (ValidateConfig), so that no two of them can name the same one.
absl::StatusOr<std::string> TokenPrincipal(absl::string_view issuer, absl::string_view subject);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_TOKEN_VERIFIER_H_
