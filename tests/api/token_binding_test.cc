#include "api/access/token_binding.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "merkle/base64.h"
#include "merkle/sha256.h"

namespace auditledger {
namespace {

std::string Pem(const std::string& der) {
  std::string out = "-----BEGIN CERTIFICATE-----\n";
  const std::string base64 = EncodeBase64(der);
  for (size_t i = 0; i < base64.size(); i += 64) out += base64.substr(i, 64) + "\n";
  return out + "-----END CERTIFICATE-----\n";
}

TEST(TokenBinding, IsTheHashOfTheFirstCertificate) {
  const std::string der(700, 'x');
  const std::string wanted = absl::WebSafeBase64Escape(Sha256({der}).view());
  EXPECT_EQ(wanted.size(), 43u);
  EXPECT_EQ(CertificateThumbprint(Pem(der)), wanted);
  EXPECT_EQ(CertificateThumbprint(Pem(der) + Pem("another")), wanted);
}

TEST(TokenBinding, WhatIsNoCertificateHasNone) {
  const std::string pem = Pem("abc");
  for (const std::string& wrong :
       {std::string(), std::string("x"), pem.substr(0, pem.size() - 10), Pem(""),
        std::string("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n")}) {
    EXPECT_EQ(CertificateThumbprint(wrong), "") << wrong;
  }
}

}  // namespace
}  // namespace auditledger
