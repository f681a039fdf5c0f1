// Whether keys and seeds are this ledger's: a start with an unmounted seed_dir, a swapped wrapping
// key or another ledger's dedup.key would serve, lose what it acknowledges and accept repeats as
// new.
//
// The newest entry whose payload was not erased is opened: its secret unwrapped, the payload
// decrypted, the leaf's commitment recomputed, the MACs of its identity record recomputed.
//
// Entries whose content a repair could not bring back (the log records repairs, or the next start
// will) are passed over: they are lost, and it was said. Where no older one opens, nothing shows
// that these are the right keys and seeds, and the start is refused.
//
// Thread-safety: one thread, before the ledger serves.
#ifndef AUDITLEDGER_LEDGER_SECRETS_CHECK_H_
#define AUDITLEDGER_LEDGER_SECRETS_CHECK_H_

#include <cstdint>

#include "absl/status/status.h"
#include "ledger/engine.h"
#include "ledger/key_files.h"
#include "ledger/ledger.h"
#include "ledger/seed_store.h"

namespace auditledger {

// Entries looked at for one that can be opened: an erasure takes out a patient's, not a thousand in
// a row, and a start stays fast.
inline constexpr uint64_t kMaxSecretsLookBack = 1024;

// OK also when none of the last kMaxSecretsLookBack entries below `size` can be opened, since none
// has a payload or all were erased. FailedPrecondition naming the likely cause.
absl::Status CheckSecrets(const LedgerOptions& options, const LedgerKeys& keys, Engine& engine,
                          SeedStore& seeds, uint64_t size);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_SECRETS_CHECK_H_
