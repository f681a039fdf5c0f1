// What stalls commits while millions of events are appended as fast as they go, by cause.
//
//   stall_bench [--entries 3000000] [--event-bytes 300] [--folder DIR]
//
// Below LevelDB and below our own files lies a layer that measures what a commit waits for: the
// syncs of key store, log and signer's state, our own deliberate waits (leveldb_engine.h, "Pace"),
// and LevelDB's for its background thread, which it tells its log. Each is told by the clock and
// without the time in which the thread was ready and had no processor (/proc, schedstat), which on
// a busy host is most of it.
//
// Exits 1 when one commit waited over 100 ms in all, counted the second way.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/ledger.h"
#include "ledger/leveldb_engine.h"
#include "ledger/posix_file_system.h"
#include "ledger/strict_env_logs.h"
#include "leveldb/env.h"
#include "tests/bench/ledger_filler.h"
#include "tools/load_plan.h"

namespace auditledger {
namespace {

constexpr int64_t kMaxStallNs = 100'000'000;

// Nanoseconds for which this thread was ready to run and another ran in its place.
int64_t UnscheduledNs() {
  static thread_local const int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  std::array<char, 64> text{};
  long long ran = 0;
  long long waited = 0;
  if (pread(fd, text.data(), text.size() - 1, 0) <= 0) return 0;
  if (std::sscanf(text.data(), "%lld %lld", &ran, &waited) != 2) return 0;
  return waited;
}

enum Cause { kKeyStore, kLog, kSigner, kPace, kLevelDb, kCauses };
constexpr std::array<const char*, kCauses> kCauseNames = {
    "key store's sync", "log's writes and sync", "signer's state's sync", "deliberate waits",
    "LevelDB's waits"};

struct Sum {
  uint64_t count = 0;
  int64_t total_ns = 0;
  int64_t longest_ns = 0;
  int64_t longest_wall_ns = 0;
};

class Stalls {
 public:
  void Add(Cause cause, int64_t wall_ns, int64_t ns) {
    const std::lock_guard lock(mutex_);
    // A commit begins with the syncs of its secrets and ends with the signer's state.
    if (cause == kKeyStore && last_ == kSigner) this_commit_ns_ = 0;
    last_ = cause;
    this_commit_ns_ += ns;
    longest_commit_ns_ = std::max(longest_commit_ns_, this_commit_ns_);
    Sum& sum = sums_[cause];
    ++sum.count;
    sum.total_ns += ns;
    sum.longest_ns = std::max(sum.longest_ns, ns);
    sum.longest_wall_ns = std::max(sum.longest_wall_ns, wall_ns);
  }
  const Sum& of(Cause cause) const { return sums_[cause]; }
  int64_t longest_commit_ns() const { return longest_commit_ns_; }

 private:
  std::mutex mutex_;
  std::array<Sum, kCauses> sums_;
  Cause last_ = kSigner;
  int64_t this_commit_ns_ = 0;
  int64_t longest_commit_ns_ = 0;
};

Stalls g_stalls;

// From its making to End.
class Wait {
 public:
  void Begin() { began_ns_ = LoadNow(), unscheduled_ns_ = UnscheduledNs(); }
  void End(Cause cause) {
    if (began_ns_ == 0) return;
    const int64_t wall_ns = LoadNow() - began_ns_;
    g_stalls.Add(cause, wall_ns,
                 std::max<int64_t>(0, wall_ns - (UnscheduledNs() - unscheduled_ns_)));
    began_ns_ = 0;
  }

 private:
  int64_t began_ns_ = 0;
  int64_t unscheduled_ns_ = 0;
};

// Begun by a line of LevelDB's own notes, ended by the committing thread's next write to the log.
thread_local Wait t_leveldb;

class TimedLogger : public leveldb::Logger {
 public:
  void Logv(const char* format, va_list) override {
    if (absl::StrContains(format, "waiting")) t_leveldb.Begin();
  }
};

class TimedEnv : public leveldb::EnvWrapper {
 public:
  TimedEnv() : EnvWrapper(leveldb::Env::Default()) {}
  leveldb::Status NewLogger(const std::string&, leveldb::Logger** result) override {
    *result = new TimedLogger;
    return leveldb::Status::OK();
  }
  void SleepForMicroseconds(int micros) override {
    Wait wait;
    wait.Begin();
    target()->SleepForMicroseconds(micros);
    wait.End(kPace);
  }
};

// The machine's, with what a commit waits for timed.
class TimedFiles : public FileSystem {
 public:
  int Open(const std::string& path, int flags, mode_t mode) override {
    const int fd = machine_.Open(path, flags, mode);
    const std::lock_guard lock(mutex_);
    if (fd >= 0) paths_[fd] = path;
    return fd;
  }
  int Close(int fd) override { return machine_.Close(fd); }
  ssize_t Pread(int fd, char* out, size_t size, off_t offset) override {
    return machine_.Pread(fd, out, size, offset);
  }
  ssize_t Pwrite(int fd, const char* bytes, size_t size, off_t offset) override {
    if (!IsLog(PathOf(fd))) return machine_.Pwrite(fd, bytes, size, offset);
    t_leveldb.End(kLevelDb);
    return Timed(fd, [&] { return machine_.Pwrite(fd, bytes, size, offset); });
  }
  int Fsync(int fd) override {
    return Timed(fd, [&] { return machine_.Fsync(fd); });
  }
  int Fdatasync(int fd) override {
    return Timed(fd, [&] { return machine_.Fdatasync(fd); });
  }
  int Fstat(int fd, struct stat* info) override { return machine_.Fstat(fd, info); }
  int Fchmod(int fd, mode_t mode) override { return machine_.Fchmod(fd, mode); }
  int Flock(int fd, int operation) override { return machine_.Flock(fd, operation); }
  int Stat(const std::string& path, struct stat* info) override {
    return machine_.Stat(path, info);
  }
  int Lstat(const std::string& path, struct stat* info) override {
    return machine_.Lstat(path, info);
  }
  int Mkdir(const std::string& path, mode_t mode) override { return machine_.Mkdir(path, mode); }
  int Unlink(const std::string& path) override { return machine_.Unlink(path); }
  int Rename(const std::string& from, const std::string& to) override {
    return machine_.Rename(from, to);
  }
  int Link(const std::string& from, const std::string& to) override {
    return machine_.Link(from, to);
  }
  int List(const std::string& dir, std::vector<std::string>* names) override {
    return machine_.List(dir, names);
  }

