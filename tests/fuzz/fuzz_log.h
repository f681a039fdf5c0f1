// The log of the verifier's targets: its pin, and a signer for what a target builds from its input,
// so that mutation gets past the signature. The seeds in corpus/ carry signatures of the same key;
// tests/verifier/fuzz_corpus_test.cc makes them and checks what is said here.
#ifndef AUDITLEDGER_TESTS_FUZZ_FUZZ_LOG_H_
#define AUDITLEDGER_TESTS_FUZZ_FUZZ_LOG_H_

#include <openssl/evp.h>

#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "merkle/note.h"
#include "merkle/openssl_ptr.h"
#include "tests/fuzz/fuzz_check.h"
#include "verifier/pins.h"

namespace auditledger {

inline constexpr absl::string_view kFuzzOrigin = "ledger.test/clinic";
// RFC 8032 public key of the seed of 32 bytes 01.
inline constexpr absl::string_view kFuzzPublicKey =
    "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";
// Of the one head that the seeds carry, over kFuzzSize entries, and of the one event beside it.
inline constexpr uint64_t kFuzzSize = 6;
inline constexpr uint64_t kFuzzIndex = 3;
inline constexpr absl::string_view kFuzzRoot =
    "47aff5fb506715049af1e7bda08fda9753a18540884acd6855a6af53ee370ac1";
inline constexpr absl::string_view kFuzzEventHash =
    "40215398f16693dd4395ef4223127b69e7eb0b8188086b593c1bd45eadf00b31";

inline const Pin& FuzzPin() {
  static const Pin& pin = *new Pin{
      std::string(kFuzzOrigin),
      NoteVerifier::FromEd25519(kFuzzOrigin, absl::HexStringToBytes(kFuzzPublicKey)).value()};
  return pin;
}

// `text` with the log's signature line.
inline std::string FuzzSign(absl::string_view text) {
  static EVP_PKEY* const key = [] {
    const std::string seed(32, '\1');
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                        reinterpret_cast<const unsigned char*>(seed.data()),
                                        seed.size());
  }();
  std::string signature(64, '\0');
  size_t length = signature.size();
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  FUZZ_CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key) == 1);
  FUZZ_CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                            &length, reinterpret_cast<const unsigned char*>(text.data()),
                            text.size()) == 1);
  Note note;
  note.text = std::string(text);
  note.signatures.push_back({FuzzPin().key.name(), FuzzPin().key.key_id(), signature});
  return FormatNote(note);
}

}  // namespace auditledger

#endif  // AUDITLEDGER_TESTS_FUZZ_FUZZ_LOG_H_
