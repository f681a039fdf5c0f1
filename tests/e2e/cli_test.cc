// The programs as a user runs them, on loopback: auditledgerd, auditctl, auditledger-verify,
// auditledger-generate.
//
// Covers: api/daemon
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/processes.h"
#include "tests/testing/shared_path.h"

namespace auditledger::testing {
namespace {

using ::nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int kUnwitnessed = 3;  // of auditledger-verify: verified, and no policy was given
constexpr char kOrigin[] = "audit.example.org/clinic";
// Of the client's certificate of `auditctl dev-certs`.
constexpr char kDevPrincipal[] = "spiffe://hospital.example/client";

std::vector<std::string> Lines(const std::string& text) {
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

// One server with one ledger for all tests of this file.
class CliTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder();
    const std::string certs = folder_->path() + "/certs";
    const Ran made = RunProgram({Program("auditctl"), "dev-certs", certs});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    daemon_ = new Daemon(folder_->path(), {"--listen", DevListener(certs), "--access_policy",
                                           certs + "/access.policy"});
    const Ran created = Ctl({"create-ledger", "clinic", "--origin", kOrigin, "--json"});
    ASSERT_EQ(created.exit_code, 0) << created.err << daemon_->log();
    vkey_ = json::parse(created.out)["vkey"];
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(daemon_->Terminate(), 0) << daemon_->log();
    delete daemon_;
    delete folder_;
  }

  static Ran Ctl(const std::vector<std::string>& arguments, const std::string& input = "") {
    return RunCtl({daemon_->address(), folder_->path() + "/certs", vkey_}, arguments, input);
  }
  static Ran Verify(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--trust-store", folder_->path() + "/trust"});
    return VerifyPinned(std::move(arguments));
  }
  // By itself: receipts of different heads need a proof between them where a head is remembered.
  static Ran VerifyReceipt(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "receipt");
    arguments.push_back("--no-trust-store");
    return VerifyPinned(std::move(arguments));
  }
  static Ran VerifyPinned(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), Program("auditledger-verify"));
    arguments.insert(arguments.end(), {"--origin", kOrigin, "--key", vkey_});
    return RunProgram(arguments);
  }
  static std::string Path(const std::string& name) { return folder_->path() + "/" + name; }
  static uint64_t Size() { return json::parse(Ctl({"checkpoint", "--json"}).out)["size"]; }

  static TempFolder* folder_;
  static Daemon* daemon_;
  static std::string vkey_;
};
TempFolder* CliTest::folder_ = nullptr;
Daemon* CliTest::daemon_ = nullptr;
std::string CliTest::vkey_;

std::string Event(const std::string& id, const std::string& more = "") {
  return absl::StrCat(
      R"({"eventId":")", id,
      R"(","schemaVersion":1,"recorded":{"at":"2025-03-03T10:00:00Z","utcOffsetMinutes":0},)",
      R"("category":[{"coding":[{"code":"110110"}]}],"action":"ACTION_READ",)",
      R"("outcome":{"indicator":"INDICATOR_SUCCESS"},)",
      R"("agent":[{"who":{"reference":"Practitioner/p1"},"requestor":true}],)",
      R"("source":{"observer":{"reference":"Device/d1"},"streamId":"cli"})", more, "}\n");
}

