// The engine in memory, for tests and as the reference of the conformance suite. Keeps nothing.
#ifndef AUDITLEDGER_LEDGER_MEMORY_ENGINE_H_
#define AUDITLEDGER_LEDGER_MEMORY_ENGINE_H_

#include <memory>

#include "ledger/engine.h"

namespace auditledger {

std::unique_ptr<Engine> NewMemoryEngine();

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_MEMORY_ENGINE_H_
