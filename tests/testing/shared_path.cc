#include "tests/testing/shared_path.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

namespace auditledger::testing {

std::string SharedPath(const std::string& relative) {
  const char* from_env = std::getenv("AUDITLEDGER_SHARED");
  const std::filesystem::path root = from_env != nullptr ? from_env : AUDITLEDGER_SHARED_DIR;
  const std::filesystem::path path = root / relative;
  if (std::filesystem::exists(path)) return path.string();
  if (std::getenv("CI") != nullptr) {
    std::cerr << "in CI the shared folder must be there: " << path << "\n";
    std::abort();
  }
  return "";
}

std::string SourcePath(const std::string& relative) {
  return std::string(AUDITLEDGER_SOURCE_DIR "/") + relative;
}

std::string BinaryPath(const std::string& relative) {
  return std::string(AUDITLEDGER_BINARY_DIR "/") + relative;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    std::cerr << "cannot read " << path << "\n";
    std::abort();
  }
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace auditledger::testing
