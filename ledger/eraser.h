// Erasing from a serving ledger: what is asked for, who has to agree, what stands against it, and
// that it is carried out.
//
//   Request  somebody asks: an entry names the entries and the reason; nothing is destroyed
//   Erase    another approves: the erasure entry is committed and signed first, and only then is
//            the content destroyed (carry_out.h). OK means that all of that is durable
//   Hold     a legal hold is placed or lifted, by an entry
//
// What a crash leaves between entry and destruction the next start finishes (FinishPending), since
// an erasure entry that is not known to be carried out is (erasures.h).
//
// One call at a time: between its checks and its entry nothing else may be erased or held. Rules:
//   entries are events or refused events, below the head; the ledger's own stand for ever, so who
//     erased and why outlives what was erased
//   nothing is erased twice, or while a legal hold stands on any of it
//   a request is approved once, by another principal than asked (unless one_person), before
//     it expires
//
// Thread-safety: all methods may be called by many threads; they block until the answer, so not on
// a committer's thread.
// Errors: OUT_OF_RANGE INDEX_BEYOND_SIZE; INVALID_ARGUMENT NOT_ERASABLE; FAILED_PRECONDITION
// EVENT_ERASED, LEGAL_HOLD, REQUEST_EXPIRED, REQUEST_DONE, SECOND_PERSON_NEEDED; NOT_FOUND
// NO_SUCH_REQUEST, NO_SUCH_HOLD; RESOURCE_EXHAUSTED ERASURE_TOO_LARGE, OVERLOADED (another call is
// under way); those of an append.
#ifndef AUDITLEDGER_LEDGER_ERASER_H_
#define AUDITLEDGER_LEDGER_ERASER_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ledger/clock.h"
#include "ledger/committer.h"
#include "ledger/engine.h"
#include "ledger/erasures.h"
#include "ledger/head_feed.h"
#include "ledger/ledger.h"
#include "ledger/reader.h"
#include "ledger/sealer.h"
#include "ledger/seed_store.h"
#include "merkle/erasure_entries.h"

namespace auditledger {

// All not owned; they must outlive the eraser.
struct EraserParts {
  ErasureRules rules;
  Clock* clock = nullptr;
  Engine* engine = nullptr;
  SeedStore* seeds = nullptr;
  Erasures* erasures = nullptr;
  const Reader* reader = nullptr;
  const HeadFeed* feed = nullptr;
  Committer* committer = nullptr;
};

class Eraser {
 public:
  explicit Eraser(EraserParts parts) : parts_(std::move(parts)) {}

  absl::StatusOr<AppendOutcome> Request(const ErasureScope& scope, SealedEvent why);
  absl::StatusOr<AppendOutcome> Erase(uint64_t request, SealedEvent approval);
  absl::StatusOr<AppendOutcome> Hold(const LegalHold& hold, SealedEvent why);
  // Carries out what earlier erasures left. REQUIRES: nothing else is called meanwhile.
  absl::Status FinishPending();

 private:
  struct OpenRequest {
    ErasureScope scope;
    std::string principal;  // who asked
  };
  absl::StatusOr<OpenRequest> LoadRequest(uint64_t index) const;
  absl::Status CheckErasable(const ErasureScope& scope) const;
  absl::Status CheckKinds(const EntryRange& range) const;
  absl::StatusOr<AppendOutcome> Append(EntryKind kind, std::string body, SealedEvent event);
  absl::Status CarryOut(uint64_t erasure, const EntryRanges& ranges);

  const EraserParts parts_;
  std::atomic<bool> busy_{false};
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_ERASER_H_
