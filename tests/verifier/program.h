// auditledger-verify as a process, and a folder with a log, an export and a receipt for it to
// check.
#ifndef AUDITLEDGER_TESTS_VERIFIER_PROGRAM_H_
#define AUDITLEDGER_TESTS_VERIFIER_PROGRAM_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "merkle/base64.h"
#include "tests/verifier/run_shell.h"
#include "tests/verifier/test_export.h"

namespace auditledger::testing {

class ProgramTest : public ::testing::Test {
 protected:
  ProgramTest() {
    log_.AddEvents(40);
    ExportLog(log_, dir_.File("export"), 30);
    WriteFile(dir_.File("vkey"), log_.verifier().ToVkey() + "\n");
    WriteFile(dir_.File("pins"), log_.origin() + " " + log_.verifier().ToVkey() + "\n");
    WriteFile(dir_.File("r.tlog-proof"), log_.ReceiptFor(7, 30));
    WriteFile(dir_.File("r.event.pb"), log_.openings()[7]->event);
    WriteFile(dir_.File("index.key"),
              "auditledger-key/v1 index 1 " + EncodeBase64(log_.index_key()) + "\n");
  }

  // `arguments` may name files of the temporary folder as @file.
  Ran Run(std::string arguments, bool pinned = true) {
    for (size_t at; (at = arguments.find('@')) != std::string::npos;) {
      arguments.replace(at, 1, dir_.path() + "/");
    }
    const std::string pins =
        pinned ? absl::StrCat(" --origin ", log_.origin(), " --key ", dir_.File("vkey"),
                              " --trust-store ", dir_.File("trust"))
               : "";
    return RunShell(absl::StrCat(AUDITLEDGER_VERIFY_PROGRAM, " ", arguments, pins));
  }

  TestLog log_;
  TempDir dir_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_VERIFIER_PROGRAM_H_
