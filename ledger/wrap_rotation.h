// Rotation of the key that a ledger's secrets are wrapped under, while it serves: appends go on
// under the new key at once, and what is there is rewrapped segment by segment (seed_store.h).
//
// What it is worth: who copied wrap-N.key and old seeds opens what he copied, and nothing that
// comes in later. With the old key destroyed, every copy of secrets from before, in backups too, is
// noise: back up (`auditctl backup`) after the rotation, not before.
//
//   key_dir/wrap-rotation   "auditledger-wrap-rotation/v1 keep|destroy N" LF: N is the new key, and
//                           what becomes of the older ones
//
// Steps, and what a crash behind each leaves:
//   1 wrap-N.key is made               that key is current; asking again makes another
//   2 wrap-rotation is made            the next start goes on with 4
//   3 what is written is under N       the same
//   4 each segment is rewrapped        the same
//   5 a pass over all segments finds   the same
//     no secret under another key
//   6 older wrap-M.key: named          the same; those that are gone are gone
//     retired-wrap-M.key, or
//     destroyed-wrap-M.key, zeroed
//     and removed
//   7 wrap-rotation is removed         done
//
// Example:
//   WrapRotation rotation(parts);
//   RETURN_IF_ERROR(rotation.Load());
//   rotation.Start();                       // or Step() in a test
//   ASSIGN_OR_RETURN(const uint16_t id, rotation.Begin(OldKey::kDestroy));
//
// Thread-safety: Step belongs to one thread (Start's, once that was called); the others may be
// called by many. Errors: FailedPrecondition: a rotation is under way. Storage errors of Step leave
// everything as it is and are tried again; `state` shows the last. DataLoss, when a secret does not
// open: the older keys stay.
// Cost: a segment takes half a second of a core, 12 MiB of memory and of writing.
#ifndef AUDITLEDGER_LEDGER_WRAP_ROTATION_H_
#define AUDITLEDGER_LEDGER_WRAP_ROTATION_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/key_files.h"
#include "ledger/key_rotation.h"
#include "ledger/random.h"
#include "ledger/seed_store.h"

namespace auditledger {

struct WrapRotationPlan {
  OldKey old_key = OldKey::kKeep;
  uint16_t new_id = 0;
  friend bool operator==(const WrapRotationPlan&, const WrapRotationPlan&) = default;
};
// The text of wrap-rotation; strict. DataLoss.
std::string FormatWrapRotation(const WrapRotationPlan& plan);
absl::StatusOr<WrapRotationPlan> ParseWrapRotation(absl::string_view text);

// All not owned; they must outlive it.
struct WrapRotationParts {
  std::string key_dir;
  std::string origin;
  const MasterKey* master = nullptr;  // nullptr: key files are clear
  FileKeyProvider* keys = nullptr;
  SeedStore* seeds = nullptr;
  Random* random = nullptr;
  KeyUseLog* log = nullptr;        // of each step; nullptr: none
  std::function<uint64_t()> size;  // of the log: its entries' segments must be there
};

struct WrapRotationState {
  uint16_t key_id = 0;  // that new secrets are wrapped under
  bool is_running = false;
  uint64_t segments_done = 0;  // of the pass under way
  uint64_t segments = 0;       // of the log
  std::string problem;         // why it does not get on; empty: it does
};

class WrapRotation {
 public:
  explicit WrapRotation(WrapRotationParts parts) : parts_(std::move(parts)) {}
  ~WrapRotation();

  // Takes up what an earlier run left. Once, before all others.
  absl::Status Load();
  // Steps 1 to 3. The new key's id.
  absl::StatusOr<uint16_t> Begin(OldKey old_key);
  // The next segment, or steps 6 and 7 behind the last. False: there is nothing to do.
  absl::StatusOr<bool> Step();
  // Calls Step on a thread of its own, whenever there is something to do; and counts key uses.
  void Start();
  WrapRotationState state() const;

 private:
  absl::Status Finish(const WrapRotationPlan& plan);
  void Log(const std::string& what);
  void Run();

  const WrapRotationParts parts_;
  // Of Step alone.
  uint64_t next_ = 0;
  uint64_t rewrapped_ = 0;  // in the pass under way

  mutable std::mutex mutex_;  // guards the members below
  std::condition_variable changed_;
  bool stopping_ = false;
  std::optional<WrapRotationPlan> plan_;
  uint64_t done_ = 0;
  std::string problem_;
  std::thread thread_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_WRAP_ROTATION_H_
