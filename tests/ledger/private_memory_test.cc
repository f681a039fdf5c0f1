#include "ledger/private_memory.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "ledger/secret_string.h"

namespace auditledger {
namespace {

// Runs `body` in a child: what it sets is for good. Its wait status.
template <typename Body>
int InChild(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

TEST(PrivateMemory, LeavesNoCoreAndIsNobodysToRead) {
  const int status = InChild([] {
    if (!KeepMemoryPrivate().ok()) return 1;
    rlimit core{1, 1};
    if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0) return 2;
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : 3;
  });
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

TEST(PrivateMemory, KeysLieInAHeapOfTheirOwnAndAreWipedThere) {
  const int status = InChild([] {
    if (!KeepMemoryPrivate().ok()) return 1;
    const char* at = nullptr;
    {
      const SecretString key(std::string(48, 'k'));
      at = key.Reveal().data();
      if (CRYPTO_secure_allocated(at) == 0) return 2;
    }
    // The heap is this process's until it ends, so that what was freed may be looked at.
    const char zeros[48] = {};
    // Behind the two pointers of the list of free pieces.
    return std::memcmp(at + 16, zeros + 16, 32) == 0 ? 0 : 3;
  });
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

TEST(PrivateMemory, MoreKeysThanFitAreKeptElsewhere) {
  const int status = InChild([] {
    if (!KeepMemoryPrivate().ok()) return 1;
    std::vector<SecretString> keys;
    while (keys.size() <= kSecureHeapBytes / 1024) keys.emplace_back(std::string(1024, 'k'));
    if (CRYPTO_secure_allocated(keys.front().Reveal().data()) == 0) return 2;
    if (CRYPTO_secure_allocated(keys.back().Reveal().data()) != 0) return 3;
    return keys.back().Reveal() == std::string(1024, 'k') ? 0 : 4;
  });
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

TEST(PrivateMemory, AProcessThatCrashesDumpsNothing) {
  const int status = InChild([] {
    if (!KeepMemoryPrivate().ok()) return 1;
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    return 2;
  });
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGSEGV);
  EXPECT_FALSE(WCOREDUMP(status));
}

}  // namespace
}  // namespace auditledger
