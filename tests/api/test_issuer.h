// A token issuer for tests: keys, key sets and tokens, the hostile ones included. Signs with
// OpenSSL alone, so that it and what it tests have nothing in common.
#ifndef AUDITLEDGER_TESTS_API_TEST_ISSUER_H_
#define AUDITLEDGER_TESTS_API_TEST_ISSUER_H_

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "merkle/openssl_ptr.h"
#include "merkle/sha256.h"

namespace auditledger::testing {

using Json = nlohmann::json;

inline std::string Base64Url(const std::string& bytes) { return absl::WebSafeBase64Escape(bytes); }

class TestKey {
 public:
  static TestKey Rsa(unsigned bits) { return TestKey(EVP_RSA_gen(bits)); }
  static TestKey Ec(const char* curve) { return TestKey(EVP_EC_gen(curve)); }

  // Without "kid" and "alg" where they are "".
  Json Jwk(const std::string& kid, const std::string& alg) const {
    Json out;
    if (EVP_PKEY_is_a(key_.get(), "RSA") == 1) {
      out = {{"kty", "RSA"},
             {"n", Number(OSSL_PKEY_PARAM_RSA_N, 0)},
             {"e", Number(OSSL_PKEY_PARAM_RSA_E, 0)}};
    } else {
      const int bytes = (EVP_PKEY_get_bits(key_.get()) + 7) / 8;
      out = {{"kty", "EC"},
             {"crv", absl::StrCat("P-", EVP_PKEY_get_bits(key_.get()))},
             {"x", Number(OSSL_PKEY_PARAM_EC_PUB_X, bytes)},
             {"y", Number(OSSL_PKEY_PARAM_EC_PUB_Y, bytes)}};
    }
    if (!kid.empty()) out["kid"] = kid;
    if (!alg.empty()) out["alg"] = alg;
    return out;
  }
  std::string PrivateExponent() const {
    const bool rsa = EVP_PKEY_is_a(key_.get(), "RSA") == 1;
    return Number(rsa ? OSSL_PKEY_PARAM_RSA_D : OSSL_PKEY_PARAM_PRIV_KEY, 0);
  }
  std::string PublicPem() const {
    BIO* const bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key_.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string out(data, static_cast<size_t>(size));
    OpensslDeleter<BIO_free_all>()(bio);
    return out;
  }

  // As RFC 7518 3.3 to 3.5 says; `alg` need not be one that fits the key.
  std::string Sign(const std::string& alg, const std::string& input) const {
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    EVP_PKEY_CTX* options = nullptr;
    const std::string digest = absl::StrCat("SHA", alg.substr(alg.size() - 3));
    EXPECT_EQ(EVP_DigestSignInit_ex(context, &options, digest.c_str(), nullptr, nullptr, key_.get(),
                                    nullptr),
              1);
    if (absl::StartsWith(alg, "PS")) {
      EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
      EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
    }
    const auto* const bytes = reinterpret_cast<const unsigned char*>(input.data());
    size_t size = 0;
    EXPECT_EQ(EVP_DigestSign(context, nullptr, &size, bytes, input.size()), 1);
    std::string signature(size, '\0');
    EXPECT_EQ(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                             bytes, input.size()),
              1);
    signature.resize(size);
    OpensslDeleter<EVP_MD_CTX_free>()(context);
    return EVP_PKEY_is_a(key_.get(), "RSA") == 1 ? signature : Raw(signature);
  }

 private:
  explicit TestKey(EVP_PKEY* key) : key_(key, OpensslDeleter<EVP_PKEY_free>()) {
    EXPECT_NE(key, nullptr);
  }

  std::string Number(const char* name, int bytes) const {
    BIGNUM* number = nullptr;
    EXPECT_EQ(EVP_PKEY_get_bn_param(key_.get(), name, &number), 1) << name;
    std::string out(static_cast<size_t>(bytes == 0 ? BN_num_bytes(number) : bytes), '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(out.data()),
                 static_cast<int>(out.size()));
    OpensslDeleter<BN_free>()(number);
    return Base64Url(out);
  }

  // r and s, each as long as the curve's numbers.
  std::string Raw(const std::string& der) const {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* const signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    const int bytes = (EVP_PKEY_get_bits(key_.get()) + 7) / 8;
    std::string out(static_cast<size_t>(2 * bytes), '\0');
    auto* const to = reinterpret_cast<unsigned char*>(out.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), to, bytes);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), to + bytes, bytes);
    OpensslDeleter<ECDSA_SIG_free>()(signature);
    return out;
  }

  std::shared_ptr<EVP_PKEY> key_;
};

inline std::string KeySet(const std::vector<Json>& keys) { return Json{{"keys", keys}}.dump(); }

// An issuer with one RSA key "rsa" (RS256) and one P-256 key "ec". Made once: RSA keys take a
// while.
class TestIssuer {
 public:
  static constexpr char kIssuer[] = "https://idp.example/realms/h";
  static constexpr char kAudience[] = "auditledger";

  static const TestIssuer& Get() {
    static const TestIssuer* const issuer = new TestIssuer;
    return *issuer;
  }
  const TestKey& rsa() const { return rsa_; }
  const TestKey& ec() const { return ec_; }
  std::string Jwks() const { return KeySet({rsa_.Jwk("rsa", "RS256"), ec_.Jwk("ec", "")}); }

  // Good for five minutes from `now_s`.
  static Json Claims(int64_t now_s, const std::string& subject = "ehr") {
    return {{"iss", kIssuer}, {"aud", kAudience},   {"sub", subject}, {"iat", now_s},
            {"nbf", now_s},   {"exp", now_s + 300}, {"jti", "1"}};
  }
  static Json Header(const std::string& alg = "ES256", const std::string& kid = "ec") {
    return {{"alg", alg}, {"kid", kid}, {"typ", "at+jwt"}};
  }
  // Texts, so that they need not be good JSON.
  static std::string Token(const TestKey& key, const std::string& alg, const std::string& header,
                           const std::string& claims) {
    const std::string input = absl::StrCat(Base64Url(header), ".", Base64Url(claims));
    return absl::StrCat(input, ".", Base64Url(key.Sign(alg, input)));
  }
  std::string Token(const Json& header, const Json& claims) const {
    const std::string alg = header.at("alg");
    return Token(absl::StartsWith(alg, "ES") ? ec_ : rsa_, alg, header.dump(), claims.dump());
  }
  std::string Good(int64_t now_s, const std::string& subject = "ehr") const {
    return Token(Header(), Claims(now_s, subject));
  }
  // HS256 with whatever somebody might take for a shared secret.
  static std::string MacToken(const std::string& secret, const Json& claims,
                              const std::string& kid) {
    const std::string input =
        absl::StrCat(Base64Url(Header("HS256", kid).dump()), ".", Base64Url(claims.dump()));
    return absl::StrCat(input, ".", Base64Url(std::string(HmacSha256(secret, {input}).view())));
  }

 private:
  TestIssuer() : rsa_(TestKey::Rsa(2048)), ec_(TestKey::Ec("P-256")) {}
  const TestKey rsa_;
  const TestKey ec_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_API_TEST_ISSUER_H_
