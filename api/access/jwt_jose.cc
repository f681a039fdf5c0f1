#include "api/access/jwt_jose.h"

#include <cjose/jwk.h>
#include <cjose/jws.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "merkle/openssl_ptr.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr std::array<JoseAlgorithm, 9> kAlgorithms = {{{"RS256"},
                                                       {"RS384"},
                                                       {"RS512"},
                                                       {"PS256"},
                                                       {"PS384"},
                                                       {"PS512"},
                                                       {"ES256", "P-256", 32},
                                                       {"ES384", "P-384", 48},
                                                       {"ES512", "P-521", 66}}};

struct JwkRelease {
  void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
};
using JwkPtr = std::unique_ptr<cjose_jwk_t, JwkRelease>;

struct JwsRelease {
  void operator()(cjose_jws_t* jws) const { cjose_jws_release(jws); }
};
using JwsPtr = std::unique_ptr<cjose_jws_t, JwsRelease>;

// cjose takes bytes that it does not change as if it did.
uint8_t* Bytes(std::string& bytes) { return reinterpret_cast<uint8_t*>(bytes.data()); }

absl::StatusOr<std::string> JwkBytes(const JsonObject& jwk, const char* name) {
  ASSIGN_OR_RETURN(const std::string text, jwk.Text(name));
  return DecodeBase64Url(absl::StrCat("\"", name, "\""), text);
}

absl::Status CheckKind(const JsonObject& jwk, absl::string_view kind) {
  ASSIGN_OR_RETURN(const std::string kty, jwk.Text("kty"));
  if (kty == kind) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("\"kty\" must be \"", kind, "\""));
}

size_t BitsOf(absl::string_view number) {
  if (number.empty()) return 0;
  size_t bits = number.size() * 8;
  for (unsigned top = 0x80; top > 0 && (static_cast<uint8_t>(number[0]) & top) == 0; top >>= 1) {
    --bits;
  }
  return bits;
}

// Some issuers write a leading zero, as signed numbers have.
void DropLeadingZeros(std::string& number) {
  number.erase(0, std::min(number.find_first_not_of('\0'), number.size()));
}

absl::StatusOr<std::pair<JwkPtr, size_t>> RsaKey(const JsonObject& jwk) {
  RETURN_IF_ERROR(CheckKind(jwk, "RSA"));
  ASSIGN_OR_RETURN(std::string modulus, JwkBytes(jwk, "n"));
  ASSIGN_OR_RETURN(std::string exponent, JwkBytes(jwk, "e"));
  DropLeadingZeros(modulus);
  DropLeadingZeros(exponent);
  const size_t bits = BitsOf(modulus);
  if (bits < kMinRsaBits || bits > kMaxRsaBits) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"n\" must have ", kMinRsaBits, " to ", kMaxRsaBits, " bits"));
  }
  const bool odd = !exponent.empty() && (exponent.back() & 1) != 0;
  if (!odd || exponent == "\x01" || exponent.size() > kMaxRsaExponentBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"e\" must be odd, 3 or more, and at most ", kMaxRsaExponentBytes, " bytes"));
  }
  cjose_jwk_rsa_keyspec spec{};
  spec.n = Bytes(modulus);
  spec.nlen = modulus.size();
  spec.e = Bytes(exponent);
  spec.elen = exponent.size();
  return std::pair(JwkPtr(cjose_jwk_create_RSA_spec(&spec, nullptr)), modulus.size());
}

cjose_jwk_ec_curve CurveOf(const JoseAlgorithm& algorithm) {
  const absl::string_view curve = algorithm.curve;
  if (curve == "P-256") return CJOSE_JWK_EC_P_256;
  if (curve == "P-384") return CJOSE_JWK_EC_P_384;
  return CJOSE_JWK_EC_P_521;
}

absl::StatusOr<std::pair<JwkPtr, size_t>> EcKey(const JsonObject& jwk,
                                                const JoseAlgorithm& algorithm) {
  RETURN_IF_ERROR(CheckKind(jwk, "EC"));
  ASSIGN_OR_RETURN(const std::string curve, jwk.Text("crv"));
  if (curve != algorithm.curve) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"crv\" must be \"", algorithm.curve, "\" for ", algorithm.name));
  }
  ASSIGN_OR_RETURN(std::string x, JwkBytes(jwk, "x"));
  ASSIGN_OR_RETURN(std::string y, JwkBytes(jwk, "y"));
  if (x.size() != algorithm.coordinate_bytes || y.size() != algorithm.coordinate_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"x\" and \"y\" must have ", algorithm.coordinate_bytes, " bytes"));
  }
  cjose_jwk_ec_keyspec spec{};
  spec.crv = CurveOf(algorithm);
  spec.x = Bytes(x);
  spec.xlen = x.size();
  spec.y = Bytes(y);
  spec.ylen = y.size();
  return std::pair(JwkPtr(cjose_jwk_create_EC_spec(&spec, nullptr)),
                   2 * algorithm.coordinate_bytes);
}

}  // namespace

