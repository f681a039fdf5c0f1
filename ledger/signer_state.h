// The embedded signer's memory: the last head it signed, in two slots written in turn, so that a
// torn write leaves the other. Layout: signer.h.
//
// A slot that is damaged later, not torn, cannot be told from a torn one: then the head before it
// counts, and the log must extend that. Thread-safety: values and pure functions; a SignerStateFile
// belongs to one thread.
#ifndef AUDITLEDGER_LEDGER_SIGNER_STATE_H_
#define AUDITLEDGER_LEDGER_SIGNER_STATE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/engine.h"
#include "ledger/posix_file.h"
#include "merkle/hash.h"

namespace auditledger {

inline constexpr size_t kSignerSlotBytes = 4096;  // a page: written and torn apart from the other
inline constexpr uint64_t kSignerSlots = 2;
inline constexpr char kSignerStateFile[] = "signer.state";

struct SignerState {
  uint64_t sequence = 0;
  Head head;  // of size 0 while nothing was signed
  Hash origin_hash;
  uint32_t key_id = 0;
  friend bool operator==(const SignerState&, const SignerState&) = default;
};

// A whole slot, zeros up to its end.
std::string EncodeSignerSlot(const SignerState& state);
// Strict; DataLoss.
absl::StatusOr<SignerState> ParseSignerSlot(absl::string_view slot);
// What a whole file says: the valid slot with the higher sequence. DataLoss when neither is valid.
absl::StatusOr<SignerState> ParseSignerState(absl::string_view file);

class SignerStateFile {
 public:
  // Locks the file as long as this object lives. NotFound; FailedPrecondition: in use; DataLoss.
  static absl::StatusOr<SignerStateFile> Open(const std::string& state_dir);
  // AlreadyExists. `state_dir` is made when absent.
  static absl::Status Create(const std::string& state_dir, const SignerState& state);

  const SignerState& last() const { return last_; }
  // Writes `head` with the next sequence over the older slot and syncs.
  absl::Status Store(const Head& head) { return StoreUnder(last_.key_id, head); }
  // The same, and from now on the state is that of another key.
  absl::Status StoreUnder(uint32_t key_id, const Head& head);

 private:
  SignerStateFile(PosixFile file, const SignerState& last) : file_(std::move(file)), last_(last) {}
  PosixFile file_;
  SignerState last_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_SIGNER_STATE_H_
