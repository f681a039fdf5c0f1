// A TestLog as an exported folder, and a temporary folder to put it in.
#ifndef AUDITLEDGER_TESTS_VERIFIER_TEST_EXPORT_H_
#define AUDITLEDGER_TESTS_VERIFIER_TEST_EXPORT_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_log.h"
#include "verifier/export_dir.h"

namespace auditledger::testing {

// Removed with all that is in it.
class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "auditledger-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string WriteFile(const std::string& path, const std::string& bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

// Continues the export in `dir` to `size`, without signing it.
inline absl::StatusOr<std::unique_ptr<ExportWriter>> AppendExport(TestLog& log,
                                                                  const std::string& dir,
                                                                  uint64_t size,
                                                                  bool with_payloads = true) {
  absl::StatusOr<std::unique_ptr<ExportWriter>> writer = ExportWriter::Open(dir);
  if (!writer.ok()) return writer;
  for (uint64_t i = (*writer)->size(); i < size; ++i) {
    const absl::Status status =
        (*writer)->Append(log.leaves()[i], with_payloads ? log.openings()[i] : std::nullopt);
    if (!status.ok()) return status;
  }
  return writer;
}

// The whole log, signed.
inline void ExportLog(TestLog& log, const std::string& dir, uint64_t size,
                      bool with_payloads = true) {
  ASSERT_OK_AND_ASSIGN(const auto writer, AppendExport(log, dir, size, with_payloads));
  ASSERT_OK(writer->Finish(log.CheckpointAt(size)));
}
inline void ExportLog(TestLog& log, const std::string& dir) { ExportLog(log, dir, log.size()); }

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_VERIFIER_TEST_EXPORT_H_
