// The public keys of a token issuer, from its JWK set (RFC 7517): key id to key, each with the one
// algorithm it may be used with.
//
// A key's algorithm is the set's word ("alg", or for elliptic curves the curve), else for RSA the
// operator's; never the token's. Keys that cannot check signatures are left out, as RFC 7517 asks:
// other kinds, other uses, without "kid", too weak. A set that holds something secret, or a "kid"
// twice, is refused as a whole.
//
// Example:
//   ASSIGN_OR_RETURN(const std::shared_ptr<const JwksKeys> keys, JwksKeys::Parse(text, "RS256"));
//   const JoseKey* key = keys->Find(kid);
//
// Thread-safety: immutable.
// Errors: InvalidArgument, with the place in the set: "keys[2]: ...".
#ifndef AUDITLEDGER_API_ACCESS_JWKS_KEYS_H_
#define AUDITLEDGER_API_ACCESS_JWKS_KEYS_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/access/jwt_jose.h"

namespace auditledger {

// Large issuers publish 15 KiB, certificates included.
inline constexpr size_t kMaxJwksBytes = 128 << 10;
inline constexpr size_t kMaxJwksKeys = 64;     // an issuer has a handful: last, current, next
inline constexpr size_t kMaxKeyIdBytes = 256;  // most are thumbprints of 43 bytes

class JwksKeys {
 public:
  // `rsa_algorithm`: of RSA keys that name none; "" leaves them out.
  static absl::StatusOr<std::shared_ptr<const JwksKeys>> Parse(absl::string_view text,
                                                               absl::string_view rsa_algorithm);
  const JoseKey* Find(absl::string_view kid) const;
  size_t size() const { return keys_.size(); }

 private:
  explicit JwksKeys(std::map<std::string, JoseKey, std::less<>> keys) : keys_(std::move(keys)) {}

  const std::map<std::string, JoseKey, std::less<>> keys_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_JWKS_KEYS_H_
