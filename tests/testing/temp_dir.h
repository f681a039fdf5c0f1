// A folder of its own for each test, removed with all its contents at the end.
#ifndef AUDITLEDGER_TESTS_TESTING_TEMP_DIR_H_
#define AUDITLEDGER_TESTS_TESTING_TEMP_DIR_H_

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

namespace auditledger::testing {

class TempDir {
 public:
  TempDir() {
    path_ = (std::filesystem::temp_directory_path() / "auditledger-XXXXXX").string();
    if (::mkdtemp(path_.data()) == nullptr) {
      std::cerr << "cannot make " << path_ << "\n";
      std::abort();
    }
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_TEMP_DIR_H_
