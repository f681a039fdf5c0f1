#include "ledger/log_file.h"

#include <fcntl.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/string_view.h"
#include "ledger/posix_file.h"
#include "leveldb/slice.h"

namespace auditledger {
namespace {

constexpr size_t kZerosPerWrite = 256 << 10;

leveldb::Status ToLevelDb(const PosixFile& file, const absl::Status& status) {
  if (status.ok()) return leveldb::Status::OK();
  return leveldb::Status::IOError(file.path(), std::string(status.message()));
}

class LogFile : public leveldb::WritableFile {
 public:
  LogFile(PosixFile file, std::atomic<bool>* sync_failed)
      : file_(std::move(file)), sync_failed_(sync_failed) {}
  ~LogFile() override { LogFile::Close(); }

  leveldb::Status Append(const leveldb::Slice& data) override {
    pending_.append(data.data(), data.size());
    return leveldb::Status::OK();
  }
  // LevelDB asks for it after each 32 KiB of a batch.
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override {
    absl::Status status = WriteOut();
    if (!status.ok()) return ToLevelDb(file_, status);
    status = file_.SyncData();
    if (IsSyncFailure(status)) sync_failed_->store(true);
    return ToLevelDb(file_, status);
  }
  leveldb::Status Close() override { return ToLevelDb(file_, WriteOut()); }

 private:
  // A batch that could not be written stays pending, and so does its error.
  absl::Status WriteOut() {
    if (!failed_.ok() || pending_.empty()) return failed_;
    failed_ = file_.WriteAt(written_, pending_);
    if (!failed_.ok()) return failed_;
    written_ += pending_.size();
    pending_.clear();
    failed_ = WriteZerosAhead();
    return failed_;
  }

  absl::Status WriteZerosAhead() {
    if (written_ <= zeros_end_) return absl::OkStatus();
    static const std::string* const zeros = new std::string(kZerosPerWrite, '\0');
    const uint64_t end = written_ + std::clamp(written_, kFewestZerosAhead, kMostZerosAhead);
    for (uint64_t at = written_; at < end; at += zeros->size()) {
      const size_t size = std::min<uint64_t>(zeros->size(), end - at);
      const absl::Status status = file_.WriteAt(at, absl::string_view(*zeros).substr(0, size));
      if (!status.ok()) return status;
    }
    zeros_end_ = end;
    return absl::OkStatus();
  }

  const PosixFile file_;
  std::atomic<bool>* const sync_failed_;
  std::string pending_;
  uint64_t written_ = 0;
  uint64_t zeros_end_ = 0;
  absl::Status failed_;  // of writing, for good: what the file holds behind `written_` is not known
};

}  // namespace

leveldb::Status NewLogFile(const std::string& name, std::atomic<bool>* sync_failed,
                           leveldb::WritableFile** result) {
  *result = nullptr;
  absl::StatusOr<PosixFile> file = PosixFile::Open(name, O_RDWR | O_CREAT | O_TRUNC);
  if (!file.ok()) return leveldb::Status::IOError(name, std::string(file.status().message()));
  *result = new LogFile(*std::move(file), sync_failed);
  return leveldb::Status::OK();
}

}  // namespace auditledger
