#include "ledger/strict_env_logs.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "ledger/posix_file.h"
#include "ledger/strict_env_tail.h"
#include "leveldb/slice.h"

namespace auditledger {
namespace {

using leveldb::Status;

constexpr char kLogSuffix[] = ".log";
constexpr size_t kReadBytes = 1 << 20;

class MemoryFile : public leveldb::SequentialFile {
 public:
  explicit MemoryFile(std::string bytes) : bytes_(std::move(bytes)) {}

  leveldb::Status Read(size_t n, leveldb::Slice* result, char* scratch) override {
    const size_t count = bytes_.copy(scratch, n, at_);
    at_ += count;
    *result = leveldb::Slice(scratch, count);
    return leveldb::Status::OK();
  }
  leveldb::Status Skip(uint64_t n) override {
    at_ = std::min<uint64_t>(bytes_.size(), at_ + n);
    return leveldb::Status::OK();
  }

 private:
  const std::string bytes_;
  size_t at_ = 0;
};

// All of a file, or its first `limit` bytes.
Status ReadFile(leveldb::Env& env, const std::string& name, size_t limit, std::string* out) {
  leveldb::SequentialFile* opened = nullptr;
  Status status = env.NewSequentialFile(name, &opened);
  const std::unique_ptr<leveldb::SequentialFile> file(opened);
  std::string scratch(std::min(limit, kReadBytes), '\0');
  while (status.ok() && out->size() < limit) {
    leveldb::Slice piece;
    status = file->Read(std::min(scratch.size(), limit - out->size()), &piece, scratch.data());
    if (status.ok() && piece.empty()) break;
    out->append(piece.data(), piece.size());
  }
  return status;
}

std::optional<uint64_t> LogNumber(const std::string& name) {
  uint64_t number = 0;
  const std::string stem =
      name.substr(0, name.size() - std::min(name.size(), sizeof(kLogSuffix) - 1));
  if (!IsLog(name) || !absl::SimpleAtoi(stem, &number)) return std::nullopt;
  return number;
}

// The log with content that comes next after log `name`; empty: there is none.
Status FindNextLog(leveldb::Env& env, const std::string& name, std::string* next) {
  const std::string folder = DirectoryOf(name);
  std::vector<std::string> names;
  Status status = env.GetChildren(folder, &names);
  std::optional<uint64_t> best;
  const std::optional<uint64_t> own = LogNumber(name.substr(folder.size() + 1));
  for (const std::string& other : names) {
    const std::optional<uint64_t> number = LogNumber(other);
    if (!number.has_value() || number <= own || (best.has_value() && number > best)) continue;
    const std::string path = absl::StrCat(folder, "/", other);
    uint64_t size = 0;
    status = env.GetFileSize(path, &size);
    if (!status.ok()) return status;
    if (size == 0) continue;
    best = number;
    *next = path;
  }
  return status;
}

}  // namespace

bool IsLog(const std::string& name) { return absl::EndsWith(name, kLogSuffix); }

Status OpenLog(leveldb::Env& env, const std::string& name, LogReading reading,
               leveldb::SequentialFile** result, bool* cut) {
  *result = nullptr;
  *cut = false;
  std::string next;
  std::string bytes;
  std::string next_block;
  Status status = FindNextLog(env, name, &next);
  if (status.ok()) status = ReadFile(env, name, SIZE_MAX, &bytes);
  if (status.ok() && !next.empty()) status = ReadFile(env, next, kLogBlockBytes, &next_block);
  if (!status.ok()) return status;
  bytes.resize(SizeWithoutZeros(bytes));
  if (!next.empty() || reading == LogReading::kAllWhole) {
    const absl::Status whole = CheckWholeLog(bytes, next_block);
    if (!whole.ok()) return Status::Corruption(name, std::string(whole.message()));
  } else if (reading == LogReading::kWithoutTornTail) {
    const std::optional<uint64_t> keep = TornTail(bytes);
    *cut = keep.has_value();
    bytes.resize(keep.value_or(bytes.size()));
  }
  *result = new MemoryFile(std::move(bytes));
  return status;
}

}  // namespace auditledger
