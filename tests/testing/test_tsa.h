// A timestamping authority that does what a test tells it, wrong things included: OpenSSL's own TS
// and CMS code builds its tokens, with certificates made on the spot.
//
// Example:
//   const TestTsa tsa({});
//   TsaTrust trust = TsaTrust::FromPem(tsa.ca_pem(), {}).value();
//   const std::string token = tsa.Stamp(text, {.time = "20260101000000Z"});
//
// Thread-safety: const methods from many threads. Failures of OpenSSL end the test program.
#ifndef AUDITLEDGER_TESTS_TESTING_TEST_TSA_H_
#define AUDITLEDGER_TESTS_TESTING_TEST_TSA_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace auditledger::testing {

struct TestTsaOptions {
  std::string name = "Test TSA";
  std::string not_before = "20200101000000Z";  // of the TSA's certificate; its CA: 2000 to 2100
  std::string not_after = "20300101000000Z";
  std::string extended_key_usage = "critical,timeStamping";
  std::string curve = "P-256";
};

struct TestStamp {
  std::string time = "20260101000000Z";  // genTime, as ASN.1 writes it
  std::optional<uint64_t> nonce{};
  std::string policy = "1.2.3.4.1";
  long accuracy_seconds = 0;  // 0: none
  bool with_certificate = true;
  bool with_ess = true;            // names the signer's certificate (ESSCertIDv2)
  std::string digest = "SHA256";   // of the signature
  std::string imprint = "SHA256";  // of what is stamped
  std::string imprint_bytes{};     // instead of the text's digest
  int signers = 1;                 // the same one so often
};

class TestTsa {
 public:
  explicit TestTsa(const TestTsaOptions& options);
  ~TestTsa();

  std::string ca_pem() const;   // what a verifier pins
  std::string tsa_pem() const;  // the TSA's own certificate
  std::string tsa_key_pem() const;

  // A token over `text`, DER.
  std::string Stamp(absl::string_view text, const TestStamp& stamp) const;
  // The reply that carries a token, and one that refuses.
  static std::string Reply(absl::string_view token);
  static std::string Refusal(int failure_bit);
  // Answers a query as an honest authority would at `time`; a refusal for what does not parse.
  std::string Answer(absl::string_view query, const std::string& time) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_TEST_TSA_H_
