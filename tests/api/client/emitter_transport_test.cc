// How an emitter holds a ledger to the heads that it has shown: over gRPC, in process.
#include "api/client/emitter_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "merkle/cosignature.h"
#include "tests/api/client/log_service.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::LogService;
using testing::StatusIs;
using testing::TestEvent;
using testing::TestLog;

constexpr auto kLoss = absl::StatusCode::kDataLoss;
constexpr auto kOk = absl::StatusCode::kOk;

class LedgerTransportTest : public ::testing::Test {
 protected:
  LedgerTransportTest() : service_(log_) { log_.AddEvents(20); }
  LedgerTransportOptions Options() {
    LedgerTransportOptions options;
    options.ledger = "ledgers/main";
    options.log = PinnedLog{log_.origin(), log_.verifier()};
    return options;
  }
  LedgerTransport Transport() { return LedgerTransport(service_.channel(), Options()); }
  absl::StatusCode Follow(const std::string& last, const std::string& note) {
    return Transport().Follow(last, note).status().code();
  }

  TestLog log_;
  LogService service_;
};

TEST_F(LedgerTransportTest, SendsAndChecksEachReceipt) {
  std::vector<v1::AuditEvent> events(3);
  for (size_t i = 0; i < 3; ++i) ASSERT_TRUE(events[i].ParseFromString(TestEvent(900 + i)));
  size_t answered = 0;
  LedgerTransport transport = Transport();
  ASSERT_OK(
      transport.Send(events, [&](size_t position, const absl::StatusOr<v1::Receipt>& receipt) {
        EXPECT_EQ(position, answered++);
        EXPECT_OK(receipt);
      }));
  EXPECT_EQ(answered, 3u);
}

// Of receipts that share a head its signature is checked once, and everything else of each.
TEST_F(LedgerTransportTest, ReceiptsUnderOneHeadAreEachCheckedForThemselves) {
  std::vector<v1::AuditEvent> events(3);
  for (size_t i = 0; i < 3; ++i) ASSERT_TRUE(events[i].ParseFromString(TestEvent(900 + i)));
  const auto codes = [&](const std::function<void(v1::AppendEventStreamResponse&)>& lie) {
    service_.Tell([&](v1::AppendEventStreamResponse& response) {
      for (v1::AppendResult& result : *response.mutable_results()) {
        const uint64_t index = result.receipt().index();
        *result.mutable_receipt() = testing::ReceiptMessage(log_, index, log_.size());
      }
      lie(response);
    });
    std::vector<bool> out;
    LedgerTransport transport = Transport();
    EXPECT_OK(transport.Send(events, [&](size_t, const absl::StatusOr<v1::Receipt>& receipt) {
      out.push_back(receipt.ok());
    }));
    return out;
  };
  using Response = v1::AppendEventStreamResponse;
  using Verdicts = std::vector<bool>;
  const auto receipt = [](Response& r, int i) { return r.mutable_results(i)->mutable_receipt(); };
  EXPECT_EQ(codes([](Response&) {}), (Verdicts{true, true, true}));
  EXPECT_EQ(codes([&](Response& r) { receipt(r, 1)->set_index(3); }),
            (Verdicts{true, false, true}));
  EXPECT_EQ(codes([&](Response& r) { *receipt(r, 1) = r.results(0).receipt(); }),
            (Verdicts{true, false, true}));
  EXPECT_EQ(codes([&](Response& r) { receipt(r, 1)->clear_checkpoint(); }),
            (Verdicts{true, false, true}));
  TestLog::Options stranger;
  stranger.key = 2;
  TestLog other(stranger);
  EXPECT_EQ(codes([&](Response& r) {
              const std::string note = receipt(r, 1)->checkpoint().note();
              const std::string text = ParseNote(note)->text;
              receipt(r, 1)->mutable_checkpoint()->set_note(other.Sign(text));
            }),
            (Verdicts{true, false, true}));
  EXPECT_EQ(codes([&](Response& r) { receipt(r, 0)->clear_checkpoint(); }),
            (Verdicts{false, true, true}));
}

TEST_F(LedgerTransportTest, FollowsFromAnySizeToAnyOther) {
  LedgerTransport transport = Transport();
  for (uint64_t a = 1; a <= log_.size(); ++a) {
    for (uint64_t b = 1; b <= log_.size(); ++b) {
      const auto newest = transport.Follow(log_.CheckpointAt(a), log_.CheckpointAt(b));
      ASSERT_OK(newest) << a << " " << b;
      EXPECT_EQ(*newest, log_.CheckpointAt(std::max(a, b)));
    }
  }
  EXPECT_EQ(transport.Follow("", log_.CheckpointAt(5)).value(), log_.CheckpointAt(5));
}

