// The whole of a stored log derived once more, from raw engine reads and by other code than the
// product's: leaves -> hashes -> every tile -> root -> head; times; identity records and payloads.
#ifndef AUDITLEDGER_TESTS_TESTING_CHECK_LEDGER_H_
#define AUDITLEDGER_TESTS_TESTING_CHECK_LEDGER_H_

#include <string>

#include "absl/status/status.h"
#include "ledger/engine.h"

namespace auditledger::testing {

// OK, or DataLoss with the first thing that is not as it must be. Reads everything: for small logs.
absl::Status CheckLedger(Engine& engine, const std::string& origin);

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_CHECK_LEDGER_H_
