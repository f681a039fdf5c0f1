#include "api/access/jwks_keys.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// RFC 7518 6.2.2, 6.3.2, 6.4.1: what a public set may not hold.
constexpr const char* kSecretMembers[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

absl::Status Unusable(absl::string_view why) { return absl::FailedPreconditionError(why); }

absl::Status CheckNoSecret(const JsonObject& jwk) {
  for (const char* member : kSecretMembers) {
    if (jwk.Has(member)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "holds \"", member, "\", which is secret: withdraw that key, and give public ones"));
    }
  }
  if (jwk.Text("kty").value_or("") == "oct") {
    return absl::InvalidArgumentError("is a shared secret (\"oct\"): give public keys");
  }
  return absl::OkStatus();
}

absl::Status CheckUse(const JsonObject& jwk) {
  if (jwk.Has("use") && jwk.Text("use").value_or("") != "sig") {
    return Unusable("\"use\" is not \"sig\"");
  }
  if (jwk.Has("key_ops")) {
    const std::vector<std::string> ops = jwk.Texts("key_ops").value_or(std::vector<std::string>());
    if (std::find(ops.begin(), ops.end(), "verify") == ops.end()) {
      return Unusable("\"key_ops\" has no \"verify\"");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<const JoseAlgorithm*> AlgorithmOf(const JsonObject& jwk,
                                                 absl::string_view rsa_algorithm) {
  const std::string kty = jwk.Text("kty").value_or("");
  const JoseAlgorithm* algorithm = nullptr;
  if (jwk.Has("alg")) {
    algorithm = FindJoseAlgorithm(jwk.Text("alg").value_or(""));
    if (algorithm == nullptr) return Unusable("its \"alg\" is not known");
  } else if (kty == "EC") {
    algorithm = JoseAlgorithmOfCurve(jwk.Text("crv").value_or(""));
    if (algorithm == nullptr) return Unusable("its \"crv\" is not known");
  } else if (kty == "RSA") {
    algorithm = FindJoseAlgorithm(rsa_algorithm);
    if (algorithm == nullptr) return Unusable("it has no \"alg\"; set rsa_algorithm");
  } else {
    return Unusable("its \"kty\" is not known");
  }
  return algorithm;
}

// FailedPrecondition: left out. InvalidArgument: the set is refused.
absl::StatusOr<std::pair<std::string, JoseKey>> ReadKey(const JsonObject& jwk,
                                                        absl::string_view rsa_algorithm) {
  RETURN_IF_ERROR(CheckNoSecret(jwk));
  RETURN_IF_ERROR(CheckUse(jwk));
  const std::string kid = jwk.Text("kid").value_or("");
  if (kid.empty() || kid.size() > kMaxKeyIdBytes) {
    return Unusable(absl::StrCat("its \"kid\" must have 1 to ", kMaxKeyIdBytes, " bytes"));
  }
  ASSIGN_OR_RETURN(const JoseAlgorithm* const algorithm, AlgorithmOf(jwk, rsa_algorithm));
  absl::StatusOr<JoseKey> key = JoseKey::FromJwk(jwk, *algorithm);
  if (!key.ok()) return Unusable(key.status().message());
  return std::pair(kid, *std::move(key));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const JwksKeys>> JwksKeys::Parse(absl::string_view text,
                                                                absl::string_view rsa_algorithm) {
  if (text.size() > kMaxJwksBytes) {
    return absl::InvalidArgumentError(absl::StrCat("has over ", kMaxJwksBytes, " bytes"));
  }
  ASSIGN_OR_RETURN(const JsonObject set, JsonObject::Parse(text));
  const absl::StatusOr<std::vector<JsonObject>> jwks = set.Objects("keys");
  if (!jwks.ok()) return absl::InvalidArgumentError(jwks.status().message());
  if (jwks->size() > kMaxJwksKeys) {
    return absl::InvalidArgumentError(absl::StrCat("\"keys\" has over ", kMaxJwksKeys, " keys"));
  }
  std::map<std::string, JoseKey, std::less<>> keys;
  std::string left_out;
  for (size_t i = 0; i < jwks->size(); ++i) {
    absl::StatusOr<std::pair<std::string, JoseKey>> key = ReadKey((*jwks)[i], rsa_algorithm);
    const std::string place = absl::StrCat("keys[", i, "]: ");
    if (absl::IsFailedPrecondition(key.status())) {
      if (left_out.empty()) left_out = absl::StrCat(place, key.status().message());
      continue;
    }
    if (!key.ok()) return absl::InvalidArgumentError(absl::StrCat(place, key.status().message()));
    if (!keys.insert(*std::move(key)).second) {
      return absl::InvalidArgumentError(absl::StrCat(place, "its \"kid\" occurs twice"));
    }
  }
  if (keys.empty() && !jwks->empty()) {
    return absl::InvalidArgumentError(absl::StrCat("holds no key that can check a token",
                                                   left_out.empty() ? "" : "; ", left_out));
  }
  return std::shared_ptr<const JwksKeys>(new JwksKeys(std::move(keys)));
}

const JoseKey* JwksKeys::Find(absl::string_view kid) const {
  const auto found = keys_.find(kid);
  return found == keys_.end() ? nullptr : &found->second;
}

}  // namespace auditledger
