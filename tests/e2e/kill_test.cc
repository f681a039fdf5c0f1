// kill -9 at a random moment under load, again and again on one folder. After each start: every
// acknowledged event stands where its receipt said, proven; a repeat gets the first receipt;
// nothing is there twice; the head extends the one before; and every payload that was read
// meanwhile has an entry that says so.
//
// AUDITLEDGER_KILL_ROUNDS sets the rounds (CI: 100), AUDITLEDGER_TEST_SEED replays a run.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "api/client/channel.h"
#include "api/client/ledger_client.h"
#include "api/client/receipt_check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "merkle/header.h"
#include "merkle/leaf.h"
#include "merkle/verify.h"
#include "tests/e2e/processes.h"
#include "tests/e2e/test_event.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

constexpr int kDefaultRounds = 5;
constexpr uint64_t kRoundsAProgressLine = 500;
constexpr int kThreads = 4;
constexpr int kMaxBatch = 8;
constexpr int kMaxKillDelayMs = 250;
constexpr char kOrigin[] = "audit.example.org/kill";
constexpr char kLedger[] = "ledgers/kill";

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

struct Sent {
  v1::AuditEvent event;
  bool acknowledged = false;
  uint64_t index = 0;
  std::string leaf;
};

class KillTest : public ::testing::Test {
 protected:
  void Start() {
    const std::string socket = "unix:" + folder_.path() + "/s";
    daemon_ = std::make_unique<Daemon>(
        folder_.path(),
        std::vector<std::string>{"--allow_unix_socket", "--listen", "local," + socket,
                                 "--auto_create", absl::StrCat("kill=", kOrigin)});
    channel_ = UnixChannel(socket);
    if (!log_) {
      std::string vkey = ReadFile(folder_.path() + "/keys/kill/log.vkey");
      vkey.pop_back();
      log_ = PinnedLog{kOrigin, NoteVerifier::Parse(vkey).value()};
    }
    RetryPolicy once;
    once.max_attempts = 1;
    client_ = std::make_unique<LedgerClient>(
        channel_, LedgerClientOptions{.ledger = kLedger, .log = log_, .retry = once});
  }

  // Appends until the server is gone.
  void Emit(int thread, uint64_t seed) {
    std::mt19937_64 random(seed);
    const std::string stream = absl::StrCat("t", thread);
    while (true) {
      std::vector<v1::AuditEvent> events;
      for (uint64_t n = 1 + random() % kMaxBatch; n > 0; --n) {
        events.push_back(MakeEvent(stream, ++sequence_[thread]));
      }
      const auto receipts = client_->AppendBatch(events);
      const std::lock_guard<std::mutex> lock(mutex_);
      for (size_t i = 0; i < events.size(); ++i) {
        Sent& sent = sent_.emplace_back();
        sent.event = events[i];
        if (!receipts.ok()) continue;
        sent.acknowledged = true;
        sent.index = (*receipts)[i].index();
        sent.leaf = (*receipts)[i].leaf();
      }
      if (!receipts.ok()) return;
    }
  }

  // Reads payloads of entries below `size` until the server is gone.
  void Read(uint64_t size, uint64_t seed) {
    std::mt19937_64 random(seed);
    while (true) {
      v1::GetEntryRequest request;
      const uint64_t index = random() % size;
      request.set_name(absl::StrCat(kLedger, "/entries/", index));
      request.set_view(v1::ENTRY_VIEW_FULL);
      grpc::ClientContext context;
      v1::GetEntryResponse response;
      if (!client_->stub().GetEntry(&context, request, &response).ok()) return;
      ++reads_[index];
    }
  }

