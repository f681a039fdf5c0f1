// auditledgerd and auditledger-signer as two processes: a ledger's life, kill -9 of either or both
// under load, and copies that the signer does not let be served.
//
// AUDITLEDGER_TEST_SEED replays a run of the kills.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/client/channel.h"
#include "api/client/ledger_client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/processes.h"
#include "tests/e2e/test_event.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using ::nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr char kOrigin[] = "audit.example.org/clinic";
constexpr char kLedger[] = "ledgers/clinic";
constexpr int kKills = 9;
constexpr int kThreads = 2;

struct Acknowledged {
  v1::AuditEvent event;
  uint64_t index = 0;
  std::string leaf;
};

class SignerTest : public ::testing::Test {
 protected:
  SignerTest() { fs::create_directory(Path("root")); }

  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }

  Ran SignerCommand(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), Program("auditledger-signer"));
    return RunProgram(arguments);
  }
  Ran Init(const std::string& origin) {
    return SignerCommand({"init", "--dir", Path("signer"), "--origin", origin});
  }
  Ran Adopt(const std::string& head) {
    return SignerCommand({"adopt", "--dir", Path("signer"), "--origin", kOrigin, "--head", head});
  }
  // SIZE:ROOTHEX
  std::string LastSigned() {
    const json status =
        json::parse(SignerCommand({"status", "--json", "--dir", Path("signer")}).out);
    return absl::StrCat(uint64_t{status["size"]}, ":", std::string(status["root"]));
  }
  void StartSigner() {
    signer_ = std::make_unique<Service>(
        std::vector<std::string>{Program("auditledger-signer"), "serve", "--dir", Path("signer"),
                                 "--socket", Path("s")},
        Path("signer"));
  }
  void StartDaemon() {
    daemon_ = std::make_unique<Daemon>(
        Path("root"),
        std::vector<std::string>{"--allow_unix_socket", "--listen", "admin,unix:" + Path("admin"),
                                 "--signer", "unix:" + Path("s"), "--auto_create",
                                 absl::StrCat("clinic=", kOrigin)});
    channel_ = UnixChannel("unix:" + Path("admin"));
  }
  void StopDaemon() {
    channel_.reset();
    ASSERT_EQ(daemon_->Terminate(), 0) << daemon_->log();
  }
  void Make() {
    const Ran made = Init(kOrigin);
    ASSERT_EQ(made.exit_code, 0) << made.err;
    vkey_ = made.out.substr(0, made.out.size() - 1);
    StartSigner();
    StartDaemon();
  }
  PinnedLog Log() const { return PinnedLog{kOrigin, NoteVerifier::Parse(vkey_).value()}; }
  // Every answer is verified with the key that `init` printed.
  LedgerClient Client(int attempts = 1) {
    RetryPolicy retry;
    retry.max_attempts = attempts;
    return LedgerClient(channel_,
                        LedgerClientOptions{.ledger = kLedger, .log = Log(), .retry = retry});
  }
  void Backup(const std::string& to) {
    const Ran made = RunCtl({"unix:" + Path("admin"), "", vkey_},
                            {"backup", "--to", Path(to), "--seeds", Path(to + ".seeds")});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }
  // Onto a new disk; keys, and all that is the signer's, stay.
  void Restore(const std::string& from) {
    for (const char* part : {"data", "seeds"}) {
      fs::remove_all(Path("root/") + part);
      fs::create_directory(Path("root/") + part);
      fs::permissions(Path("root/") + part, fs::perms::owner_all);
    }
    const Ran restored = RunProgram(
        {Program("auditctl"), "--pin-key", vkey_, "restore", "--from", Path(from), "--seeds",
         Path(from + ".seeds"), "--data_dir", Path("root/data/clinic"), "--seed_dir",
         Path("root/seeds/clinic"), "--key_dir", Path("root/keys/clinic")});
    ASSERT_EQ(restored.exit_code, 0) << restored.err;
  }
  void CopyLog(const std::string& from, const std::string& to) {
    for (const char* part : {"/data", "/seeds"}) {
      fs::remove_all(to + part);
      fs::create_directories(to);
      fs::copy(from + part, to + part, fs::copy_options::recursive);
    }
  }

  const TempFolder folder_;
  std::string vkey_;
  std::unique_ptr<Service> signer_;
  std::unique_ptr<Daemon> daemon_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(SignerTest, ALedgersLifeWithItsKeyInAnotherProcess) {
  Make();
  ASSERT_OK(Client().Append(MakeEvent("s", 1)));
  EXPECT_FALSE(fs::exists(Path("root/keys/clinic/log.key")));
  EXPECT_FALSE(fs::exists(Path("root/state/clinic/signer.state")));
  EXPECT_EQ(SignerCommand({"pubkey", "--dir", Path("signer"), "--origin", kOrigin}).out,
            vkey_ + "\n");

  // Both may be started again, in any order, also the signer under the running daemon.
  ASSERT_EQ(signer_->Terminate(), 0) << signer_->log();
  EXPECT_FALSE(fs::exists(Path("s")));
  StartSigner();
  ASSERT_OK(Client().Append(MakeEvent("s", 2)));
  StopDaemon();
  StartDaemon();
  ASSERT_OK_AND_ASSIGN(const v1::Receipt third, Client().Append(MakeEvent("s", 3)));

  // What was signed, from the folder and from the process.
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"status", "--json", "--dir", Path("signer")},
        {"status", "--json", "--socket", Path("s"), "--origin", kOrigin}}) {
    const Ran status = SignerCommand(arguments);
    ASSERT_EQ(status.exit_code, 0) << status.err;
    const json line = json::parse(status.out);
    EXPECT_EQ(line["origin"], kOrigin);
    EXPECT_EQ(line["vkey"], vkey_);
    EXPECT_EQ(line["size"], third.index() + 1);
    EXPECT_EQ(line["ok"], true);
  }
  EXPECT_EQ(signer_->log().find("PRIVATE"), std::string::npos);
}

