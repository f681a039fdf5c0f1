// Backups as an operator makes them: of a daemon under load, again and again, and back after the
// disk is gone.
#include <atomic>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/client/channel.h"
#include "api/client/ledger_client.h"
#include "api/client/receipt_check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/processes.h"
#include "tests/e2e/test_event.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using ::nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kOrigin[] = "audit.example.org/clinic";
constexpr char kLedger[] = "ledgers/clinic";
constexpr int kThreads = 2;

struct Acknowledged {
  v1::AuditEvent event;
  v1::Receipt receipt;
};

class BackupTest : public ::testing::Test {
 protected:
  BackupTest() { std::filesystem::create_directory(Path("root")); }

  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }

  // The local listener named "admin" may do both.
  void Start() {
    daemon_ = std::make_unique<Daemon>(Path("root"),
                                       std::vector<std::string>{"--allow_unix_socket", "--listen",
                                                                "admin,unix:" + Path("socket")});
    channel_ = UnixChannel("unix:" + Path("socket"));
  }
  void Stop() {
    channel_.reset();
    daemon_->Kill();
    daemon_.reset();
  }
  LedgerClient Client() {
    RetryPolicy patient;
    patient.max_attempts = 20;
    return LedgerClient(channel_,
                        LedgerClientOptions{.ledger = kLedger, .log = log_, .retry = patient});
  }

  Ran Ctl(const std::vector<std::string>& arguments) {
    return RunCtl({"unix:" + Path("socket"), "", log_ ? log_->key.ToVkey() : ""}, arguments);
  }
  Ran Backup() {
    return Ctl({"backup", "--to", Path("backup"), "--seeds", Path("vault"), "--json"});
  }
  Ran Restore() {
    return Ctl({"restore", "--from", Path("backup"), "--seeds", Path("vault"), "--data_dir",
                Path("root/data/clinic"), "--seed_dir", Path("root/seeds/clinic"), "--key_dir",
                Path("root/keys/clinic"), "--json"});
  }
  uint64_t Size() { return json::parse(Ctl({"checkpoint", "--json"}).out)["size"]; }

  // Nothing in it is open to others, whatever umask this test was started with.
  static void ExpectPrivate(const std::string& dir) {
    namespace fs = std::filesystem;
    constexpr fs::perms kOthers = fs::perms::group_all | fs::perms::others_all;
    for (const auto& file : fs::recursive_directory_iterator(dir)) {
      EXPECT_EQ(file.status().permissions() & kOthers, fs::perms::none) << file.path();
    }
  }

  void CreateLedger() {
    const Ran created = Ctl({"create-ledger", "clinic", "--origin", kOrigin, "--json"});
    ASSERT_EQ(created.exit_code, 0) << created.err;
    log_ = PinnedLog{kOrigin,
                     NoteVerifier::Parse(std::string(json::parse(created.out)["vkey"])).value()};
  }

  // Runs Emit on kThreads, until it goes or is told to stop.
  class Load {
   public:
    explicit Load(BackupTest& test) : test_(test) {
      for (int i = 0; i < kThreads; ++i) threads_.emplace_back([&test, i] { test.Emit(i); });
    }
    ~Load() { Stop(); }
    void Stop() {
      test_.stop_ = true;
      for (std::thread& thread : threads_) thread.join();
      threads_.clear();
    }

   private:
    BackupTest& test_;
    std::vector<std::thread> threads_;
  };

  void Emit(int thread) {
    LedgerClient client = Client();
    const std::string stream = absl::StrCat("t", thread);
    while (!stop_) {
      Acknowledged sent;
      sent.event = MakeEvent(stream, acknowledged_[thread].size() + 1);
      auto receipt = client.Append(sent.event);
      ASSERT_OK(receipt);
      sent.receipt = *std::move(receipt);
      acknowledged_[thread].push_back(std::move(sent));
    }
  }

  // Each event again: a repeat at the same place with the same leaf, which the client proves under
  // today's head. The receipt of then is proven by itself.
  void CheckAcknowledged(uint64_t below) {
    LedgerClient client = Client();
    for (const auto& stream : acknowledged_) {
      for (const Acknowledged& sent : stream) {
        EXPECT_OK(CheckReceipt(sent.receipt, sent.event.SerializeAsString(), *log_));
        if (sent.receipt.index() >= below) continue;
        ASSERT_OK_AND_ASSIGN(const v1::Receipt repeat, client.Append(sent.event));
        EXPECT_TRUE(repeat.repeated_event());
        EXPECT_EQ(repeat.index(), sent.receipt.index());
        EXPECT_EQ(repeat.leaf(), sent.receipt.leaf());
      }
    }
  }

  const TempFolder folder_;
  std::unique_ptr<Daemon> daemon_;
  std::shared_ptr<grpc::Channel> channel_;
  std::optional<PinnedLog> log_;
  std::atomic<bool> stop_{false};
  std::vector<Acknowledged> acknowledged_[kThreads];
};