std::vector<std::string> RealFhirEvents() {
  std::vector<std::string> out;
  for (const char* name : {"testdata/events/fhir-r4", "testdata/events/ihe-balp-1.1.4"}) {
    for (const auto& entry : std::filesystem::directory_iterator(SharedPath(name))) {
      if (absl::StartsWith(entry.path().filename().string(), "AuditEvent-")) {
        out.push_back(entry.path().string());
      }
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

TEST_F(CliTest, TheRealFhirEventsComeBackEqualWithReceiptsThatVerifyOffline) {
  REQUIRE_SHARED("testdata/events/fhir-r4");
  const std::vector<std::string> files = RealFhirEvents();
  ASSERT_THAT(files, SizeIs(55));
  std::vector<std::string> arguments = {"append", "--stream",   "fhir",          "--number-from",
                                        "1",      "--receipts", Path("receipts")};
  arguments.insert(arguments.end(), files.begin(), files.end());
  const Ran appended = Ctl(arguments);
  ASSERT_EQ(appended.exit_code, 0) << appended.err;
  const std::vector<std::string> rows = Lines(appended.out);
  ASSERT_THAT(rows, SizeIs(55));
  for (size_t i = 0; i < files.size(); ++i) {
    SCOPED_TRACE(files[i]);
    const std::string index = rows[i].substr(0, rows[i].find('\t'));
    const Ran got = Ctl({"get", index, "--format", "fhir-r4"});
    ASSERT_EQ(got.exit_code, 0) << got.err;
    EXPECT_EQ(json::parse(got.out), json::parse(ReadFile(files[i])));
    const std::string base = Path("receipts/") + std::string(12 - index.size(), '0') + index;
    const Ran verified = VerifyReceipt({base + ".tlog-proof", "--event", base + ".event.pb"});
    EXPECT_EQ(verified.exit_code, kUnwitnessed) << verified.out << verified.err;
  }
  // The same files again: the first receipts, nothing new.
  const uint64_t size = Size();
  const std::string proof = ReadFile(Path("receipts/") + "000000000002.tlog-proof");
  const Ran again = Ctl(arguments);
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(Size(), size);
  const std::vector<std::string> repeated = Lines(again.out);
  ASSERT_EQ(repeated.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(repeated[i].substr(0, repeated[i].find('\t')), rows[i].substr(0, rows[i].find('\t')));
    EXPECT_THAT(repeated[i], HasSubstr("\trepeated\t"));
  }
}

TEST_F(CliTest, AnEventThatWasSwappedDoesNotVerify) {
  ASSERT_EQ(
      Ctl({"append", "-", "--receipts", Path("swap")}, Event("swap-a") + Event("swap-b")).exit_code,
      0);
  std::vector<std::string> bases;
  for (const auto& file : std::filesystem::directory_iterator(Path("swap"))) {
    if (file.path().extension() == ".tlog-proof")
      bases.push_back(file.path().parent_path() / file.path().stem());
  }
  std::sort(bases.begin(), bases.end());
  ASSERT_THAT(bases, SizeIs(2));
  const Ran swapped = VerifyReceipt({bases[0] + ".tlog-proof", "--event", bases[1] + ".event.pb"});
  EXPECT_EQ(swapped.exit_code, 1) << swapped.out;
}

TEST_F(CliTest, ADayIsExportedAndVerifiedAndGoesOn) {
  const Ran day = RunProgram({Program("auditledger-generate"), "--events", "300", "--seed", "11"});
  ASSERT_EQ(day.exit_code, 0);
  const Ran appended = Ctl({"append", "-", "--batch", "100"}, day.out);
  ASSERT_EQ(appended.exit_code, 0) << appended.err;
  EXPECT_THAT(Lines(appended.out), SizeIs(300));
  EXPECT_THAT(appended.err, HasSubstr("300 events: 300 new"));
  const Ran exported = Ctl({"export", Path("export"), "--in-clear"});
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  const Ran verified = Verify({"log", Path("export")});
  EXPECT_EQ(verified.exit_code, kUnwitnessed) << verified.out;

  ASSERT_EQ(Ctl({"append", "-"}, Event("after-export")).exit_code, 0);
  const Ran more = Ctl({"export", Path("export"), "--in-clear", "--json"});
  ASSERT_EQ(more.exit_code, 0) << more.err;
  EXPECT_EQ(json::parse(more.out)["new"], 2) << "the event, and who exported the first ones";
  EXPECT_EQ(Verify({"log", Path("export")}).exit_code, kUnwitnessed);

  // The one event that never arrived is a gap of its stream.
  const Ran streams = Ctl({"streams", "--json"});
  ASSERT_EQ(streams.exit_code, 0) << streams.err;
  size_t gaps = 0;
  for (const std::string& line : Lines(streams.out)) {
    const json stream = json::parse(line);
    if (stream["stream_id"] == "pacs-1") gaps = stream["gaps"].size();
  }
  EXPECT_EQ(gaps, 1u);
}

TEST_F(CliTest, ALeavesOnlyExportHoldsNoPayload) {
  ASSERT_EQ(Ctl({"append", "-"}, Event("leaves-only")).exit_code, 0);
  ASSERT_EQ(Ctl({"export", Path("mirror"), "--leaves-only"}).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(Path("mirror/payload")));
  EXPECT_EQ(Verify({"log", Path("mirror")}).exit_code, kUnwitnessed);
}

TEST_F(CliTest, BadInputIsNamedAndChangesNothing) {
  const uint64_t size = Size();
  const auto refused = [&](const std::string& input, int code, const std::string& first,
                           const std::string& second = "") {
    const Ran ran = Ctl({"append", "-"}, input);
    EXPECT_EQ(ran.exit_code, code) << ran.out;
    EXPECT_THAT(ran.err, AllOf(HasSubstr(first), HasSubstr(second)));
  };
  refused("{\"eventId\":}\n", 64, "stdin:1:", "not valid JSON");
  refused(Event("ok-1") + "{\"colour\":1}\n", 64, "stdin:2:", "colour");
  refused("{\"eventId\":\"x\"}\n", 4, "MALFORMED_EVENT", "stdin:1 event.");
  refused(Event("ok-2") + "{\"eventId\":\"x\"}\n", 4, "stdin:2 event.",
          "none of stdin:1 to stdin:2");
  refused(Event(std::string(300, 'i')), 4, "event_id", "128");
  refused(Event("deep", R"(,"patient":[{"reference":")" + std::string(600, 'r') + R"("}])"), 4,
          "patient[0].reference", "512");
  EXPECT_EQ(Size(), size);
}

TEST_F(CliTest, AnotherEventUnderAKnownIdIsRefused) {
  ASSERT_EQ(Ctl({"append", "-"}, Event("conflict")).exit_code, 0);
  const Ran other = Ctl({"append", "-"}, Event("conflict", R"(,"affectedRecordCount":"7")"));
  EXPECT_EQ(other.exit_code, 4);
  EXPECT_THAT(other.err, AllOf(HasSubstr("EVENT_ID_CONFLICT"), HasSubstr("fix:")));
}

TEST_F(CliTest, ReadsListsTailsAndProves) {
  const Ran appended = Ctl({"append", "-", "--json"}, Event("read-1") + Event("read-2"));
  ASSERT_EQ(appended.exit_code, 0) << appended.err;
  const uint64_t index = json::parse(Lines(appended.out)[0])["index"];
  const std::string at = absl::StrCat(index);

  const json entry = json::parse(Ctl({"get", at}).out);
  EXPECT_EQ(entry["event_id"], "read-1");
  EXPECT_EQ(entry["principal"], kDevPrincipal);
  EXPECT_EQ(entry["event"]["eventId"], "read-1");
  EXPECT_EQ(entry["verified"], true);
  EXPECT_EQ(json::parse(Ctl({"get", at, "--format", "event-json"}).out)["eventId"], "read-1");
  EXPECT_THAT(Ctl({"get", at, "--format", "raw"}).out, HasSubstr("read-1"));

  const std::vector<std::string> listed =
      Lines(Ctl({"list", "--from", at, "--limit", "2", "--full"}).out);
  ASSERT_THAT(listed, SizeIs(2));
  EXPECT_THAT(listed[1], AllOf(HasSubstr("\tevent\t"), HasSubstr("\tread-2")));
  EXPECT_THAT(Lines(Ctl({"list", "--limit", "1"}).out)[0], HasSubstr("\tgenesis\t"));
  EXPECT_THAT(Lines(Ctl({"tail", "--from", "0", "--limit", "2"}).out), SizeIs(2));

  EXPECT_EQ(Ctl({"prove", at, "--out", Path("one.tlog-proof")}).exit_code, 0);
  EXPECT_EQ(VerifyReceipt({Path("one.tlog-proof")}).exit_code, kUnwitnessed);
  EXPECT_THAT(json::parse(Ctl({"prove", at, "--size", absl::StrCat(index + 1)}).out)["hashes"],
              Not(SizeIs(0)));
  ASSERT_EQ(Ctl({"checkpoint", "--out", Path("old.checkpoint")}).exit_code, 0);
  const uint64_t old_size = Size();
  ASSERT_EQ(Ctl({"append", "-"}, Event("read-3")).exit_code, 0);
  ASSERT_EQ(Ctl({"checkpoint", "--out", Path("new.checkpoint")}).exit_code, 0);
  ASSERT_EQ(Ctl({"prove-consistency", absl::StrCat(old_size), "--out", Path("update")}).exit_code,
            0);
  const Ran consistent = Verify(
      {"consistency", Path("old.checkpoint"), Path("new.checkpoint"), "--proof", Path("update")});
  EXPECT_EQ(consistent.exit_code, kUnwitnessed) << consistent.out;
}

TEST_F(CliTest, SaysWhatIsWrongAndHowToMendIt) {
  const Ran missing = Ctl({"get", "999999"});
  EXPECT_EQ(missing.exit_code, 4);
  EXPECT_THAT(missing.err, AllOf(HasSubstr("OUT_OF_RANGE (INDEX_BEYOND_SIZE)"), HasSubstr("fix:")));
  const Ran unknown = Ctl({"checkpoint", "--ledger", "nowhere"});
  EXPECT_EQ(unknown.exit_code, 4);
  EXPECT_THAT(unknown.err, HasSubstr("LEDGER_NOT_FOUND"));
  const Ran silent = Ctl({"checkpoint", "--server", "127.0.0.1:1", "--timeout", "2"});
  EXPECT_EQ(silent.exit_code, 2);
  EXPECT_THAT(silent.err, HasSubstr("is auditledgerd running there"));
  EXPECT_EQ(RunProgram({Program("auditctl"), "get"}).exit_code, 64);
  EXPECT_EQ(RunProgram({Program("auditctl"), "get", "1"}).exit_code, 64);
  EXPECT_EQ(RunProgram({Program("auditctl"), "--help"}).exit_code, 0);
  const std::string other_key =
      "audit.example.org/clinic+9c7c8e0a+AV3M8UyUPlSNnhQ0kB6lYv8l0Sb6C3Zi0GLq4vNh9e2v";
  EXPECT_EQ(Ctl({"checkpoint", "--pin-key", other_key}).exit_code, 64);
}

TEST_F(CliTest, AServerThatIsNotTheOnePinnedIsNotBelieved) {
  const Ran created =
      Ctl({"create-ledger", "other", "--origin", "audit.example.org/other", "--json"});
  ASSERT_EQ(created.exit_code, 0) << created.err;
  const std::string other = json::parse(created.out)["vkey"];
  std::vector<std::string> pinned = {"checkpoint", "--ledger", "other"};
  EXPECT_EQ(Ctl(pinned).exit_code, 1);
  EXPECT_THAT(Ctl(pinned).err, HasSubstr("NOT PROVEN"));
}

TEST_F(CliTest, StatusShowsEveryLedger) {
  const Ran status = Ctl({"status"});
  ASSERT_EQ(status.exit_code, 0) << status.err;
  EXPECT_THAT(status.out, AllOf(HasSubstr("auditledgerd"), HasSubstr("ledgers/clinic\t"),
                                HasSubstr("\tserving\t")));
  EXPECT_THAT(Ctl({"ledgers"}).out, HasSubstr(kOrigin));
}

// A server whose heads one witness cosigns, which is then away.
TEST(WitnessedCliTest, WhatIsProvenUnderTheWitnessedHeadPassesThePolicy) {
  const TempFolder folder;
  const auto path = [&](const std::string& name) { return folder.path() + "/" + name; };
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(path(name)) << text;
  };
  const auto serve = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--allow_unix_socket", "--listen", "admin,unix:" + path("socket"),
                             "--auto_create", absl::StrCat("clinic=", kOrigin)});
    return std::make_unique<Daemon>(path("root"), more);
  };
  std::filesystem::create_directory(path("root"));
  ASSERT_EQ(serve({})->Terminate(), 0);  // the ledger is made, and its key known
  const std::string vkey = Lines(ReadFile(path("root/keys/clinic/log.vkey")))[0];
  write("logs", vkey + "\n");
  const Ran made = RunProgram({Program("auditledger-witness"), "keygen", "--name", "union.test/w",
                               "--key", path("w.key"), "--state", path("w")});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  Service witness({Program("auditledger-witness"), "serve", "--key", path("w.key"), "--state",
                   path("w"), "--logs", path("logs"), "--listen", "127.0.0.1:0"},
                  path("witness"));
  write("policy", absl::StrCat("log ", vkey, "\nwitness w ", Lines(made.out)[0], " http://",
                               Lines(witness.ready())[0], "/\nquorum w\n"));
  const std::unique_ptr<Daemon> daemon =
      serve({"--witness_policy", path("policy"), "--allow_weak_policy", "--ack_timeout_ms", "500"});
  const CtlServer server{daemon->address(), "", vkey};
  const auto append = [&](const std::string& id, const std::string& ack) {
    return RunCtl(server, {"append", "-", "--ack", ack}, Event(id)).exit_code;
  };
  int tries = 0;
  while (append("first", "witnessed") != 0) ASSERT_LT(++tries, 50) << daemon->log();
  witness.Kill();
  ASSERT_EQ(append("second", "durable"), 0);
  const auto verify = [&](const std::string& what, const std::string& file) {
    return RunProgram({Program("auditledger-verify"), what, path(file), "--policy", path("policy"),
                       "--allow-weak-policy", "--no-trust-store"})
        .exit_code;
  };
  const auto ctl = [&](const std::vector<std::string>& arguments) {
    return RunCtl(server, arguments).exit_code;
  };
  ASSERT_EQ(ctl({"prove", "2", "--witnessed", "--out", path("first")}), 0);
  EXPECT_EQ(verify("receipt", "first"), 0);
  ASSERT_EQ(ctl({"prove", "2", "--out", path("newest")}), 0);
  EXPECT_EQ(verify("receipt", "newest"), 1) << "the newest head has no quorum";
  EXPECT_EQ(ctl({"prove", "3", "--witnessed", "--out", path("second")}), 4) << "not yet under it";
  ASSERT_EQ(ctl({"checkpoint", "--witnessed", "--out", path("head")}), 0);
  EXPECT_EQ(verify("checkpoint", "head"), 0);
  ASSERT_EQ(ctl({"prove-consistency", "1", "--witnessed", "--out", path("update")}), 0);
  EXPECT_EQ(verify("checkpoint", "update"), 0);
}

}  // namespace
}  // namespace auditledger::testing
