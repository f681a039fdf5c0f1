// A LevelDB Env whose files fail on demand. A header only, since whoever includes it has LevelDB
// linked.
//
// Thread-safe.
#ifndef AUDITLEDGER_TESTS_TESTING_FAULT_ENV_H_
#define AUDITLEDGER_TESTS_TESTING_FAULT_ENV_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "leveldb/env.h"
#include "leveldb/slice.h"

namespace auditledger::testing {

class FaultEnv : public leveldb::EnvWrapper {
 public:
  FaultEnv() : EnvWrapper(leveldb::Env::Default()) {}

  // How many more appends to write-ahead logs ("*.log") go well. The one after fails, once, and
  // leaves half of its bytes.
  std::atomic<int64_t> good_appends{INT64_MAX};
  // At most so many bytes of each sequential read.
  std::atomic<size_t> read_at_most{SIZE_MAX};

  leveldb::Status NewSequentialFile(const std::string& name,
                                    leveldb::SequentialFile** result) override {
    leveldb::SequentialFile* file = nullptr;
    const leveldb::Status status = target()->NewSequentialFile(name, &file);
    *result = status.ok() ? new ShortFile(file, *this) : nullptr;
    return status;
  }
  leveldb::Status NewWritableFile(const std::string& name,
                                  leveldb::WritableFile** result) override {
    leveldb::WritableFile* file = nullptr;
    const leveldb::Status status = target()->NewWritableFile(name, &file);
    const bool is_log = name.size() > 4 && name.substr(name.size() - 4) == ".log";
    *result = status.ok() && is_log ? new FailingFile(file, *this) : file;
    return status;
  }

 private:
  class ShortFile : public leveldb::SequentialFile {
   public:
    ShortFile(leveldb::SequentialFile* file, FaultEnv& env) : file_(file), env_(env) {}
    leveldb::Status Read(size_t n, leveldb::Slice* result, char* scratch) override {
      return file_->Read(std::min(n, env_.read_at_most.load()), result, scratch);
    }
    leveldb::Status Skip(uint64_t n) override { return file_->Skip(n); }

   private:
    const std::unique_ptr<leveldb::SequentialFile> file_;
    FaultEnv& env_;
  };

  class FailingFile : public leveldb::WritableFile {
   public:
    FailingFile(leveldb::WritableFile* file, FaultEnv& env) : file_(file), env_(env) {}
    leveldb::Status Append(const leveldb::Slice& data) override {
      if (env_.good_appends-- != 0) return file_->Append(data);
      const leveldb::Status half = file_->Append(leveldb::Slice(data.data(), data.size() / 2));
      return half.ok() ? leveldb::Status::IOError("append", "injected") : half;
    }
    leveldb::Status Close() override { return file_->Close(); }
    leveldb::Status Flush() override { return file_->Flush(); }
    leveldb::Status Sync() override { return file_->Sync(); }

   private:
    const std::unique_ptr<leveldb::WritableFile> file_;
    FaultEnv& env_;
  };
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_FAULT_ENV_H_
