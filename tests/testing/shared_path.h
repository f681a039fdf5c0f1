// Where the public vectors and real events lie. They are read from ../shared and never copied.
#ifndef AUDITLEDGER_TESTS_TESTING_SHARED_PATH_H_
#define AUDITLEDGER_TESTS_TESTING_SHARED_PATH_H_

#include <string>

namespace auditledger::testing {

// Absolute path of ../shared/<relative>, or "" when the shared folder is absent. AUDITLEDGER_SHARED
// in the environment overrides the folder configured by CMake. In CI (CI=true) an absent folder is
// a failure, so that a skipped test cannot look passed.
std::string SharedPath(const std::string& relative);

// A file of the repository, and one of the build folder. Functions rather than macros for all
// tests, so that a compiler cache serves clones in other folders.
std::string SourcePath(const std::string& relative);
std::string BinaryPath(const std::string& relative);

// The whole file; aborts the test program when it cannot be read.
std::string ReadFile(const std::string& path);

}  // namespace auditledger::testing

// First line of a test that needs ../shared.
#define REQUIRE_SHARED(relative)                            \
  if (::auditledger::testing::SharedPath(relative).empty()) \
  GTEST_SKIP() << "needs ../shared/" << (relative) << ", which is absent"

#endif  // AUDITLEDGER_TESTS_TESTING_SHARED_PATH_H_