TEST_F(BackupTest, WhatWasAcknowledgedBeforeABackupOutlivesTheDisk) {
  Start();
  ASSERT_NO_FATAL_FAILURE(CreateLedger());
  Load load(*this);
  uint64_t last = 0;
  for (int increment = 0; increment < 3; ++increment) {
    const Ran made = Backup();
    ASSERT_EQ(made.exit_code, 0) << made.err;
    const json summary = json::parse(made.out);
    EXPECT_EQ(summary["new"], uint64_t{summary["size"]} - last);
    last = summary["size"];
  }
  while (Size() == last) continue;  // appends went on all the while
  load.Stop();
  const uint64_t newest = Size();
  EXPECT_GT(newest, last);
  const Ran verified = Ctl({"backup-verify", Path("backup"), "--seeds", Path("vault"), "--json"});
  ASSERT_EQ(verified.exit_code, 0) << verified.err;
  EXPECT_EQ(json::parse(verified.out)["size"], last);

  // The disk with data and seeds is gone; the signer's state, on another, is newer than the backup.
  Stop();
  std::filesystem::rename(Path("root/data"), Path("data.lost"));
  std::filesystem::rename(Path("root/seeds"), Path("seeds.lost"));
  for (const char* dir : {"root/data", "root/seeds"}) {
    std::filesystem::create_directory(Path(dir));
    std::filesystem::permissions(Path(dir), std::filesystem::perms::owner_all);
  }
  Ran restored = Restore();
  ASSERT_EQ(restored.exit_code, 0) << restored.err;
  EXPECT_EQ(json::parse(restored.out)["size"], last);
  Start();
  const Ran refused = Ctl({"status"});
  EXPECT_THAT(refused.out,
              AllOf(HasSubstr("rollback"), HasSubstr(absl::StrCat("has signed size ", newest)),
                    HasSubstr("restore a copy of the data folder")));
  const Ran append = Ctl({"checkpoint"});
  EXPECT_EQ(append.exit_code, 4) << "nothing is served, nothing signed";
  Stop();

  // The disk comes back; a last backup holds all that was signed.
  std::filesystem::remove_all(Path("root/data"));
  std::filesystem::remove_all(Path("root/seeds"));
  std::filesystem::rename(Path("data.lost"), Path("root/data"));
  std::filesystem::rename(Path("seeds.lost"), Path("root/seeds"));
  Start();
  ASSERT_EQ(Backup().exit_code, 0);
  Stop();
  std::filesystem::remove_all(Path("root/data/clinic"));
  std::filesystem::remove_all(Path("root/seeds/clinic"));
  restored = Restore();
  ASSERT_EQ(restored.exit_code, 0) << restored.err;
  EXPECT_THAT(restored.err, AllOf(HasSubstr("compares"), HasSubstr("checked with the keys")));
  ExpectPrivate(Path("root/data/clinic"));
  ExpectPrivate(Path("backup"));
  Start();
  // A restored folder does not say which access policy is on record, so that it is recorded again.
  EXPECT_EQ(Size(), newest + 1);
  CheckAcknowledged(newest);
  EXPECT_EQ(Size(), newest + 1) << "repeats only";
  ASSERT_OK_AND_ASSIGN(const v1::Receipt next, Client().Append(MakeEvent("after", 1)));
  EXPECT_EQ(next.index(), newest + 1) << "it goes on";
  ASSERT_EQ(Backup().exit_code, 0) << "and the backup with it";
  const Ran nothing = Backup();
  ASSERT_EQ(nothing.exit_code, 0) << nothing.err;
  EXPECT_EQ(json::parse(nothing.out)["new"], 0);
  EXPECT_EQ(json::parse(nothing.out)["secret_segments"], 0);
}

