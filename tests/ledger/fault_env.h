// LevelDB's machine on a FaultDisk: what its own POSIX Env does, call for call, with the same write
// buffer.
//
// Example: auto env = NewFaultEnv(disk); SetBaseEnvForTesting(env.get());
//
// Thread-safety: as leveldb::Env. `disk` must outlive it.
#ifndef AUDITLEDGER_TESTS_LEDGER_FAULT_ENV_H_
#define AUDITLEDGER_TESTS_LEDGER_FAULT_ENV_H_

#include <memory>

#include "tests/ledger/fault_disk.h"

namespace leveldb {
class Env;
}

namespace auditledger::testing {

std::unique_ptr<leveldb::Env> NewFaultEnv(FaultDisk& disk);

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_LEDGER_FAULT_ENV_H_
