// The daemon's side of timestamps, on real ledgers, with an authority that is played and a clock
// that is set.
//
// Covers: api/proof_service
#include "api/anchorer.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "auditledger/v1/proof_service.grpc.pb.h"
#include "ledger/posix_file.h"
#include "merkle/cose_receipt.h"
#include "merkle/opening.h"
#include "merkle/sha256.h"
#include "merkle/tlog_proof.h"
#include "merkle/verify.h"
#include "tests/api/api_fixture.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_random.h"
#include "tests/testing/test_tsa.h"

namespace auditledger {
namespace {

using testing::GoodEvent;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using testing::StatusIs;
using testing::TestTsa;
using Stub = v1::ProofService::Stub;

constexpr uint64_t kHour = 3600ull * 1'000'000;

class AnchorerTest : public ::testing::Test {
 protected:
  AnchorerTest() {
    LedgerSetOptions options;
    options.roots = {dir_ / "data", dir_ / "state", dir_ / "keys", dir_ / "seeds"};
    ledgers_ = LedgerSet::Open(options).value();
    ledger_ = ledgers_->Create("main", "test.example/log").value();
    server_ = std::make_unique<testing::ServerUnderTest>(
        *ledgers_, [&](config::v1::Config& config) { config.set_data_dir(dir_ / "data"); });
    stub_ = v1::ProofService::NewStub(server_->channel());
    Restart();
  }

  // As a process that starts anew.
  void Restart(size_t authorities = 1) {
    anchorer_.reset();
    log_ = RpcLog::Open("debug", dir_ / "log").value();
    Anchorer::Options options;
    options.data_root = dir_ / "data";
    options.post = [this](const std::string& url, const std::string& query,
                          std::chrono::milliseconds) { return Answer(url, query); };
    for (size_t i = 0; i < authorities; ++i) {
      options.tsas.push_back({absl::StrCat("http://tsa", i, ".example/"), "",
                              TsaTrust::FromPem(tsa_.ca_pem(), {}).value()});
    }
    anchorer_ = std::make_unique<Anchorer>(*ledgers_, *log_, clock_, random_, options);
  }
  absl::StatusOr<std::string> Answer(const std::string& url, const std::string& query) {
    asked_.push_back(url);
    if (!down_.ok()) return down_;
    const std::string time = absl::FormatTime(
        "%Y%m%d%H%M%SZ",
        absl::FromUnixMicros(static_cast<int64_t>(clock_.WallMicros()) + tsa_ahead_us_),
        absl::UTCTimeZone());
    if (!replayed_.empty()) return replayed_;
    if (stranger_) return TestTsa({}).Answer(query, time);
    return last_answer_ = tsa_.Answer(query, time);
  }
  void Append(const std::string& id) { ASSERT_OK(server_->Append(GoodEvent(id))); }
  void PassAnHour() {
    clock_.Advance(kHour);
    anchorer_->RunOnce();
  }
  std::vector<StoredTimestamp> Stored() {
    std::vector<StoredTimestamp> out;
    const TimestampStore store(dir_ / "data/main/timestamps");
    const std::vector<std::string> stems = store.List().value();
    for (const std::string& stem : stems) out.push_back(store.Read(stem).value());
    return out;
  }
  Leaf LeafAt(uint64_t index) { return ParseLeaf(ledger_->ReadEntry(index, false)->leaf).value(); }
  Anchorer::Anchored Report() { return anchorer_->Report().at(0); }
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request) {
    grpc::ClientContext context;
    Response response;
    const grpc::Status status = ((*stub_).*method)(&context, request, &response);
    if (status.ok()) return response;
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }

