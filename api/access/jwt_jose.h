// JSON Web Signatures (RFC 7515), as far as access tokens need them: cjose behind one file, its
// errors as Status. README.md, "Tokens", says why cjose and what of it is not trusted.
//
//   CompactJws      a token taken apart, nothing of it verified
//   JoseAlgorithm   RS256 to RS512, PS256 to PS512, ES256 to ES512: no other is known here, so that
//                   neither "none" nor a MAC can be asked for
//   JoseKey         a public key with the one algorithm it is used with
//
// Example:
//   ASSIGN_OR_RETURN(const CompactJws jws, CompactJws::Parse(token));
//   RETURN_IF_ERROR(key.Verify(jws));      // now jws.payload is what the key's holder signed
//
// Thread-safety: const methods; a key may be used by many threads at once.
// Errors: InvalidArgument, without any of the token's contents.
#ifndef AUDITLEDGER_API_ACCESS_JWT_JOSE_H_
#define AUDITLEDGER_API_ACCESS_JWT_JOSE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/access/jwt_json.h"

namespace auditledger {

// NIST SP 800-131A's least; the most that is verified in well under a millisecond.
inline constexpr size_t kMinRsaBits = 2048;
inline constexpr size_t kMaxRsaBits = 8192;
// 65537 has three bytes. Large exponents make a verification slow.
inline constexpr size_t kMaxRsaExponentBytes = 4;

struct JoseAlgorithm {
  const char* name;             // "ES256"
  const char* curve = nullptr;  // "P-256"; none for RSA
  size_t coordinate_bytes = 0;  // of the curve
};
// nullptr for every other name.
const JoseAlgorithm* FindJoseAlgorithm(absl::string_view name);
// The only one for a curve; nullptr for a curve that is not known.
const JoseAlgorithm* JoseAlgorithmOfCurve(absl::string_view curve);

struct CompactJws {
  // Three parts of base64url as RFC 7515 wants it: no padding, no other form of the same bytes.
  static absl::StatusOr<CompactJws> Parse(absl::string_view text);

  std::string text;
  JsonObject header;
  std::string payload;
  std::string signature;
};

class JoseKey {
 public:
  // REQUIRES: `algorithm` is one of FindJoseAlgorithm. Of `jwk` (RFC 7517) only the members of a
  // public key are read. InvalidArgument when they do not make one of the algorithm's kind and
  // strength.
  static absl::StatusOr<JoseKey> FromJwk(const JsonObject& jwk, const JoseAlgorithm& algorithm);

  const JoseAlgorithm& algorithm() const;
  // OK when the header names this key's algorithm and the signature is by this key.
  absl::Status Verify(const CompactJws& jws) const;

 private:
  struct Impl;  // holds what is cjose's
  explicit JoseKey(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

  std::shared_ptr<const Impl> impl_;
};

// Without padding, unused bits zero; `what` names the value in the message.
absl::StatusOr<std::string> DecodeBase64Url(absl::string_view what, absl::string_view text);
std::string EncodeBase64Url(absl::string_view bytes);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_JWT_JOSE_H_