TEST_F(LedgerTransportTest, AForkIsNoticedWhicheverIsSeenFirst) {
  TestLog fork;
  fork.AddEvent(TestEvent(900));
  fork.AddEvents(20);
  for (uint64_t a = 2; a <= log_.size(); ++a) {
    for (uint64_t b = 2; b <= log_.size(); ++b) {
      service_.Serve(fork);
      ASSERT_EQ(Follow(log_.CheckpointAt(a), fork.CheckpointAt(b)), kLoss) << a << " " << b;
      service_.Serve(log_);
      ASSERT_EQ(Follow(log_.CheckpointAt(a), fork.CheckpointAt(b)), kLoss) << a << " " << b;
    }
  }
}

TEST_F(LedgerTransportTest, ALedgerThatWasRolledBackIsNoticed) {
  TestLog shorter;
  shorter.AddEvents(5);
  service_.Serve(shorter);
  EXPECT_THAT(Transport().Follow(log_.CheckpointAt(20), log_.CheckpointAt(6)),
              StatusIs(kLoss, HasSubstr("rolled back")));
}

TEST_F(LedgerTransportTest, HeadsOfOthersAreNoHeads) {
  TestLog::Options stranger;
  stranger.key = 2;
  TestLog other(stranger);
  other.AddEvents(30);
  const std::string ours = log_.CheckpointAt(5);
  EXPECT_NE(Follow(ours, other.CheckpointAt(6)), kOk);
  EXPECT_NE(Follow("", other.CheckpointAt(6)), kOk);
  EXPECT_NE(Follow(other.CheckpointAt(6), ours), kOk);
  EXPECT_NE(Follow(ours, "no note"), kOk);
}

TEST_F(LedgerTransportTest, TheEmptyHeadIsExtendedByAllAndOthersOfSizeZeroAreNot) {
  EXPECT_EQ(Follow(log_.CheckpointSaying(0, EmptyRoot()), log_.CheckpointAt(3)), kOk);
  EXPECT_EQ(Follow(log_.CheckpointAt(3), log_.CheckpointSaying(0, EmptyRoot())), kOk);
  EXPECT_EQ(service_.proofs(), 0);
}

TEST_F(LedgerTransportTest, WithoutPinOrRoleNothingIsAsked) {
  LedgerTransportOptions options = Options();
  options.follow = false;
  LedgerTransport blind(service_.channel(), options);
  EXPECT_EQ(blind.Follow(log_.CheckpointAt(9), log_.CheckpointAt(3)).value(), log_.CheckpointAt(3));
  options = Options();
  options.log.reset();
  LedgerTransport unpinned(service_.channel(), options);
  EXPECT_EQ(unpinned.Follow("a", "b").value(), "b");
  EXPECT_EQ(service_.proofs(), 0);
}

TEST_F(LedgerTransportTest, AWitnessedHeadIsTheLogsOwn) {
  service_.Answer(log_.CheckpointAt(7));
  EXPECT_EQ(Transport().Witnessed()->size, 7u);
  service_.Answer("no note");
  EXPECT_FALSE(Transport().Witnessed().ok());
  TestLog::Options stranger;
  stranger.key = 2;
  service_.Answer(TestLog(stranger).CheckpointAt(1));
  EXPECT_FALSE(Transport().Witnessed().ok());
  LedgerTransportOptions options = Options();
  options.log.reset();
  LedgerTransport unpinned(service_.channel(), options);
  EXPECT_EQ(unpinned.Witnessed()->size, 1u);
}

TEST_F(LedgerTransportTest, WithAPolicyTheCosignaturesCount) {
  ASSERT_OK_AND_ASSIGN(const NoteVerifier witness,
                       NoteVerifier::FromEd25519("witness.test/w1", testing::TestPublicKey(9),
                                                 kNoteEd25519Cosignature));
  LedgerTransportOptions options = Options();
  options.witnesses =
      Policy::Parse(absl::StrCat("witness w1 ", witness.ToVkey(), "\nquorum w1\n")).value();
  LedgerTransport transport(service_.channel(), options);
  const std::string note = log_.CheckpointAt(7);
  service_.Answer(note);
  EXPECT_THAT(transport.Witnessed(), StatusIs(absl::StatusCode::kFailedPrecondition));
  const std::string text = ParseNote(note)->text;
  ASSERT_OK_AND_ASSIGN(
      const NoteSignature line,
      MakeCosignature(witness, 1'700'000'000,
                      testing::TestSignature(9, CosignatureMessage(1'700'000'000, text))));
  service_.Answer(note + FormatNoteSignature(line));
  EXPECT_EQ(transport.Witnessed()->size, 7u);
}

}  // namespace
}  // namespace auditledger
