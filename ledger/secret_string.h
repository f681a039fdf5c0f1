// Bytes that wipe themselves: keys, seeds and texts that hold them.
//
// Example: SecretString key(random.Bytes(32));  Use(key.Reveal());
// `Reveal` is the one word to grep for. Copies made of what it shows are the caller's to wipe.
// Thread-safety: as std::string. A value moved from is empty and wiped.
#ifndef AUDITLEDGER_LEDGER_SECRET_STRING_H_
#define AUDITLEDGER_LEDGER_SECRET_STRING_H_

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
  absl::string_view Reveal() const { return value_; }

 private:
  void Wipe();
  std::string value_;
};

// Overwrites the whole buffer of `value` and empties it.
void WipeString(std::string& value);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_SECRET_STRING_H_
