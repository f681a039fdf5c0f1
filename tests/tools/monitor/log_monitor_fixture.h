// A monitor on a disk in memory, malicious servers, and a third party who judges its evidence.
//
// Thread-safety: none.
#ifndef AUDITLEDGER_TESTS_TOOLS_MONITOR_LOG_MONITOR_FIXTURE_H_
#define AUDITLEDGER_TESTS_TOOLS_MONITOR_LOG_MONITOR_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ledger/posix_file.h"
#include "merkle/cosignature.h"
#include "tests/ledger/fault_disk.h"
#include "tests/testing/status_matchers.h"
#include "tests/tools/monitor/malicious_server.h"
#include "tools/monitor_log.h"

namespace auditledger::testing {

// The monitor writes to a disk in memory: no sync is waited for, and it may die at any call.
class LogMonitorFixture : public ::testing::Test {
 protected:
  LogMonitorFixture() { SetFileSystemForTesting(&disk_); }
  ~LogMonitorFixture() override {
    monitor_.reset();
    SetFileSystemForTesting(nullptr);
  }

  // Servers outlive the monitor: it keeps connections open, which they would wait for.
  MaliciousServer& Serve(TestLog& log) {
    return *servers_.emplace_back(std::make_unique<MaliciousServer>(log));
  }
  // As a process that starts.
  absl::Status Start(const TestLog& log, std::vector<std::string> places) {
    monitor_.reset();
    auto opened =
        LogMonitor::Open({"clinic", log.verifier(), std::move(places), witnesses_}, dir_, limits_);
    if (!opened.ok()) return opened.status();
    monitor_ = *std::move(opened);
    now_us_ = log.NextTime();
    return absl::OkStatus();
  }
  RoundReport Round() {
    const absl::StatusOr<RoundReport> report = monitor_->Round(now_us_);
    EXPECT_OK(report);
    return report.value_or(RoundReport());
  }
  static std::vector<std::string> Kinds(const RoundReport& report) {
    std::vector<std::string> kinds;
    for (const MonitorFinding& finding : report.findings) kinds.push_back(finding.kind);
    return kinds;
  }
  // As a third party: from the file and the pins alone.
  absl::StatusOr<std::string> Judge(const MonitorFinding& finding, const TestLog& log) {
    const absl::StatusOr<std::string> text = ReadWholeFile(finding.evidence, kMaxEvidenceBytes);
    if (!text.ok()) return text;
    const absl::StatusOr<Evidence> evidence = ParseEvidence(*text);
    if (!evidence.ok()) return evidence.status();
    return CheckEvidence(*evidence, {log.origin(), log.verifier(), witnesses_});
  }
  absl::Status JudgeIfAny(const MonitorFinding* finding, const TestLog& log) {
    return finding == nullptr ? absl::OkStatus() : Judge(*finding, log).status();
  }
  static const MonitorFinding* Proven(const RoundReport& report) {
    for (const MonitorFinding& finding : report.findings) {
      if (!finding.evidence.empty()) return &finding;
    }
    return nullptr;
  }
  void Forget() { dir_ = absl::StrCat("/monitor-", ++folders_); }

  std::vector<std::unique_ptr<MaliciousServer>> servers_;
  FaultDisk disk_;
  std::string dir_ = "/monitor";
  int folders_ = 0;
  MonitorLimits limits_;
  std::vector<NoteVerifier> witnesses_;
  uint64_t now_us_ = 0;
  std::unique_ptr<LogMonitor> monitor_;
};

inline std::string Cosigned(TestLog& log, uint64_t size, const NoteVerifier& witness,
                            uint64_t time) {
  Note note = ParseNote(log.CheckpointAt(size)).value();
  note.signatures.push_back(
      MakeCosignature(witness, time, TestSignature(7, CosignatureMessage(time, note.text)))
          .value());
  return FormatNote(note);
}

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TOOLS_MONITOR_LOG_MONITOR_FIXTURE_H_
