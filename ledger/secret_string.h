// Bytes that wipe themselves: keys, seeds and texts that hold them. They lie in OpenSSL's secure
// heap (no swap, no core, guard pages around it) where the process has one (private_memory.h) with
// room.
//
// Example: SecretString key(random.Bytes(32));  Use(key.Reveal());
// `Reveal` is the one word to grep for. Copies made of what it shows are the caller's to wipe.
// Thread-safety: as std::string. A value moved from is empty and wiped.
#ifndef AUDITLEDGER_LEDGER_SECRET_STRING_H_
#define AUDITLEDGER_LEDGER_SECRET_STRING_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace auditledger {

class SecretString {
 public:
  SecretString() = default;
  explicit SecretString(std::string value);
  SecretString(SecretString&& other) noexcept;
  SecretString& operator=(SecretString&& other) noexcept;
  ~SecretString() { Wipe(); }
  absl::string_view Reveal() const { return {data_ == nullptr ? "" : data_, size_}; }

 private:
  void Wipe();
  char* data_ = nullptr;  // owned; of OpenSSL
  size_t size_ = 0;
};

// Overwrites the whole buffer of `value` and empties it.
void WipeString(std::string& value);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_SECRET_STRING_H_
