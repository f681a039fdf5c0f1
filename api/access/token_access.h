// Who calls with a bearer token: the configured issuers, their keys, and the tokens seen lately.
//
//   "Bearer <token>" -> issuer -> its keys -> verified -> time and certificate -> principal
//                                     |           |
//                            jwks_source.h   remembered while keys and time allow
//
// A token is sent with every call; its signature is checked once and remembered by its SHA-256
// until the issuer's keys change, at most kMaxRememberedTokens. Time and certificate are checked
// each time.
//
// Example:
//   ASSIGN_OR_RETURN(auto tokens, TokenAccess::Open(config.tokens(), clock, log));
//   ASSIGN_OR_RETURN(const TokenHolder holder, tokens->Authenticate("Bearer ey...", client_pem));
//
// Thread-safety: all methods. `clock` and `log` must outlive it.
// Errors: as token_verifier.h; Unavailable (TOKEN_KEYS_UNAVAILABLE, with a hint) while the issuer's
// keys are not here. Open: InvalidArgument with the field.
#ifndef AUDITLEDGER_API_ACCESS_TOKEN_ACCESS_H_
#define AUDITLEDGER_API_ACCESS_TOKEN_ACCESS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/access/jwks_source.h"
#include "api/access/token_verifier.h"
#include "auditledger/config/v1/config.pb.h"
#include "ledger/clock.h"
#include "ledger/mutex.h"
#include "ledger/random.h"
#include "merkle/sha256.h"

namespace auditledger {

// A few kilobytes each at most; when full, all are forgotten and checked again.
inline constexpr size_t kMaxRememberedTokens = 4096;
// Hint while keys are asked for: a round of the source's thread and an answer.
inline constexpr uint64_t kTokenKeysRetryMs = 2000;

struct TokenHolder {
  std::string principal;  // "<issuer>#<subject>"
  // The same with a MAC for the subject, which may be a person's name: a hash of a name can be
  // guessed. Its key is this object's, so that names of two runs do not meet.
  std::string log_name;
  uint64_t valid_until_us = 0;  // by the wall clock, skew included
};

class TokenAccess {
 public:
  using Config = google::protobuf::RepeatedPtrField<config::v1::Tokens>;
  // REQUIRES: ValidateConfig was OK. Reads key files; asks no URL yet.
  static absl::StatusOr<std::unique_ptr<TokenAccess>> Open(const Config& config, Clock& clock,
                                                           RpcLog& log,
                                                           Random& random = Random::System());
  void Start();  // keeps the keys current
  void Stop();

  // `authorization`: the header's value. `certificate_pem`: the connection's client certificate, ""
  // without one.
  absl::StatusOr<TokenHolder> Authenticate(absl::string_view authorization,
                                           absl::string_view certificate_pem);
  // Whether `name` has the form of a token's principal of a configured issuer: a certificate may
  // not.
  bool Owns(absl::string_view name) const;
  std::vector<JwksSource::Report> Report() const;

 private:
  static constexpr size_t kLogKeyBytes = 32;
  struct Issuer {
    TokenRules rules;
    std::unique_ptr<JwksSource> source;
  };
  struct Remembered {
    const Issuer* issuer;
    std::shared_ptr<const JwksKeys> keys;  // that its signature was checked with
    VerifiedToken token;
    std::string log_name;
  };
  TokenAccess(std::vector<Issuer> issuers, Clock& clock, Random& random)
      : issuers_(std::move(issuers)), clock_(clock), log_key_(random.Bytes(kLogKeyBytes)) {}
  std::string LogName(const TokenRules& rules, absl::string_view principal) const;
  absl::StatusOr<std::shared_ptr<const Remembered>> Verify(absl::string_view token);
  std::shared_ptr<const Remembered> Recall(const std::string& digest) const;
  void Remember(const std::string& digest, std::shared_ptr<const Remembered> verified);
  const Issuer* FindIssuer(absl::string_view name) const;

  const std::vector<Issuer> issuers_;
  Clock& clock_;
  const HmacKey log_key_;
  mutable Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<const Remembered>> remembered_
      GUARDED_BY(mutex_);
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_TOKEN_ACCESS_H_