TEST_F(SignerTest, ARolledBackOrForkedCopyIsRefusedAndTheNewestServes) {
  Make();
  ASSERT_OK(Client().Append(MakeEvent("s", 1)));
  StopDaemon();
  const std::string older = LastSigned();
  CopyLog(Path("root"), Path("older"));
  StartDaemon();
  ASSERT_OK(Client().Append(MakeEvent("s", 2)));
  StopDaemon();
  CopyLog(Path("root"), Path("newest"));

  CopyLog(Path("older"), Path("root"));
  StartDaemon();
  EXPECT_THAT(Client().Append(MakeEvent("s", 3)), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(daemon_->log(), HasSubstr("rollback: the signer has signed"));
  StopDaemon();

  // Who has a copy of the key grows the older log with it, past the newest, somewhere else.
  signer_->Terminate();
  fs::rename(Path("signer"), Path("real"));
  fs::copy(Path("real"), Path("signer"), fs::copy_options::recursive);
  EXPECT_EQ(Adopt(older).exit_code, 4) << "a state that is there is not replaced";
  for (const auto& entry : fs::directory_iterator(Path("signer"))) {
    fs::remove(entry.path() / "signer.state");
  }
  ASSERT_EQ(Adopt(older).exit_code, 0);
  StartSigner();
  StartDaemon();
  for (int i = 0; i < 3; ++i) ASSERT_OK(Client().Append(MakeEvent("forged", i + 1)));
  StopDaemon();
  signer_->Terminate();
  fs::remove_all(Path("signer"));
  fs::rename(Path("real"), Path("signer"));
  StartSigner();
  StartDaemon();
  EXPECT_THAT(Client().Append(MakeEvent("s", 3)), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(daemon_->log(), HasSubstr("fork: the signer has signed"));
  StopDaemon();

  CopyLog(Path("newest"), Path("root"));
  StartDaemon();
  EXPECT_OK(Client().Append(MakeEvent("s", 3)));
}

// The disk is gone, the signer is not: a backup that lacks what was signed would fork, and is
// refused; one that has it goes on.
TEST_F(SignerTest, ARestoredBackupServesOnlyWhenItHasAllThatWasSigned) {
  Make();
  ASSERT_OK(Client().Append(MakeEvent("s", 1)));
  Backup("old");
  ASSERT_OK_AND_ASSIGN(const v1::Receipt second, Client().Append(MakeEvent("s", 2)));
  Backup("new");
  StopDaemon();

  Restore("old");
  for (int again = 0; again < 2; ++again) {
    StartDaemon();
    EXPECT_THAT(Client().Append(MakeEvent("s", 3)),
                StatusIs(absl::StatusCode::kFailedPrecondition));
    EXPECT_THAT(daemon_->log(), AllOf(HasSubstr("rollback: the signer has signed size 4"),
                                      HasSubstr("the log here has size 3")));
    StopDaemon();
  }
  EXPECT_EQ(LastSigned().substr(0, 2), "4:") << "it signed nothing";

  Restore("new");
  StartDaemon();
  ASSERT_OK_AND_ASSIGN(const v1::Receipt repeat, Client().Append(MakeEvent("s", 2)));
  EXPECT_TRUE(repeat.repeated_event());
  EXPECT_EQ(repeat.leaf(), second.leaf());
  EXPECT_OK(Client().Append(MakeEvent("s", 3)));
}

TEST_F(SignerTest, KillMinusNineOfEitherOrBothLosesNothing) {
  const char* given = std::getenv("AUDITLEDGER_TEST_SEED");
  const uint64_t seed =
      given == nullptr ? std::random_device{}() : std::strtoull(given, nullptr, 10);
  std::printf("AUDITLEDGER_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  Make();
  std::vector<Acknowledged> acknowledged;
  uint64_t sequence[kThreads] = {};
  for (int round = 0; round < kKills; ++round) {
    SCOPED_TRACE(round);
    const bool kill_signer = round % 3 != 1;
    const bool kill_daemon = round % 3 != 0;
    std::atomic<bool> stop{false};
    std::atomic<uint64_t> answered{0};
    std::mutex mutex;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        LedgerClient client = Client();
        while (!stop) {
          Acknowledged sent;
          sent.event = MakeEvent(absl::StrCat("t", thread), ++sequence[thread]);
          const auto receipt = client.Append(sent.event);
          if (!receipt.ok()) {
            EXPECT_TRUE(kill_daemon)
                << "a signer that comes back is waited for: " << receipt.status();
            return;
          }
          sent.index = receipt->index();
          sent.leaf = receipt->leaf();
          const std::lock_guard<std::mutex> lock(mutex);
          acknowledged.push_back(std::move(sent));
          ++answered;
        }
      });
    }
    const uint64_t wanted = random() % 40;
    while (answered < wanted) std::this_thread::yield();
    if (kill_signer) signer_->Kill();
    if (kill_daemon) daemon_->Kill();
    if (kill_signer) StartSigner();
    if (kill_daemon) {
      for (std::thread& thread : threads) thread.join();
      channel_.reset();
      StartDaemon();
    } else {
      const uint64_t before = answered;
      while (answered < before + 10) std::this_thread::yield();
      stop = true;
      for (std::thread& thread : threads) thread.join();
    }
    LedgerClient client = Client();
    for (const Acknowledged& sent : acknowledged) {
      ASSERT_OK_AND_ASSIGN(const v1::Receipt repeat, client.Append(sent.event));
      ASSERT_TRUE(repeat.repeated_event());
      ASSERT_EQ(repeat.index(), sent.index);
      ASSERT_EQ(repeat.leaf(), sent.leaf);
    }
  }
  std::printf("%d kills, %zu events acknowledged\n", kKills, acknowledged.size());
  EXPECT_GT(acknowledged.size(), 0u);
}

