#include "api/access/token_access.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "api/access/token_binding.h"
#include "ledger/errors.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr size_t kLoggedSubjectBytes = 8;  // enough to tell callers apart in a log

// RFC 6750 2.1; the scheme is written in any case (RFC 7235 2.1).
absl::StatusOr<absl::string_view> BearerToken(absl::string_view authorization) {
  constexpr absl::string_view kScheme = "Bearer ";
  if (!absl::StartsWithIgnoreCase(authorization, kScheme)) {
    return RefuseToken(kReasonTokenMissing, "the authorization header must be \"Bearer TOKEN\"");
  }
  return authorization.substr(kScheme.size());
}

absl::Status KeysUnavailable() {
  return WithReason(absl::UnavailableError("token: the issuer's keys are being asked for"),
                    kReasonTokenKeysUnavailable,
                    {{"retry_after_ms", absl::StrCat(kTokenKeysRetryMs)}});
}

// When CheckUse begins to refuse it.
uint64_t ValidUntil(const VerifiedToken& token) {
  return static_cast<uint64_t>(token.expires_s + kTokenSkewSeconds) * 1'000'000;
}

JwksSource::Options SourceOptions(const config::v1::Tokens& tokens) {
  JwksSource::Options out;
  out.issuer = tokens.issuer();
  out.file = tokens.jwks_file();
  out.url = tokens.jwks_url();
  out.rsa_algorithm = tokens.rsa_algorithm();
  out.http = [ca_file = tokens.ca_file()] {
    return NewHttpTransport({.timeout = kJwksTimeout, .ca_file = ca_file});
  };
  return out;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenAccess>> TokenAccess::Open(const Config& config, Clock& clock,
                                                               RpcLog& log, Random& random) {
  std::vector<Issuer> issuers;
  for (int i = 0; i < config.size(); ++i) {
    const config::v1::Tokens& tokens = config[i];
    auto source = JwksSource::Open(SourceOptions(tokens), clock, log);
    if (!source.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("tokens[", i, "].jwks_file: ", source.status().message()));
    }
    issuers.push_back(
        {{tokens.issuer(), tokens.audience(), tokens.bind_to_certificate()}, *std::move(source)});
  }
  return std::unique_ptr<TokenAccess>(new TokenAccess(std::move(issuers), clock, random));
}

std::string TokenAccess::LogName(const TokenRules& rules, absl::string_view principal) const {
  const std::string mac = log_key_.Mac({principal}).ToHex();
  return absl::StrCat(rules.issuer, "#hmac:", mac.substr(0, 2 * kLoggedSubjectBytes));
}

void TokenAccess::Start() {
  for (const Issuer& issuer : issuers_) issuer.source->Start();
}

void TokenAccess::Stop() {
  for (const Issuer& issuer : issuers_) issuer.source->Stop();
}

absl::StatusOr<TokenHolder> TokenAccess::Authenticate(absl::string_view authorization,
                                                      absl::string_view certificate_pem) {
  ASSIGN_OR_RETURN(const absl::string_view token, BearerToken(authorization));
  ASSIGN_OR_RETURN(const std::shared_ptr<const Remembered> verified, Verify(token));
  const TokenRules& rules = verified->issuer->rules;
  std::string thumbprint;
  if (verified->token.certificate.has_value()) thumbprint = CertificateThumbprint(certificate_pem);
  const int64_t now_s = static_cast<int64_t>(clock_.WallMicros() / 1'000'000);
  RETURN_IF_ERROR(CheckUse(verified->token, rules, now_s, thumbprint));
  return TokenHolder{verified->token.principal, verified->log_name, ValidUntil(verified->token)};
}

absl::StatusOr<std::shared_ptr<const TokenAccess::Remembered>> TokenAccess::Verify(
    absl::string_view text) {
  const std::string digest(Sha256({text}).view());
  if (std::shared_ptr<const Remembered> known = Recall(digest)) return known;
  ASSIGN_OR_RETURN(const ParsedToken parsed, ParseToken(text));
  const Issuer* const issuer = FindIssuer(parsed.issuer);
  if (issuer == nullptr) {
    return RefuseToken(kReasonTokenUnknownIssuer, "its issuer is not accepted");
  }
  std::shared_ptr<const JwksKeys> keys = issuer->source->keys();
  if (keys == nullptr) return KeysUnavailable();
  const JoseKey* const key = keys->Find(parsed.kid);
  if (key == nullptr) {
    if (issuer->source->WantKey()) return KeysUnavailable();
    return RefuseToken(kReasonTokenUnknownKey, "its key (\"kid\") is not one of its issuer's");
  }
  ASSIGN_OR_RETURN(VerifiedToken token, VerifyToken(parsed, issuer->rules, *key));
  std::string log_name = LogName(issuer->rules, token.principal);
  auto verified = std::make_shared<const Remembered>(
      Remembered{issuer, std::move(keys), std::move(token), std::move(log_name)});
  Remember(digest, verified);
  return std::shared_ptr<const Remembered>(std::move(verified));
}

std::shared_ptr<const TokenAccess::Remembered> TokenAccess::Recall(
    const std::string& digest) const {
  std::shared_ptr<const Remembered> found;
  {
    MutexLock lock(mutex_);
    const auto it = remembered_.find(digest);
    if (it == remembered_.end()) return nullptr;
    found = it->second;
  }
  return found->keys == found->issuer->source->keys() ? found : nullptr;
}

void TokenAccess::Remember(const std::string& digest, std::shared_ptr<const Remembered> verified) {
  MutexLock lock(mutex_);
  if (remembered_.size() >= kMaxRememberedTokens) remembered_.clear();
  remembered_[digest] = std::move(verified);
}

const TokenAccess::Issuer* TokenAccess::FindIssuer(absl::string_view name) const {
  for (const Issuer& issuer : issuers_) {
    if (issuer.rules.issuer == name) return &issuer;
  }
  return nullptr;
}

bool TokenAccess::Owns(absl::string_view name) const {
  for (const Issuer& issuer : issuers_) {
    absl::string_view rest = name;
    if (absl::ConsumePrefix(&rest, issuer.rules.issuer) && absl::StartsWith(rest, "#")) return true;
  }
  return false;
}

std::vector<JwksSource::Report> TokenAccess::Report() const {
  std::vector<JwksSource::Report> out;
  for (const Issuer& issuer : issuers_) out.push_back(issuer.source->report());
  return out;
}

}  // namespace auditledger
