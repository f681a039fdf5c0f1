// auditledgerd: see README.md for flags, exit codes and the order of shutdown.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "api/daemon.h"
#include "api/flags.h"
#include "api/rpc_log.h"
#include "api/server.h"
#include "ledger/clock.h"
#include "ledger/private_memory.h"

namespace auditledger {
namespace {

int Fail(int code, const absl::Status& status) {
  std::fprintf(stderr, "auditledgerd: %s\n", std::string(status.message()).c_str());
  return code;
}

// The next SIGTERM or SIGINT; each SIGHUP before it has the access policy read again, if `server`.
int NextEnd(const sigset_t& signals, Server* server) {
  while (true) {
    int number = 0;
    sigwait(&signals, &number);
    if (number != SIGHUP) return number;
    // The log says how it went.
    if (server != nullptr) (void)server->ReloadAccessPolicy();
  }
}

// Waits for SIGTERM or SIGINT. A second one ends the process at once.
void WaitForEnd(const sigset_t& signals, Server& server) {
  NextEnd(signals, &server);
  std::thread([signals] { _exit(128 + NextEnd(signals, nullptr)); }).detach();
}

int Run(const DaemonOptions& options, const sigset_t& signals) {
  const absl::Status root = MakeRoot(options);
  if (!root.ok()) return Fail(kExitConfig, root);
  const config::v1::Logging& logging = options.config.logging();
  absl::StatusOr<std::unique_ptr<RpcLog>> log = RpcLog::Open(logging.level(), logging.file());
  if (!log.ok()) return Fail(kExitConfig, log.status());
  RouteProtobufLog(**log);
  absl::StatusOr<std::unique_ptr<LedgerSet>> ledgers = OpenLedgers(options, **log);
  if (!ledgers.ok()) return Fail(kExitStorage, ledgers.status());
  absl::StatusOr<std::unique_ptr<Server>> server =
      Server::Start(options.config, **ledgers, Clock::System(), **log, VouchedHeads(options));
  if (!server.ok()) {
    return Fail(absl::IsInvalidArgument(server.status()) ? kExitConfig : kExitListen,
                server.status());
  }
  for (const BoundListener& listener : (*server)->listeners()) {
    (*log)->Event("listening", {{"name", listener.name}, {"address", listener.address}});
  }
  if (!(*server)->tiles_address().empty()) {
    (*log)->Event("listening", {{"name", "tiles"}, {"address", (*server)->tiles_address()}});
  }
  if (!options.ready_file.empty()) {
    const absl::Status written = WriteReadyFile(options.ready_file, **server);
    if (!written.ok()) return Fail(kExitConfig, written);
  }
  WaitForEnd(signals, **server);
  (*log)->Event("drain", {});
  (*server)->Drain();
  (*log)->Event("drained", {});
  return kExitOk;
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  umask(0077);  // sockets, logs and databases are the service's alone
  signal(SIGPIPE, SIG_IGN);
  const absl::Status kept = auditledger::KeepMemoryPrivate();
  if (!kept.ok()) return auditledger::Fail(auditledger::kExitStorage, kept);
  // No memory ends the process, as a power cut would: a handler that caught it could go on with
  // half of what it was doing (tests/ledger/fault_allocation_test.cc plays it).
  std::set_new_handler(std::abort);
  // Debian's Abseil looks for deadlocks at every lock that gRPC takes: a fiftieth of our time.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  sigprocmask(SIG_BLOCK, &signals, nullptr);  // before any thread starts: all inherit it
  const auditledger::ParsedFlags flags = auditledger::ParseFlags(argc, argv);
  if (flags.exit_code >= 0) {
    std::fputs(flags.text.c_str(), flags.exit_code == 0 ? stdout : stderr);
    return flags.exit_code;
  }
  return auditledger::Run(flags.options, signals);
}
