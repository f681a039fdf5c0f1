// A small ledger in files, built once, of which copies are damaged: what was appended is kept
// outside, so that whatever a damaged copy serves can be compared with it.
#ifndef AUDITLEDGER_TESTS_LEDGER_DAMAGE_FIXTURE_H_
#define AUDITLEDGER_TESTS_LEDGER_DAMAGE_FIXTURE_H_

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ledger/fsck.h"
#include "ledger/ledger_set.h"
#include "ledger/posix_file.h"
#include "tests/ledger/ledger_fixture.h"

namespace auditledger::testing {

// On a disk in memory where there is one: thousands of opens sync some ten files each, and nothing
// here is about what survives a power cut.
class FastFolder {
 public:
  FastFolder() {
    const std::string base = ::access("/dev/shm", W_OK) == 0
                                 ? "/dev/shm"
                                 : std::filesystem::temp_directory_path().string();
    path_ = base + "/auditledger-damage-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~FastFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  FastFolder(const FastFolder&) = delete;
  FastFolder& operator=(const FastFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

inline constexpr char kDamageLedger[] = "clinic";
inline constexpr char kDamageOrigin[] = "damage.example/log";

// The four folders below `base`, and a ledger of that in them.
class DamageLedger {
 public:
  explicit DamageLedger(const std::string& base) : base_(base) {
    options_.roots = {base + "/data", base + "/state", base + "/keys", base + "/seeds"};
    options_.limits.identity_run_entries = 32;
    options_.clock = &clock;
    options_.random = &random;
  }

  // Of ledgers opened from now on; 0: no background check.
  void CheckInBackground(uint64_t entries_per_second) {
    options_.limits.check_entries_per_second = entries_per_second;
  }
  LedgerPaths Paths() const {
    const auto of = [](const std::string& root) { return root + "/" + kDamageLedger; };
    return {of(options_.roots.data_dir), of(options_.roots.state_dir), of(options_.roots.key_dir),
            of(options_.roots.seed_dir)};
  }
  void MakeRoots() const {
    MakeDirectory(base_, 0700).IgnoreError();
    for (const std::string& root : {options_.roots.data_dir, options_.roots.state_dir,
                                    options_.roots.key_dir, options_.roots.seed_dir}) {
      MakeDirectory(root, 0700).IgnoreError();
    }
  }
  // The reason of a refusal; else `ledger` is there.
  absl::Status Open() {
    Close();
    auto set = LedgerSet::Open(options_);
    if (!set.ok()) return set.status();
    set_ = *std::move(set);
    const auto found = set_->Find(kDamageLedger);
    ledger = found.value_or(nullptr);
    return found.status();
  }
  absl::Status Create() {
    MakeRoots();
    auto set = LedgerSet::Open(options_);
    if (!set.ok()) return set.status();
    set_ = *std::move(set);
    const auto made = set_->Create(kDamageLedger, kDamageOrigin);
    ledger = made.value_or(nullptr);
    return made.status();
  }
  void Close() {
    ledger = nullptr;
    set_.reset();
  }

  SealedEvent Seal(const std::string& id) {
    SealInput input;
    input.stream_sequence = 1 + std::hash<std::string>()(id) % 1000;
    input.event = MakeEvent(id, "x", {"s", input.stream_sequence});
    input.principal = "spiffe://test/emitter";
    input.stream_id = "s";
    input.event_id = id;
    input.received_at_us = 1;
    return ledger->sealer().Seal(std::move(input)).value();
  }
  absl::StatusOr<AppendOutcome> Append(const std::vector<std::string>& ids) {
    std::vector<SealedEvent> events;
    for (const std::string& id : ids) events.push_back(Seal(id));
    Answers answers;
    ledger->Append(std::move(events), answers.Slot());
    return std::move(answers.WaitAll()[0]);
  }
  absl::StatusOr<FsckReport> Check() {
    Close();
    FsckOptions options;
    options.paths = Paths();
    options.limits = options_.limits;
    return Fsck(options);
  }
  const std::string& base() const { return base_; }

  SteppedClock clock;
  CountedRandom random;
  Ledger* ledger = nullptr;

 private:
  const std::string base_;
  LedgerSetOptions options_;
  std::unique_ptr<LedgerSet> set_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_LEDGER_DAMAGE_FIXTURE_H_
