#include "ledger/secret_command.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

absl::StatusOr<std::string> RunIt(const std::vector<std::string>& words,
                                  const SecretCommandLimits& limits = {}) {
  absl::StatusOr<SecretString> text = RunSecretCommand(words, limits);
  if (!text.ok()) return text.status();
  return std::string(text->Reveal());
}
absl::StatusOr<std::string> Shell(const std::string& script,
                                  const SecretCommandLimits& limits = {}) {
  return RunIt({"/bin/sh", "-c", script}, limits);
}

TEST(SecretCommandTest, GivesWhatTheProgramPrints) {
  EXPECT_EQ(RunIt({"/bin/echo", "one", "two  three", "$HOME;*"}).value(),
            "one two  three $HOME;*\n")
      << "no shell looks at it";
  EXPECT_EQ(Shell("printf a; printf b; exec >&-; exit 0").value(), "ab");
  EXPECT_EQ(RunIt({"/bin/true"}).value(), "");
}

TEST(SecretCommandTest, HasThisProcessesEnvironmentAndNoneOfItsSignals) {
  ASSERT_EQ(::setenv("AUDITLEDGER_COMMAND_TEST", "seen", 1), 0);
  EXPECT_EQ(Shell("echo $AUDITLEDGER_COMMAND_TEST").value(), "seen\n");
  ::unsetenv("AUDITLEDGER_COMMAND_TEST");
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &term, &before), 0);
  EXPECT_THAT(Shell("kill -TERM $$; echo unreached"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("signal 15")));
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
}

TEST(SecretCommandTest, AFailureIsSaidWithoutWhatWasPrinted) {
  EXPECT_THAT(Shell("echo secret; exit 3"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("exit code 3"), Not(HasSubstr("secret")))));
  EXPECT_THAT(RunIt({"/nowhere/program"}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nowhere/program")));
  EXPECT_THAT(RunIt({"/etc/passwd"}), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST(SecretCommandTest, PrintsNoMoreThanItMay) {
  SecretCommandLimits limits;
  limits.max_bytes = 10;
  EXPECT_EQ(RunIt({"/usr/bin/printf", "0123456789"}, limits).value(), "0123456789");
  EXPECT_THAT(RunIt({"/usr/bin/printf", "0123456789a"}, limits),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("10 bytes")));
  EXPECT_THAT(RunIt({"/usr/bin/yes"}), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(SecretCommandTest, IsKilledWhenItTakesTooLong) {
  SecretCommandLimits limits;
  limits.deadline = std::chrono::milliseconds(50);
  EXPECT_THAT(RunIt({"/bin/sleep", "600"}, limits), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(Shell("echo early; exec >&-; exec sleep 600", limits),
              StatusIs(absl::StatusCode::kDeadlineExceeded))
      << "also when it has printed all";
}

}  // namespace
}  // namespace auditledger
