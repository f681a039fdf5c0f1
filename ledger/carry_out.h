// Destroys the content of entries on this ledger's disks: what an erasure entry says was done.
//
//   1 their secrets: slots of the key store overwritten in place, synced (seed_store.h). From here
//     on the payload is noise, wherever a copy of it lies
//   2 their payload records removed and the MACs of their events zeroed, synced; then the tables
//     and logs that held either are written anew without them (Engine::Forget)
//
// Each step may be repeated: one that was cut short is done again. An identity record stays, so
// that a repeat of an erased event is known for one.
//
// Thread-safety: beside commits, one at a time. Errors: storage errors; what was reached is not
// known.
#ifndef AUDITLEDGER_LEDGER_CARRY_OUT_H_
#define AUDITLEDGER_LEDGER_CARRY_OUT_H_

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ledger/engine.h"
#include "ledger/seed_store.h"
#include "merkle/erasure_entries.h"

namespace auditledger {

// `seeds` may be nullptr: they are left as they are.
absl::Status CarryOutErasure(absl::Span<const EntryRange> ranges, Engine& engine, SeedStore* seeds);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_CARRY_OUT_H_