  testing::TempDir dir_;
  testing::FakeClock clock_;
  testing::FakeRandom random_{5};
  const TestTsa tsa_{{}};
  std::unique_ptr<LedgerSet> ledgers_;
  Ledger* ledger_ = nullptr;
  std::unique_ptr<testing::ServerUnderTest> server_;
  std::unique_ptr<Stub> stub_;
  std::unique_ptr<RpcLog> log_;
  std::unique_ptr<Anchorer> anchorer_;
  std::vector<std::string> asked_;
  absl::Status down_;
  bool stranger_ = false;
  std::string last_answer_;
  std::string replayed_;  // instead of an answer
  int64_t tsa_ahead_us_ = 0;
};

TEST_F(AnchorerTest, AHeadIsStampedStoredAndNamed) {
  Append("a");
  anchorer_->RunOnce();
  ASSERT_THAT(Stored(), SizeIs(1));
  const StoredTimestamp stored = Stored()[0];
  const Note note = ParseNote(stored.checkpoint).value();
  const TsaTrust trust = TsaTrust::FromPem(tsa_.ca_pem(), {}).value();
  ASSERT_OK_AND_ASSIGN(const Timestamp stamp, VerifyTimestampToken(stored.token, note.text, trust));
  const Checkpoint head = ParseCheckpoint(note.text).value();
  EXPECT_EQ(head.size, 2u);
  const Leaf leaf = LeafAt(2);
  ASSERT_EQ(leaf.kind, EntryKind::kAnchor);
  EXPECT_EQ(ParseAnchor(leaf.body).value(),
            (Anchor{2, head.root, Sha256({stored.token}), stamp.time_us}));
  const TlogProof receipt = ParseTlogProof(stored.receipt).value();
  EXPECT_EQ(receipt.index, 2u);
  const SignedCheckpoint under =
      OpenCheckpoint(receipt.checkpoint, "test.example/log", ledger_->verifier()).value();
  EXPECT_OK(VerifyInclusion(2, under.checkpoint.size, LeafHash(EncodeLeaf(leaf).value()),
                            receipt.path, under.checkpoint.root));
  EXPECT_EQ(Report().size, 2u);
  EXPECT_FALSE(Report().failing);
}

TEST_F(AnchorerTest, ALogAtRestIsStampedOnce) {
  anchorer_->RunOnce();
  EXPECT_EQ(ledger_->head()->head.size, 2u) << "genesis, and the entry about its timestamp";
  for (int hour = 0; hour < 5; ++hour) PassAnHour();
  EXPECT_EQ(ledger_->head()->head.size, 2u);
  EXPECT_THAT(asked_, SizeIs(1));
  Append("a");
  PassAnHour();
  EXPECT_EQ(ledger_->head()->head.size, 4u);
  Restart();
  for (int hour = 0; hour < 3; ++hour) PassAnHour();
  EXPECT_EQ(ledger_->head()->head.size, 4u);
  EXPECT_THAT(asked_, SizeIs(2));
}

TEST_F(AnchorerTest, ItAsksOnceAnIntervalAndSoDoesAProcessThatStartsAgain) {
  anchorer_->RunOnce();
  Append("a");
  anchorer_->RunOnce();
  Restart();
  anchorer_->RunOnce();
  EXPECT_THAT(asked_, SizeIs(1));
  PassAnHour();
  EXPECT_THAT(asked_, SizeIs(2));
}

TEST_F(AnchorerTest, SeveralAuthoritiesStampEach) {
  Restart(2);
  Append("a");
  anchorer_->RunOnce();
  EXPECT_THAT(Stored(), SizeIs(2));
  EXPECT_EQ(LeafAt(2).kind, EntryKind::kAnchor);
  EXPECT_EQ(LeafAt(3).kind, EntryKind::kAnchor);
  for (int hour = 0; hour < 3; ++hour) PassAnHour();
  EXPECT_EQ(ledger_->head()->head.size, 4u) << "neither stamps what the other's entry added";
}

TEST_F(AnchorerTest, AFailureIsCountedAndTriedAgainLaterAndLater) {
  down_ = absl::UnavailableError("no route");
  anchorer_->RunOnce();
  EXPECT_TRUE(Report().failing);
  EXPECT_EQ(ledger_->head()->head.size, 1u) << "nothing is in the log that was not stamped";
  anchorer_->RunOnce();
  EXPECT_THAT(asked_, SizeIs(1)) << "not before its time";
  for (const uint64_t wait_s : {30, 60, 120, 240, 480, 960, 1920, 3600, 3600}) {
    const size_t before = asked_.size();
    clock_.Advance(wait_s * 1'000'000 - 1);
    anchorer_->RunOnce();
    EXPECT_EQ(asked_.size(), before) << wait_s;
    clock_.Advance(1);
    anchorer_->RunOnce();
    EXPECT_EQ(asked_.size(), before + 1) << wait_s;
  }
  EXPECT_EQ(Report().failures, 10u);
  down_ = absl::OkStatus();
  PassAnHour();
  EXPECT_FALSE(Report().failing);
  EXPECT_THAT(Stored(), SizeIs(1));
  Append("appends went on");
}

TEST_F(AnchorerTest, AWrongTokenIsNeitherStoredNorNamed) {
  stranger_ = true;
  anchorer_->RunOnce();
  EXPECT_TRUE(Report().failing);
  EXPECT_THAT(Stored(), SizeIs(0));
  EXPECT_EQ(ledger_->head()->head.size, 1u);
}

// Who holds the network answers with what the authority said of an earlier head.
TEST_F(AnchorerTest, AnAnswerToAnEarlierQuestionIsNeitherStoredNorNamed) {
  Append("a");
  anchorer_->RunOnce();
  ASSERT_THAT(Stored(), SizeIs(1));
  replayed_ = last_answer_;
  Append("b");
  PassAnHour();
  EXPECT_TRUE(Report().failing);
  EXPECT_THAT(Stored(), SizeIs(1));
  EXPECT_EQ(ledger_->head()->head.size, 4u) << "genesis, a, its timestamp's entry, b";
  replayed_.clear();
  PassAnHour();
  EXPECT_FALSE(Report().failing);
  EXPECT_THAT(Stored(), SizeIs(2));
}

TEST_F(AnchorerTest, ATokenOfAWrongClockIsNeitherStoredNorNamed) {
  const int64_t limit = kMaxTsaClockOffsetMicros;
  for (const int64_t off : {limit + 1'000'000, -limit - 1'000'000, int64_t{kHour}}) {
    tsa_ahead_us_ = off;
    PassAnHour();
    EXPECT_TRUE(Report().failing);
    EXPECT_THAT(Stored(), SizeIs(0));
    EXPECT_EQ(ledger_->head()->head.size, 1u);
  }
  EXPECT_EQ(Report().failures, 3u);
  EXPECT_THAT(testing::FileText(dir_ / "log"), HasSubstr("wrong clock: the stamp's time is 61 s"));
  tsa_ahead_us_ = limit;
  PassAnHour();
  EXPECT_THAT(Stored(), SizeIs(1));
  EXPECT_FALSE(Report().failing);
}

TEST_F(AnchorerTest, ATokenOfATimeToComeStaysUnnamedAndInNobodysWay) {
  const std::string note = ledger_->head()->checkpoint;
  const std::string token = tsa_.Stamp(ParseNote(note)->text, {.time = "20231114231320Z"});
  const TimestampStore store(dir_ / "data/main/timestamps");
  ASSERT_OK(store.Put({TimestampFileStem(1, Sha256({token})), note, token, ""}));
  Append("a");
  anchorer_->RunOnce();
  EXPECT_FALSE(Report().failing);
  ASSERT_THAT(Stored(), SizeIs(2));
  EXPECT_EQ(Stored()[0].receipt, "");
  EXPECT_NE(Stored()[1].receipt, "");
}

TEST_F(AnchorerTest, ATokenThatWasStoredAndNotNamedIsNamedLater) {
  Append("a");
  // As a crash between the two leaves it.
  const std::string note = ledger_->head()->checkpoint;
  const std::string token = tsa_.Stamp(ParseNote(note)->text, {.time = "20231114221320Z"});
  const TimestampStore store(dir_ / "data/main/timestamps");
  const std::string stem = TimestampFileStem(2, Sha256({token}));
  ASSERT_OK(store.Put({stem, note, token, ""}));
  Append("b");
  Restart();
  anchorer_->RunOnce();
  ASSERT_OK_AND_ASSIGN(const StoredTimestamp named, store.Read(stem));
  ASSERT_NE(named.receipt, "");
  EXPECT_EQ(ParseAnchor(LeafAt(3).body)->size, 2u);
  EXPECT_THAT(Stored(), SizeIs(2)) << "and the head that grew since was stamped";
}

TEST_F(AnchorerTest, TimestampsAreListedInPagesAndBracketAnEntry) {
  for (int i = 0; i < 3; ++i) {
    Append(absl::StrCat("event-", i));
    PassAnHour();
  }
  ASSERT_EQ(ledger_->head()->head.size, 7u);  // 0 genesis; 1, 3, 5 events; 2, 4, 6 timestamps
  v1::ListTimestampsRequest list;
  list.set_parent("ledgers/main");
  list.set_page_size(2);
  ASSERT_OK_AND_ASSIGN(const auto first, Call(&Stub::ListTimestamps, list));
  ASSERT_EQ(first.timestamps_size(), 2);
  list.set_page_token(first.next_page_token());
  ASSERT_OK_AND_ASSIGN(const auto second, Call(&Stub::ListTimestamps, list));
  ASSERT_EQ(second.timestamps_size(), 1);
  EXPECT_EQ(second.next_page_token(), "");
  v1::GetTimeBracketRequest bracket;
  bracket.set_ledger("ledgers/main");
  bracket.set_index(3);
  ASSERT_OK_AND_ASSIGN(const auto found, Call(&Stub::GetTimeBracket, bracket));
  EXPECT_EQ(found.before().name(), first.timestamps(0).name()) << "named by entry 2";
  EXPECT_EQ(found.after().name(), first.timestamps(1).name()) << "of the head of 4";
  bracket.set_index(1);
  EXPECT_EQ(Call(&Stub::GetTimeBracket, bracket)->before().name(), "");
  bracket.set_index(6);
  EXPECT_EQ(Call(&Stub::GetTimeBracket, bracket)->after().name(), "");
  bracket.set_index(7);
  EXPECT_THAT(Call(&Stub::GetTimeBracket, bracket), StatusIs(absl::StatusCode::kOutOfRange));
}

TEST_F(AnchorerTest, ADamagedTimestampIsSaidToBe) {
  anchorer_->RunOnce();
  const std::string path = dir_ / ("data/main/timestamps/" + Stored()[0].stem + ".tst");
  ASSERT_OK(ReplaceFile(path, "damaged"));
  v1::ListTimestampsRequest list;
  list.set_parent("ledgers/main");
  EXPECT_THAT(Call(&Stub::ListTimestamps, list), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(AnchorerTest, ACoseReceiptIsUnderTheNewestHead) {
  v1::GetCoseReceiptRequest request;
  request.set_ledger("ledgers/main");
  EXPECT_THAT(Call(&Stub::GetCoseReceipt, request),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("one entry")));
  for (int i = 0; i < 5; ++i) Append(absl::StrCat("event-", i));
  request.set_index(3);
  ASSERT_OK_AND_ASSIGN(const auto response, Call(&Stub::GetCoseReceipt, request));
  EXPECT_EQ(response.tree_size(), 6u);
  ASSERT_OK_AND_ASSIGN(const CoseReceipt receipt, ParseCoseReceipt(response.receipt()));
  EXPECT_OK(VerifyCoseInclusion(receipt, LeafHash(ledger_->ReadEntry(3, false)->leaf),
                                ledger_->verifier()));
  request.set_index(6);
  EXPECT_THAT(Call(&Stub::GetCoseReceipt, request), StatusIs(absl::StatusCode::kOutOfRange));
}

TEST_F(AnchorerTest, OptionsAreReadFromTheFilesThatTheConfigurationNames) {
  config::v1::Anchor anchor;
  anchor.set_interval_s(60);
  anchor.add_tsas()->set_ca_file(dir_ / "ca.pem");
  EXPECT_THAT(Anchorer::ReadOptions(anchor, "x"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("anchor.tsas[0].ca_file")));
  ASSERT_OK(CreateFile(dir_ / "ca.pem", "no certificate"));
  EXPECT_THAT(Anchorer::ReadOptions(anchor, "x"), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK(ReplaceFile(dir_ / "ca.pem", tsa_.ca_pem()));
  ASSERT_OK_AND_ASSIGN(const Anchorer::Options options, Anchorer::ReadOptions(anchor, "x"));
  EXPECT_EQ(options.interval, std::chrono::seconds(60));
  EXPECT_THAT(options.tsas, SizeIs(1));
}

}  // namespace
}  // namespace auditledger