  void LoadAndKill(std::mt19937_64& random) {
    std::vector<std::thread> threads;
    threads.emplace_back([this, seed = random()] { Read(last_->size, seed); });
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([this, i, seed = random()] { Emit(i, seed); });
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % kMaxKillDelayMs));
    daemon_->Kill();
    for (std::thread& thread : threads) thread.join();
    client_.reset();
    channel_.reset();
  }

  // Those sent in this round again: an acknowledged one is a repeat of exactly what was
  // acknowledged, one in flight is recorded now or was before. CheckReceipt in the client verifies
  // every proof.
  void CheckAcknowledged() {
    for (size_t begin = 0; begin < sent_.size(); begin += 500) {
      const size_t end = std::min(sent_.size(), begin + 500);
      std::vector<v1::AuditEvent> events;
      for (size_t i = begin; i < end; ++i) events.push_back(sent_[i].event);
      ASSERT_OK_AND_ASSIGN(const auto receipts, client_->AppendBatch(events));
      for (size_t i = begin; i < end; ++i) {
        Sent& sent = sent_[i];
        const v1::Receipt& receipt = receipts[i - begin];
        if (sent.acknowledged) {
          EXPECT_TRUE(receipt.repeated_event()) << sent.event.event_id();
          EXPECT_EQ(receipt.index(), sent.index) << sent.event.event_id();
          EXPECT_EQ(receipt.leaf(), sent.leaf) << sent.event.event_id();
        }
        EXPECT_TRUE(index_of_.emplace(sent.event.event_id(), receipt.index()).second);
      }
    }
  }

  // Every event of the log beyond `from` is one that was sent, at the index its receipt names,
  // once.
  void CheckNothingTwice(uint64_t from) {
    v1::ListEntriesRequest request;
    request.set_parent(kLedger);
    request.set_page_size(1000);
    request.set_view(v1::ENTRY_VIEW_FULL);
    request.set_start_index(from);
    do {
      grpc::ClientContext context;
      v1::ListEntriesResponse response;
      ASSERT_TRUE(client_->stub().ListEntries(&context, request, &response).ok());
      for (const v1::Entry& entry : response.entries()) {
        const Leaf leaf = ParseLeaf(entry.leaf()).value();
        if (leaf.kind != EntryKind::kEvent) continue;
        const EntryHeader header = ParseHeader(entry.opening().header()).value();
        if (absl::StartsWith(header.principal, "ledger:")) {
          TakeAccess(entry.opening().event());
          continue;
        }
        const auto found = index_of_.find(header.event_id);
        ASSERT_NE(found, index_of_.end()) << header.event_id;
        EXPECT_EQ(found->second, entry.index()) << header.event_id;
        ++events_in_log_;
      }
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    EXPECT_EQ(events_in_log_, index_of_.size());
  }

  // Which entries an event says were read, each by itself.
  void TakeAccess(const std::string& bytes) {
    v1::AuditEvent event;
    ASSERT_TRUE(event.ParseFromString(bytes));
    if (event.code(0).text() != "LedgerService/GetEntry") return;
    for (const v1::Entity& entity : event.entity()) {
      absl::string_view name = entity.what().reference();
      ASSERT_TRUE(absl::ConsumePrefix(&name, absl::StrCat(kLedger, "/entries/"))) << name;
      const std::vector<std::string> ends = absl::StrSplit(name, '-');
      uint64_t first = 0;
      uint64_t last = 0;
      ASSERT_TRUE(absl::SimpleAtoi(ends.front(), &first) && absl::SimpleAtoi(ends.back(), &last));
      for (uint64_t index = first; index <= last; ++index) ++on_record_[index];
    }
  }

  // No payload left the server without an entry before it.
  void CheckReads() {
    for (const auto& [index, count] : reads_) {
      EXPECT_GE(on_record_[index], count) << "of entry " << index;
      payloads_read_ += count;
    }
    reads_.clear();
    on_record_.clear();
  }

  // The newest head, shown to extend the one of the round before.
  void CheckConsistency() {
    grpc::ClientContext context;
    v1::GetCheckpointRequest request;
    request.set_ledger(kLedger);
    v1::GetCheckpointResponse response;
    ASSERT_TRUE(client_->stub().GetCheckpoint(&context, request, &response).ok());
    ASSERT_OK_AND_ASSIGN(const SignedCheckpoint head,
                         OpenCheckpoint(response.checkpoint().note(), kOrigin, log_->key));
    if (last_) {
      grpc::ClientContext proof_context;
      v1::GetConsistencyProofRequest ask;
      ask.set_ledger(kLedger);
      ask.set_old_size(last_->size);
      ask.set_new_size(head.checkpoint.size);
      v1::GetConsistencyProofResponse proof;
      ASSERT_TRUE(client_->stub().GetConsistencyProof(&proof_context, ask, &proof).ok());
      std::vector<Hash> hashes;
      for (const std::string& hash : proof.proof().hashes())
        hashes.push_back(Hash::FromBytes(hash).value());
      EXPECT_OK(VerifyConsistency(last_->size, last_->root, head.checkpoint.size,
                                  head.checkpoint.root, hashes));
    }
    last_ = head.checkpoint;
  }

  TempFolder folder_;
  std::unique_ptr<Daemon> daemon_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<LedgerClient> client_;
  std::optional<PinnedLog> log_;
  std::mutex mutex_;
  std::vector<Sent> sent_;  // of this round
  uint64_t sequence_[kThreads] = {};
  std::map<std::string, uint64_t> index_of_;  // of all rounds
  uint64_t events_in_log_ = 0;
  std::map<uint64_t, uint64_t> reads_;  // of this round: index, times its payload was given
  std::map<uint64_t, uint64_t> on_record_;
  uint64_t payloads_read_ = 0;
  std::optional<Checkpoint> last_;
};

TEST_F(KillTest, EveryAcknowledgedEventOutlivesKillMinusNine) {
  const uint64_t rounds = FromEnvironment("AUDITLEDGER_KILL_ROUNDS", kDefaultRounds);
  const uint64_t seed = FromEnvironment("AUDITLEDGER_TEST_SEED", std::random_device{}());
  std::printf("AUDITLEDGER_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  size_t acknowledged = 0;
  size_t in_flight = 0;
  Start();
  uint64_t round = 0;
  for (; round < rounds && !HasFatalFailure(); ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    CheckConsistency();
    const uint64_t size = last_->size;
    LoadAndKill(random);
    Start();
    for (const Sent& sent : sent_) ++(sent.acknowledged ? acknowledged : in_flight);
    CheckConsistency();
    CheckAcknowledged();
    CheckNothingTwice(size);
    CheckReads();
    sent_.clear();
    if ((round + 1) % kRoundsAProgressLine == 0) {
      std::printf("%llu of %llu rounds\n", static_cast<unsigned long long>(round + 1),
                  static_cast<unsigned long long>(rounds));
      std::fflush(stdout);
    }
  }
  std::printf("%llu kills: %zu events acknowledged before one, %zu in flight, %llu payloads read\n",
              static_cast<unsigned long long>(round), acknowledged, in_flight,
              static_cast<unsigned long long>(payloads_read_));
  EXPECT_GT(payloads_read_, 0u);
  EXPECT_GT(acknowledged, 0u);
  EXPECT_GT(in_flight, 0u);
}

}  // namespace
}  // namespace auditledger::testing