TEST_F(BackupTest, SaysWhatIsWrongAndHowToMendIt) {
  Start();
  const Ran unpinned = Ctl({"backup", "--to", Path("backup")});
  EXPECT_EQ(unpinned.exit_code, 64);
  EXPECT_THAT(unpinned.err, HasSubstr("--pin-key is missing"));
  ASSERT_NO_FATAL_FAILURE(CreateLedger());
  const Ran inside = Ctl({"backup", "--to", Path("b"), "--seeds", Path("b/seeds")});
  EXPECT_EQ(inside.exit_code, 64);
  EXPECT_THAT(inside.err, HasSubstr("inside the other"));
  ASSERT_EQ(Backup().exit_code, 0);
  const Ran unchecked = Ctl({"restore", "--from", Path("backup"), "--data_dir", Path("bare")});
  EXPECT_EQ(unchecked.exit_code, 0) << unchecked.err;
  EXPECT_THAT(unchecked.err, HasSubstr("payloads and identities were not checked"));
  const Ran keys = Ctl({"restore", "--from", Path("backup"), "--data_dir", Path("new"), "--key_dir",
                        Path("root/keys/clinic")});
  EXPECT_EQ(keys.exit_code, 64) << "against which key store?";
  const Ran occupied = Restore();
  EXPECT_EQ(occupied.exit_code, 4);
  EXPECT_THAT(occupied.err, HasSubstr("not empty"));
  const Ran alone = Ctl(
      {"restore", "--from", Path("backup"), "--seeds", Path("vault"), "--data_dir", Path("new")});
  EXPECT_EQ(alone.exit_code, 64);
  EXPECT_THAT(alone.err, HasSubstr("--seed_dir"));
  // A byte of the backup turned: the next increment does not look at it, the check does.
  for (const auto& file : std::filesystem::directory_iterator(Path("backup"))) {
    if (file.path().filename().string().rfind("log-", 0) != 0) continue;
    std::filesystem::resize_file(file.path(), std::filesystem::file_size(file.path()) - 1);
  }
  const Ran damaged = Ctl({"backup-verify", Path("backup")});
  EXPECT_EQ(damaged.exit_code, 1);
  EXPECT_THAT(damaged.err, HasSubstr("NOT PROVEN"));
  EXPECT_EQ(Ctl({"backup-verify", Path("nowhere")}).exit_code, 4);
}

// The server's data are rolled back together with its signer's state, which it cannot notice: the
// backup does, and keeps what the server showed.
TEST_F(BackupTest, AServerThatWasRolledBackWithItsStateIsRefused) {
  Start();
  ASSERT_NO_FATAL_FAILURE(CreateLedger());
  ASSERT_OK(Client().Append(MakeEvent("s", 1)));
  Stop();
  std::filesystem::copy(Path("root"), Path("older"), std::filesystem::copy_options::recursive);
  Start();
  ASSERT_OK(Client().Append(MakeEvent("s", 2)));
  const uint64_t newest = Size();
  ASSERT_EQ(Backup().exit_code, 0);
  Stop();
  std::filesystem::remove_all(Path("root"));
  std::filesystem::rename(Path("older"), Path("root"));
  Start();
  const Ran shorter = Backup();
  EXPECT_EQ(shorter.exit_code, 1);
  EXPECT_THAT(shorter.err, AllOf(HasSubstr("rollback"), HasSubstr("refused-checkpoint")));
  EXPECT_THAT(ReadFile(Path("backup/refused-checkpoint")), HasSubstr(kOrigin));
  ExpectPrivate(Path("backup"));
  // It grows again, with other events: a fork.
  ASSERT_OK(Client().Append(MakeEvent("s", 3)));
  ASSERT_OK(Client().Append(MakeEvent("s", 4)));
  const Ran forked = Backup();
  EXPECT_EQ(forked.exit_code, 1);
  EXPECT_THAT(forked.err, HasSubstr("fork"));
  const Ran kept = Ctl({"backup-verify", Path("backup"), "--json"});
  EXPECT_EQ(kept.exit_code, 0) << kept.err;
  EXPECT_EQ(json::parse(kept.out)["size"], newest) << "the backup is as it was";
}

}  // namespace
}  // namespace auditledger::testing
