// LevelDB alone, with the bytes, keys and syncs of the ledger's commits: what the write path could
// reach if nothing but storing cost anything.
//
// Replays a real ledger's database (DIR/log of a stopped ledger): its records in order of their
// index, with their very keys and values, N entries a commit, the tiles that a commit of N changes,
// and the head; one synced WriteBatch for each commit. With --all-syncs also the two small files a
// commit syncs beside it: the secrets' slots (64 bytes an entry, in files of zeros made before) and
// the signer's slot (4 KiB, overwritten). What is stored for an index is found by key, so the
// baseline follows the ledger's format.
//
//   raw_leveldb_bench LOG_DIR SCRATCH_DIR --batch 1000 [--seconds 2] [--all-syncs]
//
// Prints "ENTRIES_PER_SECOND MEDIAN_MS P99_MS BYTES_PER_ENTRY CPU_US_PER_ENTRY". When the records
// end it begins again with an empty database.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ledger/key_format.h"
#include "ledger/leveldb_engine.h"
#include "ledger/seed_store.h"
#include "ledger/tree_edge.h"
#include "leveldb/cache.h"
#include "leveldb/db.h"
#include "leveldb/write_batch.h"

namespace auditledger {
namespace {

using Clock = std::chrono::steady_clock;
using Records = std::vector<std::pair<std::string, std::string>>;

// Entries held in memory: at 1.2 KB an event about 200 MB.
constexpr uint64_t kMaxEntries = 100'000;
constexpr size_t kSignerSlotBytes = 4096;

struct Options {
  std::string log_dir;
  std::string scratch;
  size_t batch = 1000;
  double seconds = 2;
  bool all_syncs = false;
};

[[noreturn]] void Fail(const std::string& what) {
  std::cerr << "raw_leveldb_bench: " << what << "\n";
  std::exit(1);
}

void Require(const leveldb::Status& status) {
  if (!status.ok()) Fail(status.ToString());
}

std::unique_ptr<leveldb::DB> Open(const std::string& path, bool create, leveldb::Cache* cache) {
  const LevelDbOptions ours;
  leveldb::Options options;
  options.create_if_missing = create;
  options.paranoid_checks = true;
  SetTableOptions(options);
  options.write_buffer_size = ours.write_buffer_bytes;
  options.max_open_files = ours.max_open_files;
  options.block_cache = cache;
  leveldb::DB* db = nullptr;
  Require(leveldb::DB::Open(options, path, &db));
  return std::unique_ptr<leveldb::DB>(db);
}

// Of the entry that a key belongs to; none for tiles, streams and the head.
std::optional<uint64_t> IndexOf(absl::string_view key) {
  for (RecordKind kind : {RecordKind::kLeaf, RecordKind::kPayload, RecordKind::kIdentity}) {
    const absl::StatusOr<uint64_t> index = IndexOfRecordKey(kind, key);
    if (index.ok()) return *index;
  }
  return std::nullopt;
}

// By index, everything that is stored for it.
std::vector<Records> ReadEntries(leveldb::DB& db) {
  std::vector<Records> entries;
  const std::unique_ptr<leveldb::Iterator> it(db.NewIterator({}));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const std::string key = it->key().ToString();
    const std::optional<uint64_t> index = IndexOf(key);
    if (!index.has_value() || *index >= kMaxEntries) continue;
    if (*index >= entries.size()) entries.resize(*index + 1);
    entries[*index].emplace_back(key, it->value().ToString());
  }
  Require(it->status());
  return entries;
}

// One commit, ready to be written.
struct Commit {
  const Records* first = nullptr;
  size_t entries = 0;
  std::vector<std::pair<std::string, std::string>> tiles;
};

std::vector<Commit> Plan(const std::vector<Records>& entries, size_t batch) {
  std::vector<Commit> commits;
  TreeEdge edge;
  for (size_t at = 0; at + batch <= entries.size(); at += batch) {
    Commit commit{&entries[at], batch, {}};
    for (size_t i = at; i < at + batch; ++i) {
      for (const auto& [key, value] : entries[i]) {
        if (IndexOfRecordKey(RecordKind::kLeaf, key).ok()) edge.Append(LeafHash(value));
      }
    }
    for (auto& [id, bytes] : edge.TakeChangedTiles()) {
      commit.tiles.emplace_back(TileKey(id), std::move(bytes));
    }
    commits.push_back(std::move(commit));
  }
  return commits;
}

// A file of zeros that is overwritten in place and synced.
class SyncedFile {
 public:
  SyncedFile(const std::string& path, size_t bytes) : bytes_(bytes) {
    fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    const std::string zeros(bytes, '\0');
    if (fd_ < 0 || write(fd_, zeros.data(), bytes) != static_cast<ssize_t>(bytes) ||
        fsync(fd_) != 0) {
      Fail("cannot write " + path);
    }
  }
  ~SyncedFile() { close(fd_); }
  SyncedFile(const SyncedFile&) = delete;
  SyncedFile& operator=(const SyncedFile&) = delete;
  void Overwrite(size_t offset, const std::string& bytes) const {
    const auto at = static_cast<off_t>(offset % (bytes_ - bytes.size() + 1));
    if (pwrite(fd_, bytes.data(), bytes.size(), at) != static_cast<ssize_t>(bytes.size()) ||
        fdatasync(fd_) != 0) {
      Fail("cannot overwrite");
    }
  }

