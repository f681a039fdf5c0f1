#include "ledger/private_memory.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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
