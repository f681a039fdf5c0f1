// `auditledger-fsck repair`: mirrors by URL or folder, and what came of it for people and programs
// (ledger/repair.h does the work).
//
// Thread-safety: one thread.
#ifndef AUDITLEDGER_TOOLS_FSCK_REPAIR_H_
#define AUDITLEDGER_TOOLS_FSCK_REPAIR_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "ledger/fsck.h"

namespace auditledger {

struct RepairFlags {
  std::vector<std::string> from;
  std::string pin_key;
  std::string ca;
  std::string backup;
  std::string backup_seeds;
  std::string signer;
};

CLI::App* AddRepairCommand(CLI::App& app, RepairFlags& flags);
// `fsck` has the ledger's folders. The exit code; errors go to standard error.
int RunRepair(const RepairFlags& flags, const FsckOptions& fsck, bool json);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_FSCK_REPAIR_H_