TEST_F(SignerTest, AKeyInATokenSignsAndStaysThere) {
  constexpr char kModule[] = "/usr/lib/softhsm/libsofthsm2.so";
  if (!fs::exists(kModule)) {
    if (std::getenv("CI") != nullptr) FAIL() << kModule << " is missing: tools/dev deps build";
    GTEST_SKIP() << kModule << " is missing: apt-get install softhsm2";
  }
  fs::create_directory(Path("tokens"));
  std::ofstream(Path("conf")) << "directories.tokendir = " << Path("tokens") << "\n";
  std::ofstream(Path("pin")) << "4711-0815\n";
  fs::permissions(Path("pin"), fs::perms::owner_read | fs::perms::owner_write);
  setenv("SOFTHSM2_CONF", Path("conf").c_str(), 1);
  // SoftHSM leaks in C_SignInit; a sanitized signer would end with that.
  const char* asan = std::getenv("ASAN_OPTIONS");
  const std::string no_leaks = std::string(asan == nullptr ? "" : asan) + ":detect_leaks=0";
  setenv("ASAN_OPTIONS", no_leaks.c_str(), 1);
  ASSERT_EQ(RunProgram({"/usr/bin/softhsm2-util", "--init-token", "--free", "--label", "ledgers",
                        "--pin", "4711-0815", "--so-pin", "12345678"})
                .exit_code,
            0);
  std::vector<std::string> init = {"init",  "--dir",           Path("signer"), "--origin",
                                   kOrigin, "--pkcs11_module", kModule};
  EXPECT_EQ(SignerCommand(init).exit_code, 64) << "which token, which key?";
  init.insert(init.end(),
              {"--pkcs11_token", "ledgers", "--pkcs11_key", "clinic", "--pin_file", Path("pin")});
  const Ran made = SignerCommand(init);
  ASSERT_EQ(made.exit_code, 0) << made.err;
  vkey_ = made.out.substr(0, made.out.size() - 1);
  // The key outlives its folder, which knew what it has signed.
  fs::remove_all(Path("signer"));
  const Ran lost = SignerCommand(init);
  EXPECT_EQ(lost.exit_code, 4);
  EXPECT_THAT(lost.err, AllOf(HasSubstr("--unused_key"), HasSubstr("--head")));
  std::vector<std::string> both = init;
  both.insert(both.end(), {"--unused_key", "--head", "1:" + std::string(64, '0')});
  EXPECT_EQ(SignerCommand(both).exit_code, 64) << "one of them";
  both.erase(both.end() - 3);
  EXPECT_EQ(SignerCommand(both).exit_code, 0);
  EXPECT_EQ(LastSigned(), "1:" + std::string(64, '0'));
  fs::remove_all(Path("signer"));
  init.push_back("--unused_key");
  EXPECT_EQ(SignerCommand(init).out, made.out);
  StartSigner();
  StartDaemon();
  ASSERT_OK(Client().Append(MakeEvent("s", 1)));
  signer_->Kill();
  StartSigner();
  EXPECT_OK(Client().Append(MakeEvent("s", 2)));
  for (const auto& file : fs::recursive_directory_iterator(Path("signer"))) {
    EXPECT_NE(file.path().filename(), "log.key");
  }
  EXPECT_EQ(signer_->log().find("4711"), std::string::npos);
}

