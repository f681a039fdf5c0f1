#include "api/access/token_verifier.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/access/jwks_keys.h"
#include "api/limits.h"
#include "ledger/errors.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr size_t kThumbprintBytes = 32;        // SHA-256
constexpr int64_t kLastSecond = 253402300799;  // 9999-12-31T23:59:59Z

absl::Status Malformed(absl::string_view why) { return RefuseToken(kReasonTokenMalformed, why); }

absl::Status Malformed(absl::string_view where, const absl::Status& status) {
  return Malformed(absl::StrCat(where, ": ", status.message()));
}

// Of a token of another kind (a logout token, a proof of possession) nothing is to be believed.
absl::Status CheckType(const JsonObject& header) {
  if (!header.Has("typ")) return absl::OkStatus();
  const std::string typ = header.Text("typ").value_or("");
  for (const char* good : {"JWT", "at+jwt", "application/at+jwt"}) {
    if (absl::EqualsIgnoreCase(typ, good)) return absl::OkStatus();
  }
  return Malformed("the header: \"typ\" must be JWT or at+jwt");
}

// Absent or an integer from 1970 to 9999.
absl::StatusOr<std::optional<int64_t>> Time(const JsonObject& claims, const char* name) {
  const absl::StatusOr<int64_t> time = claims.Integer(name);
  if (absl::IsNotFound(time.status())) return std::nullopt;
  if (!time.ok()) return Malformed("the claims", time.status());
  if (*time < 0 || *time > kLastSecond) {
    return Malformed(absl::StrCat("the claims: \"", name, "\" is not a time"));
  }
  return *time;
}

absl::Status CheckAudience(const JsonObject& claims, const std::string& wanted) {
  const absl::StatusOr<std::vector<std::string>> audiences = claims.Texts("aud");
  if (!audiences.ok()) return Malformed("the claims", audiences.status());
  if (audiences->size() > kMaxAudiences) {
    return Malformed(absl::StrCat("the claims: \"aud\" has over ", kMaxAudiences, " names"));
  }
  if (std::find(audiences->begin(), audiences->end(), wanted) != audiences->end()) {
    return absl::OkStatus();
  }
  return RefuseToken(kReasonTokenWrongAudience, "is not for this ledger (\"aud\")");
}

// RFC 8705 3.1. Other members of "cnf" bind to what is not seen here.
absl::StatusOr<std::optional<std::string>> BoundCertificate(const JsonObject& claims) {
  const absl::StatusOr<JsonObject> confirmation = claims.Object("cnf");
  if (absl::IsNotFound(confirmation.status())) return std::nullopt;
  if (!confirmation.ok()) return Malformed("the claims", confirmation.status());
  const absl::StatusOr<std::string> thumbprint = confirmation->Text("x5t#S256");
  if (!thumbprint.ok()) {
    return RefuseToken(kReasonTokenNotBound,
                       "is bound by \"cnf\" to something other than a certificate (x5t#S256)");
  }
  const absl::StatusOr<std::string> bytes = DecodeBase64Url("\"x5t#S256\"", *thumbprint);
  if (!bytes.ok()) return Malformed("the claims", bytes.status());
  if (bytes->size() != kThumbprintBytes) {
    return Malformed("the claims: \"x5t#S256\" is not a SHA-256");
  }
  return *thumbprint;
}

}  // namespace

absl::Status RefuseToken(absl::string_view reason, absl::string_view why) {
  return WithReason(absl::UnauthenticatedError(absl::StrCat("token: ", why)), reason);
}