 private:
  const size_t bytes_;
  int fd_ = -1;
};

size_t Write(leveldb::DB& db, const Commit& commit) {
  leveldb::WriteBatch batch;
  for (size_t i = 0; i < commit.entries; ++i) {
    for (const auto& [key, value] : commit.first[i]) batch.Put(key, value);
  }
  for (const auto& [key, value] : commit.tiles) batch.Put(key, value);
  batch.Put(kHeadKey, EncodeHead({}));
  leveldb::WriteOptions synced;
  synced.sync = true;
  Require(db.Write(synced, &batch));
  return batch.ApproximateSize();
}

double CpuSeconds() {
  rusage use = {};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

int Main(const Options& options) {
  const std::unique_ptr<leveldb::Cache> cache(
      leveldb::NewLRUCache(LevelDbOptions().block_cache_bytes));
  const std::vector<Records> entries =
      ReadEntries(*Open(options.log_dir, /*create=*/false, cache.get()));
  const std::vector<Commit> commits = Plan(entries, options.batch);
  if (commits.empty()) Fail("the ledger has fewer entries than a batch");
  const std::string path = options.scratch + "/raw." + std::to_string(getpid());
  std::filesystem::create_directories(path);
  const SyncedFile secrets(path + "/secrets", kSeedSlotsPerSegment * kSeedSlotBytes);
  const SyncedFile signer(path + "/signer", 2 * kSignerSlotBytes);
  const std::string slots(options.batch * kSeedSlotBytes, 's');
  const std::string slot(kSignerSlotBytes, 'g');

  std::unique_ptr<leveldb::DB> db;
  std::vector<double> millis;
  size_t bytes = 0;
  double busy = 0;
  size_t next = 0;
  const double cpu_before = CpuSeconds();
  while (busy < options.seconds) {
    if (next == 0) {
      db.reset();
      std::filesystem::remove_all(path + "/db");
      db = Open(path + "/db", /*create=*/true, cache.get());
    }
    const auto begin = Clock::now();
    if (options.all_syncs) secrets.Overwrite(next * slots.size(), slots);
    bytes += Write(*db, commits[next]);
    if (options.all_syncs) signer.Overwrite(millis.size() % 2 * slot.size(), slot);
    millis.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    busy += millis.back() / 1000;
    next = (next + 1) % commits.size();
  }
  const double cpu = CpuSeconds() - cpu_before;
  db.reset();
  std::filesystem::remove_all(path);
  const double written = static_cast<double>(millis.size() * options.batch);
  std::sort(millis.begin(), millis.end());
  std::printf("%.0f %.3f %.3f %.0f %.3f\n", written / busy, millis[millis.size() / 2],
              millis[millis.size() * 99 / 100], static_cast<double>(bytes) / written,
              cpu * 1e6 / written);
  return 0;
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  auditledger::Options options;
  CLI::App app{"Writes a ledger's records to LevelDB alone, in its commits."};
  app.add_option("log_dir", options.log_dir, "a stopped ledger's database")->required();
  app.add_option("scratch", options.scratch, "an existing folder on the same disk")->required();
  app.add_option("--batch", options.batch, "entries of a commit")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds)->capture_default_str();
  app.add_flag("--all-syncs", options.all_syncs, "with the secrets' and the signer's files");
  CLI11_PARSE(app, argc, argv);
  return auditledger::Main(options);
}
