// The program as it is run: exit codes, reports, evidence that it judges itself, webhook, metrics,
// an orderly end.
//
// Covers: tools/monitor_main, tools/monitor_alarm, tools/monitor_metrics
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "merkle/evidence.h"
#include "merkle/key_change_list.h"
#include "tests/testing/rotated_log.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/temp_dir.h"
#include "tests/tools/monitor/malicious_server.h"

namespace auditledger {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using testing::MaliciousServer;
using testing::TestLog;

std::string FileText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

bool Eventually(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

// Takes alarms; answers what it is told to.
class Webhook {
 public:
  Webhook() {
    http_.Post("/hook", [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard<std::mutex> lock(mutex_);
      bodies_.push_back(request.body);
      response.status = status_;
    });
    port_ = http_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { http_.listen_after_bind(); });
    while (!http_.is_running()) std::this_thread::yield();
  }
  ~Webhook() {
    http_.stop();
    thread_.join();
  }
  std::string url() const { return absl::StrCat("http://127.0.0.1:", port_, "/hook"); }
  void Answer(int status) {
    const std::lock_guard<std::mutex> lock(mutex_);
    status_ = status;
  }
  std::vector<std::string> bodies() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return bodies_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> bodies_;
  int status_ = 200;
  httplib::Server http_;
  int port_ = 0;
  std::thread thread_;
};

class MonitorProgram : public ::testing::Test {
 protected:
  MonitorProgram() {
    log_.AddEvents(300);
    forked_.AddSystem(EntryKind::kClock, "another past");
    forked_.AddEvents(300);
    std::ofstream(dir_ / "vkey") << log_.verifier().ToVkey() << "\n";
  }

  const std::string program_ = testing::BinaryPath("tools/auditledger-monitor");
  int Run(const std::string& arguments) {
    const std::string command = absl::StrCat(program_, " ", arguments, " --key ", dir_ / "vkey",
                                             " >", dir_ / "out", " 2>", dir_ / "err");
    return WEXITSTATUS(std::system(command.c_str()));
  }
  int Once(const std::string& more = "") {
    return Run(absl::StrCat("--state ", dir_ / "state", " --once --json --max-age 0 ", more));
  }
  json Report() {
    const json report = json::parse(FileText(dir_ / "out"), nullptr, false);
    EXPECT_TRUE(report.is_object()) << FileText(dir_ / "out") << FileText(dir_ / "err");
    return report;
  }