 private:
  std::string PathOf(int fd) {
    const std::lock_guard lock(mutex_);
    return paths_[fd];
  }
  template <typename Call>
  std::invoke_result_t<Call> Timed(int fd, Call call) {
    const std::string path = PathOf(fd);
    Wait wait;
    wait.Begin();
    const auto result = call();
    if (absl::StrContains(path, "/seeds")) wait.End(kKeyStore);
    if (IsLog(path)) wait.End(kLog);
    if (absl::StrContains(path, "signer.state")) wait.End(kSigner);
    return result;
  }

  FileSystem& machine_ = FileSystem::Machine();
  std::mutex mutex_;
  std::map<int, std::string> paths_;
};

double Ms(int64_t ns) { return static_cast<double>(ns) * 1e-6; }

int Run(const std::string& folder, uint64_t entries, size_t event_bytes) {
  LedgerOptions options;
  options.origin = "bench.example.org/stalls";
  options.paths = {folder + "/data", folder + "/state", folder + "/keys", folder + "/seeds"};
  auto ledger = Ledger::Create(options);
  if (!ledger.ok()) {
    std::cerr << ledger.status().ToString() << '\n';
    return 1;
  }
  const int64_t began_ns = LoadNow();
  LedgerFiller filler(**ledger, event_bytes, false);
  filler.Fill(entries);
  const double seconds = static_cast<double>(LoadNow() - began_ns) * 1e-9;
  (*ledger)->Drain();
  std::printf("%llu events at %.0f/s, batches of %llu\n", static_cast<unsigned long long>(entries),
              static_cast<double>(entries) / seconds,
              static_cast<unsigned long long>(LedgerFiller::kBatch));
  const auto at = [&](double share) {
    return Ms(static_cast<int64_t>(filler.answers().Percentile(share)));
  };
  std::printf(
      "answers by the clock: p50 %.1f, p99 %.1f, p99.9 %.1f, longest %.1f ms; "
      "longest gap between two %.1f ms\n",
      at(0.5), at(0.99), at(0.999), at(1), Ms(filler.longest_gap_ns()));
  std::printf("%-24s %8s %12s %12s %16s\n", "a commit waits for", "times", "in all, s",
              "longest, ms", "by the clock, ms");
  for (int i = 0; i < kCauses; ++i) {
    const Sum& sum = g_stalls.of(static_cast<Cause>(i));
    std::printf("%-24s %8llu %12.2f %12.1f %16.1f\n", kCauseNames[i],
                static_cast<unsigned long long>(sum.count), Ms(sum.total_ns) * 1e-3,
                Ms(sum.longest_ns), Ms(sum.longest_wall_ns));
  }
  const bool good = g_stalls.longest_commit_ns() <= kMaxStallNs;
  std::printf("longest of one commit, all causes: %.1f ms: %s\n", Ms(g_stalls.longest_commit_ns()),
              good ? "PASS" : "FAIL");
  return good ? 0 : 1;
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  using namespace auditledger;  // NOLINT: a program
  CLI::App app{"What stalls commits, by cause."};
  uint64_t entries = 3'000'000;
  size_t event_bytes = 300;
  std::string base = ".";
  app.add_option("--entries", entries)->capture_default_str();
  app.add_option("--event-bytes", event_bytes)->capture_default_str();
  app.add_option("--folder", base, "where the ledger is made")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  TimedEnv env;
  TimedFiles files;
  SetBaseEnvForTesting(&env);
  SetFileSystemForTesting(&files);
  const std::string folder = absl::StrCat(base, "/stall_bench.", getpid());
  std::filesystem::create_directories(folder);
  const int code = Run(folder, entries, event_bytes);
  std::filesystem::remove_all(folder);
  return code;
}
