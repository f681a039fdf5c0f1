// Opens what sealer.h wrote, with a recipient's private key.
//
//   FILE ──▶ OpenSSL's CMS ──▶ 1. all of it is decrypted and dropped: does the tag verify?
//                              2. again, for whoever asks
//
// So nothing that was not authenticated is handed out. `openssl cms -decrypt` reads the same file,
// but writes as it goes: only its exit code says whether what it wrote is what was encrypted.
//
// That a file opens says nothing of who made it nor what is in it.
//
// Example:
//   ASSIGN_OR_RETURN(const std::string bundle, ReadSealed("answer.sealed", "court.key"));
//
// Memory: some two and a half times the file, which is at most kMaxSealedBytes; with ReadAll once
// more. Thread-safety: an object belongs to one thread.
// Errors: InvalidArgument (the key), DataLoss (changed on its way), PermissionDenied (the key is no
// recipient's), FailedPrecondition (not sealed so), else as ReadFileLimited. They name the file.
#ifndef AUDITLEDGER_VERIFIER_SEALED_FILE_H_
#define AUDITLEDGER_VERIFIER_SEALED_FILE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "verifier/sealer.h"

namespace auditledger {

// A private key in PEM form; one of 16,384 bits has 13 KiB.
inline constexpr size_t kMaxPrivateKeyFileBytes = 64 << 10;

// Whether a file that begins so is sealed: CMS AuthEnvelopedData, DER or BER.
bool LooksSealed(absl::string_view file);

class SealedFile {
 public:
  // `key_file` is PEM; a passphrase is asked for on the terminal.
  static absl::StatusOr<SealedFile> Open(const std::string& file, const std::string& key_file,
                                         size_t max_bytes = kMaxSealedBytes);
  ~SealedFile();
  SealedFile(SealedFile&& other) noexcept;
  SealedFile& operator=(SealedFile&&) = delete;

  // How what was sealed begins: its first 64 bytes, or all of it.
  const std::string& beginning() const { return beginning_; }
  // Up to `n` bytes of it, from the beginning on; 0 at the end.
  absl::StatusOr<size_t> Read(char* to, size_t n);
  // All of it. REQUIRES: Read was not called.
  absl::StatusOr<std::string> ReadAll();

 private:
  struct Parts;
  explicit SealedFile(std::unique_ptr<Parts> parts);
  absl::Status VerifyTag();

  std::unique_ptr<Parts> parts_;
  std::string beginning_;
  size_t size_ = 0;  // of what was sealed
};

// All of what was sealed.
absl::StatusOr<std::string> ReadSealed(const std::string& file, const std::string& key_file);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_SEALED_FILE_H_
