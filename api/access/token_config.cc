#include "api/access/token_config.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "api/access/jwt_jose.h"
#include "api/access/principal.h"
#include "api/http_transport.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::Status Invalid(absl::string_view field, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", what));
}

bool WantsTokens(const config::v1::Listener& listener) {
  return listener.credential() == config::v1::CREDENTIAL_TOKEN ||
         listener.credential() == config::v1::CREDENTIAL_BOTH;
}

absl::Status CheckName(absl::string_view field, const std::string& name, size_t max_bytes) {
  const bool printable =
      std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!name.empty() && name.size() <= max_bytes && printable) return absl::OkStatus();
  return Invalid(field, absl::StrCat("must have 1 to ", max_bytes, " printable ASCII characters"));
}

// Plain HTTP where nobody can stand between: keys decide who is believed.
bool IsLoopback(absl::string_view url) {
  if (!absl::ConsumePrefix(&url, "http://")) return false;
  return absl::StartsWith(url, "127.0.0.1:") || absl::StartsWith(url, "[::1]:");
}

absl::Status CheckKeySource(const std::string& field, const config::v1::Tokens& tokens) {
  if (tokens.jwks_file().empty() == tokens.jwks_url().empty()) {
    return Invalid(field, "give one of jwks_file and jwks_url");
  }
  if (tokens.jwks_url().empty()) {
    if (tokens.ca_file().empty()) return absl::OkStatus();
    return Invalid(field + ".ca_file", "is for jwks_url alone");
  }
  const absl::Status url = CheckHttpUrl(tokens.jwks_url());
  if (!url.ok()) return Invalid(field + ".jwks_url", url.message());
  if (absl::StartsWith(tokens.jwks_url(), "https://") || IsLoopback(tokens.jwks_url())) {
    return absl::OkStatus();
  }
  return Invalid(field + ".jwks_url", "must begin with https://");
}

absl::Status CheckIssuer(const std::string& field, const config::v1::Tokens& tokens) {
  RETURN_IF_ERROR(CheckName(field + ".issuer", tokens.issuer(), kMaxIssuerBytes));
  const absl::Status name = CheckForeignName(tokens.issuer());
  if (!name.ok()) return Invalid(field + ".issuer", name.message());
  if (absl::StrContains(tokens.issuer(), "#")) {
    return Invalid(field + ".issuer", "may not hold \"#\"");
  }
  RETURN_IF_ERROR(CheckName(field + ".audience", tokens.audience(), kMaxAudienceBytes));
  RETURN_IF_ERROR(CheckKeySource(field, tokens));
  if (tokens.rsa_algorithm().empty()) return absl::OkStatus();
  const JoseAlgorithm* const algorithm = FindJoseAlgorithm(tokens.rsa_algorithm());
  if (algorithm != nullptr && algorithm->curve == nullptr) return absl::OkStatus();
  return Invalid(field + ".rsa_algorithm", "must be RS256, RS384, RS512, PS256, PS384 or PS512");
}

absl::Status CheckListener(const std::string& field, const config::v1::Listener& listener,
                           const config::v1::Config& config) {
  if (absl::StartsWith(listener.address(), "unix:") && !listener.edge() &&
      (listener.credential() == config::v1::CREDENTIAL_CERTIFICATE ||
       listener.credential() == config::v1::CREDENTIAL_BOTH)) {
    return Invalid(field + ".credential", "a Unix socket sees no certificate");
  }
  if (!WantsTokens(listener)) return absl::OkStatus();
  if (config.tokens().empty()) {
    return Invalid(field + ".credential", "needs tokens { ... }: whose are accepted");
  }
  // An edge asks every client for a certificate, and passes it on.
  if (listener.edge() || !listener.tls().client_ca_file().empty()) return absl::OkStatus();
  for (const config::v1::Tokens& tokens : config.tokens()) {
    if (!tokens.bind_to_certificate()) continue;
    return Invalid(field + ".tls.client_ca_file",
                   absl::StrCat("is required: tokens of ", tokens.issuer(),
                                " must be bound to a client certificate"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckTokenConfig(const config::v1::Config& config) {
  if (config.tokens_size() > kMaxTokenIssuers) {
    return Invalid("tokens", absl::StrCat("at most ", kMaxTokenIssuers));
  }
  std::set<std::string> issuers;
  for (int i = 0; i < config.tokens_size(); ++i) {
    const std::string field = absl::StrCat("tokens[", i, "]");
    RETURN_IF_ERROR(CheckIssuer(field, config.tokens(i)));
    if (!issuers.insert(config.tokens(i).issuer()).second) {
      return Invalid(field + ".issuer", "occurs twice");
    }
  }
  bool wanted = false;
  for (int i = 0; i < config.listeners_size(); ++i) {
    const config::v1::Listener& listener = config.listeners(i);
    RETURN_IF_ERROR(CheckListener(absl::StrCat("listeners[", i, "]"), listener, config));
    wanted = wanted || WantsTokens(listener);
  }
  if (wanted || config.tokens().empty()) return absl::OkStatus();
  return Invalid("tokens", "no listener asks for one: set credential CREDENTIAL_TOKEN or _BOTH");
}

}  // namespace auditledger