absl::StatusOr<ParsedToken> ParseToken(absl::string_view text) {
  if (text.size() > kMaxTokenBytes) {
    return Malformed(absl::StrCat("has over ", kMaxTokenBytes, " bytes"));
  }
  absl::StatusOr<CompactJws> jws = CompactJws::Parse(text);
  if (!jws.ok()) return Malformed(jws.status().message());
  const absl::StatusOr<std::string> algorithm = jws->header.Text("alg");
  if (!algorithm.ok()) return Malformed("the header", algorithm.status());
  if (FindJoseAlgorithm(*algorithm) == nullptr) {
    return RefuseToken(kReasonTokenBadSignature, "its algorithm is not accepted");
  }
  // What must be understood to be safe is not understood here, whatever it is.
  if (jws->header.Has("crit")) return Malformed("the header: \"crit\" is not supported");
  RETURN_IF_ERROR(CheckType(jws->header));
  absl::StatusOr<std::string> kid = jws->header.Text("kid");
  if (!kid.ok()) return Malformed("the header", kid.status());
  if (kid->empty() || kid->size() > kMaxKeyIdBytes) {
    return Malformed(absl::StrCat("the header: \"kid\" must have 1 to ", kMaxKeyIdBytes, " bytes"));
  }
  absl::StatusOr<JsonObject> claims = JsonObject::Parse(jws->payload);
  if (!claims.ok()) return Malformed("the claims", claims.status());
  absl::StatusOr<std::string> issuer = claims->Text("iss");
  if (!issuer.ok()) return Malformed("the claims", issuer.status());
  return ParsedToken{*std::move(jws), *std::move(kid), *std::move(claims), *std::move(issuer)};
}

absl::StatusOr<VerifiedToken> VerifyToken(const ParsedToken& parsed, const TokenRules& rules,
                                          const JoseKey& key) {
  if (parsed.issuer != rules.issuer) {
    return RefuseToken(kReasonTokenUnknownIssuer, "its issuer is not accepted");
  }
  const absl::Status signature = key.Verify(parsed.jws);
  if (!signature.ok()) return RefuseToken(kReasonTokenBadSignature, signature.message());
  return ReadSignedClaims(parsed, rules);
}

absl::StatusOr<VerifiedToken> ReadSignedClaims(const ParsedToken& parsed, const TokenRules& rules) {
  RETURN_IF_ERROR(CheckAudience(parsed.claims, rules.audience));
  const absl::StatusOr<std::string> subject = parsed.claims.Text("sub");
  if (!subject.ok()) return Malformed("the claims", subject.status());
  VerifiedToken out;
  ASSIGN_OR_RETURN(out.principal, TokenPrincipal(rules.issuer, *subject));
  ASSIGN_OR_RETURN(const std::optional<int64_t> expires, Time(parsed.claims, "exp"));
  if (!expires.has_value()) return Malformed("the claims: \"exp\" is missing");
  out.expires_s = *expires;
  ASSIGN_OR_RETURN(out.not_before_s, Time(parsed.claims, "nbf"));
  ASSIGN_OR_RETURN(out.issued_s, Time(parsed.claims, "iat"));
  ASSIGN_OR_RETURN(out.certificate, BoundCertificate(parsed.claims));
  if (rules.bind_to_certificate && !out.certificate.has_value()) {
    return RefuseToken(kReasonTokenNotBound, "must be bound to a certificate (cnf x5t#S256)");
  }
  return out;
}

absl::Status CheckUse(const VerifiedToken& token, const TokenRules& rules, int64_t now_s,
                      absl::string_view certificate) {
  if (now_s - kTokenSkewSeconds >= token.expires_s) {
    return RefuseToken(kReasonTokenExpired, "has expired: get a new one");
  }
  const int64_t latest_s = now_s + kTokenSkewSeconds;
  if (token.not_before_s.value_or(0) > latest_s) {
    return RefuseToken(kReasonTokenNotYetValid, "is not valid yet (\"nbf\")");
  }
  if (token.issued_s.value_or(0) > latest_s) {
    return RefuseToken(kReasonTokenNotYetValid, "was issued in the future (\"iat\")");
  }
  if (!token.certificate.has_value() && !rules.bind_to_certificate) return absl::OkStatus();
  if (!certificate.empty() && token.certificate.value_or("") == certificate) {
    return absl::OkStatus();
  }
  return RefuseToken(kReasonTokenNotBound, "is bound to another client certificate");
}

absl::StatusOr<std::string> TokenPrincipal(absl::string_view issuer, absl::string_view subject) {
  std::string principal = absl::StrCat(issuer, "#", subject);
  const bool printable =
      std::all_of(subject.begin(), subject.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (subject.empty() || !printable) {
    return Malformed("the claims: \"sub\" must be printable ASCII without spaces");
  }
  if (principal.size() > kMaxPrincipalBytes) {
    return Malformed(absl::StrCat("the claims: \"iss\" and \"sub\" have over ",
                                  kMaxPrincipalBytes - 1, " bytes"));
  }
  return principal;
}

}  // namespace auditledger
