// Certificates to seal for, each with its key, made on the spot: good ones, and those that an
// export must not be sealed for.
//
// Example:
//   const TestRecipient auditor({.key = "RSA"});
//   recipients.Add(auditor.pem(), kTestNow);
//
// Thread-safety: const methods. Failures of OpenSSL end the test program.
#ifndef AUDITLEDGER_TESTS_TESTING_TEST_RECIPIENT_H_
#define AUDITLEDGER_TESTS_TESTING_TEST_RECIPIENT_H_

#include <cstdint>
#include <string>

namespace auditledger::testing {

struct TestRecipientOptions {
  std::string key = "P-256";  // a curve, "RSA" (2,048 bits), "RSA-1024" or "ED25519"
  std::string name = "recipient";
  int64_t not_before_s = 1'700'000'000;
  int64_t not_after_s = 4'000'000'000;
  std::string key_usage;  // as openssl.cnf writes it; "": none is named
};

class TestRecipient {
 public:
  explicit TestRecipient(const TestRecipientOptions& options);
  const std::string& pem() const { return pem_; }
  const std::string& key_pem() const { return key_pem_; }

 private:
  std::string pem_;
  std::string key_pem_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_TEST_RECIPIENT_H_