TEST_F(SignerTest, TheProgramsWords) {
  const Ran help = SignerCommand({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.out, AllOf(HasSubstr("serve"), HasSubstr("adopt"), HasSubstr("Exit codes")));
  EXPECT_THAT(SignerCommand({"--version"}).out, HasSubstr("auditledger-signer "));
  EXPECT_EQ(SignerCommand({}).exit_code, 64);
  EXPECT_EQ(SignerCommand({"status"}).exit_code, 64);
  EXPECT_EQ(SignerCommand({"status", "--socket", Path("s")}).exit_code, 64);
  EXPECT_EQ(SignerCommand({"serve", "--dir", Path("signer"), "--socket", "relative"}).exit_code,
            64);
  EXPECT_EQ(SignerCommand({"serve", "--dir", Path("signer"), "--socket", Path("s"), "--allow_user",
                           "nobody-of-this-name"})
                .exit_code,
            64);
  EXPECT_EQ(SignerCommand({"status", "--dir", Path("absent")}).exit_code, 2);
  EXPECT_EQ(Init("has space").exit_code, 64);
  EXPECT_EQ(Init(kOrigin).exit_code, 0);
  const Ran again = Init(kOrigin);
  EXPECT_EQ(again.exit_code, 4);
  EXPECT_THAT(again.err, HasSubstr("already"));
  EXPECT_EQ(SignerCommand({"pubkey", "--dir", Path("signer"), "--origin", "x"}).exit_code, 2);
  EXPECT_EQ(SignerCommand({"adopt", "--dir", Path("signer"), "--origin", kOrigin, "--head", "7"})
                .exit_code,
            64);
  StartSigner();
  EXPECT_EQ(SignerCommand({"serve", "--dir", Path("signer"), "--socket", Path("s")}).exit_code, 71);
  fs::permissions(Path("signer"), fs::perms::others_read, fs::perm_options::add);
  EXPECT_EQ(SignerCommand({"serve", "--dir", Path("signer"), "--socket", Path("s2")}).exit_code, 4);
}

}  // namespace
}  // namespace auditledger::testing
