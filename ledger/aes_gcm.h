// AES-256-GCM with a context that is kept, since making one and fetching the cipher cost more than
// encrypting a seed (performance.md section 2).
//
// Example:
//   AesGcm cipher;
//   RETURN_IF_ERROR(cipher.SetKey(key));
//   RETURN_IF_ERROR(cipher.Seal(nonce, aad, {header, event}, record));
//
// Thread-safety: an object belongs to one thread. Source: NIST SP 800-38D, by OpenSSL.
#ifndef AUDITLEDGER_LEDGER_AES_GCM_H_
#define AUDITLEDGER_LEDGER_AES_GCM_H_

#include <initializer_list>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

inline constexpr size_t kAesGcmKeyBytes = 32;
inline constexpr size_t kAesGcmNonceBytes = 12;
inline constexpr size_t kAesGcmTagBytes = 16;

class AesGcm {
 public:
  AesGcm();
  ~AesGcm();
  AesGcm(const AesGcm&) = delete;
  AesGcm& operator=(const AesGcm&) = delete;

  // InvalidArgument for a key of other than 32 bytes.
  absl::Status SetKey(absl::string_view key);
  // Appends ciphertext || tag to `out`. A pair of key and nonce must never be used for two
  // plaintexts.
  absl::Status Seal(absl::string_view nonce, absl::string_view associated,
                    std::initializer_list<absl::string_view> plaintext, std::string& out);
  // DataLoss when the tag is not that of key, nonce, associated data and ciphertext.
  absl::StatusOr<std::string> Open(absl::string_view nonce, absl::string_view associated,
                                   absl::string_view ciphertext_and_tag);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_AES_GCM_H_
