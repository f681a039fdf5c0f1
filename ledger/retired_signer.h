// A ledger that was given up from outside its log: at a head that counts, while its key is not to
// sign any more (it was stolen), or where an older copy was brought back and what was signed beyond
// it is lost. It serves reads and proofs at that head; nothing is signed or appended again, and a
// successor goes on from there.
//
//   state_dir/retired.head   the head, a signed note
//
// Once it is there neither the signer's state nor its process is asked.
//
// Thread-safety: functions on files; the signer as signer.h.
#ifndef AUDITLEDGER_LEDGER_RETIRED_SIGNER_H_
#define AUDITLEDGER_LEDGER_RETIRED_SIGNER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/options.h"
#include "ledger/signer.h"
#include "merkle/note.h"

namespace auditledger {

inline constexpr char kRetiredFile[] = "retired.head";

bool IsRetired(const LedgerPaths& paths);

// Retires the stopped ledger of these folders at `note`, a head of it. It is opened with `pinned`,
// any key that the log has had, and the changes beside its keys (key_history.h). The next start
// holds it against the log: a head that the log does not have is refused there.
// AlreadyExists when it is retired. Errors of OpenCheckpoint for a note of another log or key.
absl::Status RetireLedger(const LedgerPaths& paths, const NoteVerifier& pinned,
                          absl::string_view note);

// Has signed that head and gives it out again; FailedPrecondition for any other. Its key is the one
// that signed the head, of those that led to `log_key`: older than that, where an older copy of the
// log was brought back beside the newest keys.
absl::StatusOr<std::unique_ptr<Signer>> OpenRetiredSigner(const LedgerPaths& paths,
                                                          const NoteVerifier& log_key);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_RETIRED_SIGNER_H_