const JoseAlgorithm* FindJoseAlgorithm(absl::string_view name) {
  for (const JoseAlgorithm& algorithm : kAlgorithms) {
    if (name == algorithm.name) return &algorithm;
  }
  return nullptr;
}

const JoseAlgorithm* JoseAlgorithmOfCurve(absl::string_view curve) {
  for (const JoseAlgorithm& algorithm : kAlgorithms) {
    if (algorithm.curve != nullptr && curve == algorithm.curve) return &algorithm;
  }
  return nullptr;
}

absl::StatusOr<CompactJws> CompactJws::Parse(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '.');
  if (parts.size() != 3) return absl::InvalidArgumentError("is not three parts with dots between");
  ASSIGN_OR_RETURN(const std::string header_text, DecodeBase64Url("the header", parts[0]));
  ASSIGN_OR_RETURN(std::string payload, DecodeBase64Url("the payload", parts[1]));
  ASSIGN_OR_RETURN(std::string signature, DecodeBase64Url("the signature", parts[2]));
  absl::StatusOr<JsonObject> header = JsonObject::Parse(header_text);
  if (!header.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("the header: ", header.status().message()));
  }
  return CompactJws{std::string(text), *std::move(header), std::move(payload),
                    std::move(signature)};
}

struct JoseKey::Impl {
  const JoseAlgorithm& algorithm;
  JwkPtr key;
  size_t signature_bytes;
};

const JoseAlgorithm& JoseKey::algorithm() const { return impl_->algorithm; }

absl::StatusOr<JoseKey> JoseKey::FromJwk(const JsonObject& jwk, const JoseAlgorithm& algorithm) {
  ASSIGN_OR_RETURN(auto made, algorithm.curve == nullptr ? RsaKey(jwk) : EcKey(jwk, algorithm));
  ClearOpensslErrors();  // what cjose left there
  if (made.first == nullptr) return absl::InvalidArgumentError("is not a point of its curve");
  return JoseKey(std::make_shared<const Impl>(Impl{algorithm, std::move(made.first), made.second}));
}

// What cjose 0.6.2 does not check is checked before it sees the token: that no "=" stands in it (an
// assertion would end the process), that the header's algorithm is the key's, that the signature
// has exactly its length.
absl::Status JoseKey::Verify(const CompactJws& jws) const {
  const absl::StatusOr<std::string> algorithm = jws.header.Text("alg");
  if (!algorithm.ok() || *algorithm != impl_->algorithm.name) {
    return absl::InvalidArgumentError("its algorithm is not the key's");
  }
  const absl::Status bad = absl::InvalidArgumentError("its signature does not verify");
  if (jws.signature.size() != impl_->signature_bytes) return bad;
  const JwsPtr imported(cjose_jws_import(jws.text.data(), jws.text.size(), nullptr));
  const bool verified =
      imported != nullptr && cjose_jws_verify(imported.get(), impl_->key.get(), nullptr);
  ClearOpensslErrors();
  if (!verified) return bad;
  uint8_t* signed_bytes = nullptr;
  size_t size = 0;
  if (!cjose_jws_get_plaintext(imported.get(), &signed_bytes, &size, nullptr)) return bad;
  // What was verified is what was read.
  return absl::string_view(reinterpret_cast<const char*>(signed_bytes), size) == jws.payload
             ? absl::OkStatus()
             : bad;
}

absl::StatusOr<std::string> DecodeBase64Url(absl::string_view what, absl::string_view text) {
  std::string bytes;
  // Abseil forgives white space, padding and unused bits; encoding again shows all of that.
  if (!absl::WebSafeBase64Unescape(text, &bytes) || EncodeBase64Url(bytes) != text) {
    return absl::InvalidArgumentError(absl::StrCat(what, " is not canonical base64url"));
  }
  return bytes;
}

std::string EncodeBase64Url(absl::string_view bytes) { return absl::WebSafeBase64Escape(bytes); }

}  // namespace auditledger
