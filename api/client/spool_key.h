// The secret a spool is encrypted under: 32 random bytes that the caller keeps, in a file of their
// own or as a secret of the service manager.
//
//   head -c 32 /dev/urandom >spool.key; chmod 600 spool.key
//
// Example: ASSIGN_OR_RETURN(SpoolKey key, SpoolKey::FromFile("/run/credentials/ehr/spool.key"));
//
// Without it a stolen disk tells nothing of the events on it but how many and how large they are;
// without it they cannot be read by their owner either. Keep it apart from the spool.
// Lifetime: wiped when the object goes. Keep one: it is never copied.
// Thread-safety: const methods by many threads.
// Errors: InvalidArgument for another length; FailedPrecondition for a file that others may read.
#ifndef AUDITLEDGER_API_CLIENT_SPOOL_KEY_H_
#define AUDITLEDGER_API_CLIENT_SPOOL_KEY_H_

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/sha256.h"

namespace auditledger {

inline constexpr size_t kSpoolKeyBytes = 32;

class SpoolKey {
 public:
  // `bytes` is wiped.
  static absl::StatusOr<SpoolKey> FromBytes(std::string bytes);
  static absl::StatusOr<SpoolKey> FromFile(const std::string& path);

 private:
  friend class SpoolCipher;
  explicit SpoolKey(absl::string_view bytes) : derive_(std::make_unique<HmacKey>(bytes)) {}
  std::unique_ptr<HmacKey> derive_;  // wipes itself
};

// AES-256-GCM under a key that is derived of a spool's for one file: HMAC-SHA-256(key, label || 0
// || what the file says of itself, a random salt in it). So no two files share a key, and a number
// may be the nonce in each.
//
// Thread-safety: an object belongs to one thread. Source: NIST SP 800-38D, by OpenSSL.
class SpoolCipher {
 public:
  static absl::StatusOr<SpoolCipher> Derive(const SpoolKey& key, absl::string_view label,
                                            absl::string_view context);
  SpoolCipher(SpoolCipher&&) noexcept;
  SpoolCipher& operator=(SpoolCipher&&) noexcept;
  ~SpoolCipher();

  // Appends ciphertext || tag (16 bytes). A number must never be used for two plaintexts.
  absl::Status Seal(uint64_t number, absl::string_view associated, absl::string_view plaintext,
                    std::string& out);
  // DataLoss when the tag is not that of key, number, associated data and ciphertext.
  absl::StatusOr<std::string> Open(uint64_t number, absl::string_view associated,
                                   absl::string_view sealed);

 private:
  struct Impl;
  explicit SpoolCipher(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

inline constexpr size_t kSpoolTagBytes = 16;

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_SPOOL_KEY_H_