  TestLog log_;
  TestLog forked_;
  testing::TempDir dir_;
};

TEST_F(MonitorProgram, FromAllWellToEvidenceThatItJudgesItself) {
  MaliciousServer server(log_);
  const std::string place = absl::StrCat("--place ", server.url());
  EXPECT_EQ(Once(place), 0);
  EXPECT_EQ(Report()["size"], 301);
  EXPECT_EQ(FileText(dir_ / "state/log/mirror/checkpoint"), log_.CheckpointAt(301));

  server.Show(forked_, 302);
  EXPECT_EQ(Once(place), 1);
  const json finding = Report()["findings"][0];
  EXPECT_EQ(finding["kind"], "history");
  EXPECT_EQ(finding["severity"], "misbehaviour");
  EXPECT_THAT(FileText(dir_ / "err"), HasSubstr("\"event\":\"finding\""));
  const std::string file = finding["evidence"];
  EXPECT_EQ(Run("evidence " + file), 1);
  EXPECT_THAT(FileText(dir_ / "out"), ::testing::StartsWith("FORK: "));

  server.Show(log_, 301);
  EXPECT_EQ(Once(place), 1) << "evidence lies there until somebody takes it";
  std::filesystem::rename(file, dir_ / "court");
  EXPECT_EQ(Once(place), 0);
  std::ofstream(dir_ / "court", std::ios::app) << "\n";
  EXPECT_EQ(Run("evidence " + (dir_ / "court")), 2);
}

TEST_F(MonitorProgram, TheMirrorIsAPlaceForOthersAndNamesWhatIsDamaged) {
  MaliciousServer server(log_);
  EXPECT_EQ(Once(absl::StrCat("--place ", server.url())), 0);
  const std::string mirror = dir_ / "state/log/mirror";
  EXPECT_EQ(Run(absl::StrCat("--state ", dir_ / "state2", " --once --max-age 0 --place ", mirror)),
            0);
  EXPECT_EQ(Run(absl::StrCat("compare ", mirror, " ", server.url())), 0);

  std::vector<std::string> leaves(log_.leaves().begin(), log_.leaves().begin() + 256);
  leaves[7] += "x";
  leaves[8] += "x";
  leaves[200] += "x";
  server.Lie("tile/entries/000", EncodeEntryBundle(leaves).value());
  server.Lie("tile/entries/001.p/45", std::nullopt);
  EXPECT_EQ(Run(absl::StrCat("compare ", mirror, " ", server.url())), 1);
  const json report = Report();
  EXPECT_EQ(report["ranges"], json::parse("[[7,8],[200,200],[256,300]]"));
  EXPECT_EQ(report["different"], 48);
  EXPECT_EQ(report["first"]["vouched"], true);
  EXPECT_EQ(report["second"]["vouched"], false);
  EXPECT_EQ(report["second"]["unreadable"], 45);
}

// The log's key was rotated: either key is pinned, and the copies say which one signs.
TEST_F(MonitorProgram, EvidenceAndComparisonFollowTheChangesOfTheKey) {
  TestLog log;
  log.AddEvents(5);
  log.AddSystem(EntryKind::kKeyChange, testing::KeyChangeBody(log.origin(), 1, 2));
  log.AddEvents(10);
  const auto list = [&](uint64_t index) {
    return FormatKeyChangeList({log.origin(), 0, {{index, log.leaves()[6], {}}}});
  };
  MaliciousServer server(log);
  server.Lie("checkpoint", testing::CheckpointBy(2, log, 17));
  server.Lie("key-changes", list(6));
  MaliciousServer older(log);
  older.Show(log, 6);
  const std::string both = absl::StrCat("compare ", server.url(), " ", older.url());
  for (const uint8_t pinned : {1, 2}) {
    std::ofstream(dir_ / "vkey")
        << NoteVerifier::FromEd25519(log.origin(), testing::TestPublicKey(pinned))->ToVkey();
    // The older copy does not know of the change yet, and the newer key alone not of the older.
    EXPECT_EQ(Run(both), pinned == 1 ? 0 : 2) << FileText(dir_ / "out") << FileText(dir_ / "err");
    older.Lie("key-changes", list(6));
    EXPECT_EQ(Run(both), 0) << FileText(dir_ / "out") << FileText(dir_ / "err");
    older.BeHonest();
  }
  server.Lie("checkpoint", log.CheckpointAt(17));
  EXPECT_EQ(Run(both), 2) << "the retired key";
  // A change that its entries do not have at that place vouches for nothing.
  server.Lie("checkpoint", testing::CheckpointBy(2, log, 17));
  server.Lie("key-changes", list(5));
  older.Lie("key-changes", list(6));
  EXPECT_EQ(Run(both), 1);
  EXPECT_EQ(Report()["first"]["vouched"], false);
  EXPECT_EQ(Report()["different"], 0);

  TestLog fork;
  fork.AddEvent(testing::TestEvent(99));
  fork.AddEvents(15);
  Evidence evidence;
  evidence.first = testing::CheckpointBy(2, log, 17);
  evidence.second = testing::CheckpointBy(2, fork, 17);
  std::ofstream(dir_ / "evidence") << FormatEvidence(evidence);
  std::ofstream(dir_ / "changes") << list(6);
  std::ofstream(dir_ / "vkey") << log.verifier().ToVkey();
  const std::string judge = "evidence " + (dir_ / "evidence");
  EXPECT_EQ(Run(judge), 2) << "the first key alone has signed neither";
  EXPECT_EQ(Run(judge + " --key-changes " + (dir_ / "changes")), 1);
  evidence.second = fork.CheckpointAt(17);
  std::ofstream(dir_ / "evidence") << FormatEvidence(evidence);
  EXPECT_EQ(Run(judge + " --key-changes " + (dir_ / "changes")), 2)
      << "a retired key convicts nobody";
  EXPECT_EQ(Run(judge + " --key-changes " + (dir_ / "evidence")), 64);
}

TEST_F(MonitorProgram, ExitCodes) {
  MaliciousServer server(log_);
  const std::string place = absl::StrCat(" --place ", server.url());
  EXPECT_EQ(Run("--version"), 0);
  EXPECT_EQ(Run("--help"), 0);
  EXPECT_EQ(Run("--no-such-flag"), 64);
  EXPECT_EQ(Run("--once" + place), 64) << "no --state";
  EXPECT_EQ(Once(), 64) << "no --place";
  EXPECT_EQ(Once(place + place), 64);
  EXPECT_EQ(Once("--place https://user:secret@x.example/"), 64);
  EXPECT_THAT(FileText(dir_ / "err"), ::testing::Not(HasSubstr("secret")));
  EXPECT_EQ(Once("--place " + (dir_ / "nothing")), 2);
  EXPECT_EQ(Run(absl::StrCat("--state ", dir_ / "state", " --once", place)), 5) << "an old log";
  EXPECT_EQ(Run(absl::StrCat("--state ", dir_ / "no/such", " --once", place)), 4);
  std::ofstream(dir_ / "state/log/state") << "{}";
  EXPECT_EQ(Once(place), 4);
}

TEST_F(MonitorProgram, AReceiptThatSomebodyWasShownIsHeldAgainstTheLog) {
  MaliciousServer server(log_);
  std::ofstream(dir_ / "good") << log_.ReceiptFor(1, 200, false);
  std::ofstream(dir_ / "bad") << forked_.ReceiptFor(1, 200, false);
  const std::string place = absl::StrCat(" --place ", server.url());
  EXPECT_EQ(Once(place + " --shown " + (dir_ / "good")), 0);
  EXPECT_EQ(Once(place + " --shown " + (dir_ / "bad")), 1);
  EXPECT_EQ(Report()["findings"][0]["kind"], "receipt");
}

TEST_F(MonitorProgram, AShownFileThatCannotBeReadIsAFindingAndTheRestIsFollowed) {
  MaliciousServer server(log_);
  std::ofstream(dir_ / "long") << std::string(2 * kMaxNoteBytes + 1, 'x');
  std::ofstream(dir_ / "bad") << forked_.ReceiptFor(1, 200, false);
  const std::string place = absl::StrCat(" --place ", server.url());
  EXPECT_EQ(Once(place + " --shown " + (dir_ / "nothing") + " --shown " + (dir_ / "long")), 2);
  const json report = Report();
  EXPECT_EQ(report["size"], 301);
  ASSERT_EQ(report["findings"].size(), 2u);
  for (const json& finding : report["findings"]) EXPECT_EQ(finding["kind"], "unreadable");
  EXPECT_EQ(Once(place + " --shown " + (dir_ / "nothing") + " --shown " + (dir_ / "bad")), 1);
}

TEST_F(MonitorProgram, FollowsAlarmsAndEndsWhenTold) {
  MaliciousServer server(log_);
  server.Show(log_, 200);
  Webhook webhook;
  std::ofstream(dir_ / "conf") << "# what we follow\nlog clinic " << log_.verifier().ToVkey() << " "
                               << server.url() << "\n";
  const pid_t pid = fork();
  if (pid == 0) {
    if (std::freopen((dir_ / "err").c_str(), "w", stderr) == nullptr) _exit(99);
    execl(program_.c_str(), program_.c_str(), "--state", (dir_ / "state").c_str(), "--config",
          (dir_ / "conf").c_str(), "--interval", "1", "--max-age", "0", "--webhook",
          webhook.url().c_str(), "--metrics-address", "127.0.0.1:0", nullptr);
    _exit(99);
  }
  int port = 0;
  ASSERT_TRUE(Eventually([&] {
    const std::string said = FileText(dir_ / "err");
    const size_t at = said.find("\"port\":");
    if (at == std::string::npos) return false;
    port = std::atoi(said.c_str() + at + 7);
    return port != 0;
  }));
  httplib::Client metrics("127.0.0.1", port);
  const auto shows = [&](const std::string& line) {
    return Eventually([&] {
      const auto got = metrics.Get("/metrics");
      return got && absl::StrContains(got->body, line);
    });
  };
  EXPECT_TRUE(shows("auditledger_monitor_size{log=\"clinic\"} 200"));
  EXPECT_TRUE(webhook.bodies().empty()) << "all well is no news";
  webhook.Answer(500);
  server.Lie("checkpoint", log_.CheckpointAt(150));
  EXPECT_TRUE(shows("auditledger_monitor_findings{log=\"clinic\",severity=\"cannot_tell\"} 1"));
  EXPECT_TRUE(Eventually([&] { return webhook.bodies().size() >= 4; })) << "tried again";
  EXPECT_EQ(json::parse(webhook.bodies()[0])["reports"][0]["findings"][0]["kind"], "went_back");
  webhook.Answer(200);
  server.Lie("checkpoint", log_.CheckpointAt(200));
  EXPECT_TRUE(Eventually([&] {
    return json::parse(webhook.bodies().back())["reports"][0]["findings"].empty();
  })) << "all clear";
  kill(pid, SIGTERM);
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace auditledger
