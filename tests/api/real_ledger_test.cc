// The service on a real LedgerSet: receipts that verify, exactly-once, proofs, listings and tails.
//
// Covers: api/convert, api/head_stream, api/ledger_queries, api/read_service, api/tail_service
// Covers: api/client/ledger_client, api/client/receipt_check, api/client/shared_proof
#include <gmock/gmock.h>

#include <map>
#include <thread>

#include "api/client/channel.h"
#include "api/client/ledger_client.h"
#include "api/client/shared_proof.h"
#include "ledger/fsck.h"
#include "merkle/leaf.h"
#include "tests/api/api_fixture.h"

namespace auditledger {
namespace {

using testing::AppendRequest;
using testing::Detail;
using testing::GoodEvent;
using testing::StatusIs;
using Stub = v1::LedgerService::Stub;

// The same event each time: GoodEvent's has the second in which it was made.
const v1::AuditEvent& SameEvent(const std::string& id, uint64_t sequence) {
  static std::map<std::string, v1::AuditEvent> events;
  return events.try_emplace(id, GoodEvent(id, sequence)).first->second;
}

class RealLedgerTest : public ::testing::Test {
 protected:
  RealLedgerTest() {
    LedgerSetOptions options;
    options.roots = {dir_.path() + "/data", dir_.path() + "/state", dir_.path() + "/keys",
                     dir_.path() + "/seeds"};
    ledgers_ = LedgerSet::Open(options).value();
    ledger_ = ledgers_->Create("main", "test.example/log").value();
    server_ = std::make_unique<testing::ServerUnderTest>(*ledgers_);
  }

  LedgerClient Client() {
    LedgerClientOptions options;
    options.ledger = "ledgers/main";
    options.log = PinnedLog{"test.example/log", ledger_->verifier()};
    return LedgerClient(server_->channel(), std::move(options));
  }
  void Fill(int count) {
    std::vector<v1::AuditEvent> events;
    for (int i = 0; i < count; ++i)
      events.push_back(SameEvent("fill-" + std::to_string(i), static_cast<uint64_t>(i) + 1));
    ASSERT_OK(
        Client().AppendStream(events, [](size_t, const auto& receipt) { EXPECT_OK(receipt); }));
  }
  uint64_t Size() { return ledger_->head()->head.size; }
  PinnedLog Pinned() { return {"test.example/log", ledger_->verifier()}; }
  static v1::BatchAppendEventsRequest BatchOf(const std::vector<v1::AuditEvent>& events) {
    v1::BatchAppendEventsRequest request;
    request.set_ledger("ledgers/main");
    for (const v1::AuditEvent& event : events) {
      *request.add_requests() = AppendRequest(event);
      request.mutable_requests()->rbegin()->set_include_opening(true);
    }
    return request;
  }
  // Receipt `i` of an answer with a shared proof, with the proof that the server gives for it
  // alone.
  std::string Whole(const v1::BatchAppendEventsResponse& shared, int i) {
    v1::Receipt receipt = shared.receipts(i);
    v1::GetInclusionProofRequest request;
    request.set_ledger("ledgers/main");
    request.set_leaf_index(receipt.index());
    request.set_tree_size(shared.range().tree_size());
    *receipt.mutable_inclusion() = server_->Call(&Stub::GetInclusionProof, request).value().proof();
    *receipt.mutable_checkpoint() = shared.checkpoint();
    return receipt.SerializeAsString();
  }

  testing::TempDir dir_;
  std::unique_ptr<LedgerSet> ledgers_;
  Ledger* ledger_ = nullptr;
  std::unique_ptr<testing::ServerUnderTest> server_;
};

TEST_F(RealLedgerTest, TheClientChecksEveryReceipt) {
  LedgerClient client = Client();
  ASSERT_OK_AND_ASSIGN(const v1::Receipt one, client.Append(GoodEvent("a", 1)));
  EXPECT_EQ(one.index(), 1u) << "after the genesis";
  ASSERT_OK_AND_ASSIGN(const auto batch,
                       client.AppendBatch({GoodEvent("b", 2), GoodEvent("c", 3)}));
  EXPECT_EQ(batch[1].index(), 3u);
  Fill(300);
}

// Three new events around one that is known and one that stands twice.
TEST_F(RealLedgerTest, ABatchSharesOneProofOfWhichWholeReceiptsAreMade) {
  Fill(20);
  ASSERT_OK(Client().Append(SameEvent("known", 50)));
  Fill(21);
  const std::vector<v1::AuditEvent> events = {SameEvent("x", 51), SameEvent("known", 50),
                                              SameEvent("y", 52), SameEvent("x", 51),
                                              SameEvent("z", 53)};
  v1::BatchAppendEventsRequest request = BatchOf(events);
  request.set_share_proof(true);
  ASSERT_OK_AND_ASSIGN(const auto shared, server_->Call(&Stub::BatchAppendEvents, request));
  ASSERT_OK_AND_ASSIGN(const auto receipts, WholeReceipts(shared, events.size()));
  EXPECT_EQ(shared.range().first_index(), Size() - 3);
  std::vector<bool> repeated;
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(receipts[i].SerializeAsString(), Whole(shared, static_cast<int>(i))) << i;
    EXPECT_OK(CheckReceipt(receipts[i], events[i].SerializeAsString(), Pinned())) << i;
    repeated.push_back(receipts[i].repeated_event());
  }
  EXPECT_THAT(repeated, ::testing::ElementsAre(false, true, false, true, false));

  // Again, all of it is known: no range. A client that does not ask for one gets whole receipts.
  ASSERT_OK_AND_ASSIGN(const auto again, server_->Call(&Stub::BatchAppendEvents, request));
  EXPECT_TRUE(again.has_checkpoint() && !again.has_range());
  request.clear_share_proof();
  ASSERT_OK_AND_ASSIGN(const auto whole, server_->Call(&Stub::BatchAppendEvents, request));
  EXPECT_FALSE(whole.has_checkpoint() || whole.has_range());
  ASSERT_OK_AND_ASSIGN(const auto made, WholeReceipts(again, events.size()));
  for (int i = 0; i < whole.receipts_size(); ++i) {
    EXPECT_EQ(made[static_cast<size_t>(i)].SerializeAsString(),
              whole.receipts(i).SerializeAsString());
  }
}

TEST_F(RealLedgerTest, ABatchThatContradictsTheLogIsRefusedWithASharedProofToo) {
  ASSERT_OK(Client().Append(GoodEvent("known", 1)));
  v1::AuditEvent other = GoodEvent("known", 1);
  other.set_action(v1::ACTION_DELETE);
  EXPECT_THAT(Client().AppendBatch({GoodEvent("x", 2), other}).status(),
              StatusIs(absl::StatusCode::kAlreadyExists));
  ASSERT_OK_AND_ASSIGN(const auto receipts,
                       Client().AppendBatch({GoodEvent("x", 2), GoodEvent("y", 3)}));
  EXPECT_EQ(receipts[0].index(), 3u) << "after the evidence";
  EXPECT_FALSE(receipts[0].repeated_event()) << "nothing of the refused batch was recorded";
}

TEST_F(RealLedgerTest, AClientWithAnotherPinRefusesTheReceipt) {
  LedgerClientOptions options;
  options.ledger = "ledgers/main";
  options.log =
      PinnedLog{"test.example/log",
                NoteVerifier::FromEd25519("test.example/log", std::string(32, '\x01')).value()};
  LedgerClient stranger(server_->channel(), std::move(options));
  EXPECT_THAT(stranger.Append(GoodEvent("a")).status(),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(RealLedgerTest, AReceiptForAnotherEventIsRefused) {
  v1::AppendEventRequest request = AppendRequest(GoodEvent("a"));
  request.set_include_opening(true);
  ASSERT_OK_AND_ASSIGN(const auto response, server_->Call(&Stub::AppendEvent, request));
  const PinnedLog log{"test.example/log", ledger_->verifier()};
  EXPECT_OK(CheckReceipt(response.receipt(), request.event().SerializeAsString(), log));
  v1::AuditEvent other = request.event();
  other.set_action(v1::ACTION_DELETE);
  EXPECT_THAT(CheckReceipt(response.receipt(), other.SerializeAsString(), log),
              StatusIs(absl::StatusCode::kDataLoss));
  v1::Receipt moved = response.receipt();
  moved.set_index(0);
  EXPECT_THAT(CheckReceipt(moved, request.event().SerializeAsString(), log),
              StatusIs(absl::StatusCode::kDataLoss));
}

v1::AuditEvent WithPassword(const std::string& password) {
  v1::AuditEvent event = SameEvent("login", 1);
  event.mutable_original()->set_content("password=" + password + "&user=ann");
  return event;
}

// The client checks each receipt: what it was given must be what it sent but for the stars.
TEST_F(RealLedgerTest, ASecretIsMaskedBeforeItIsSealedAndTheEventIsStillTheSame) {
  LedgerClient client = Client();
  ASSERT_OK_AND_ASSIGN(const v1::Receipt first, client.Append(WithPassword("hunter2")));
  EXPECT_THAT(first.flags(), ::testing::Contains("SECRETS_MASKED"));
  v1::AuditEvent sealed;
  ASSERT_TRUE(sealed.ParseFromString(first.opening().event()));
  EXPECT_EQ(sealed.original().content(), "password=*******&user=ann");
  ASSERT_OK_AND_ASSIGN(const StoredEntry stored, ledger_->ReadEntry(first.index(), true));
  EXPECT_EQ(stored.opening->event, first.opening().event());

  ASSERT_OK_AND_ASSIGN(const v1::Receipt again, client.Append(WithPassword("hunter2")));
  EXPECT_TRUE(again.repeated_event());
  EXPECT_EQ(again.index(), first.index());
  EXPECT_EQ(again.opening().event(), first.opening().event());
  // Another password is another event, though both look alike once they are masked.
  EXPECT_EQ(client.Append(WithPassword("hunter3")).status().code(),
            absl::StatusCode::kAlreadyExists);

  // Batches and single proofs alike; an event without a secret beside it stays as it was.
  std::vector<v1::AuditEvent> events = {WithPassword("a-b"), GoodEvent("plain", 3)};
  events[0].set_event_id("login-2");
  events[0].mutable_source()->set_stream_sequence(2);
  ASSERT_OK_AND_ASSIGN(const std::vector<v1::Receipt> batch, client.AppendBatch(events));
  EXPECT_THAT(batch[0].flags(), ::testing::Contains("SECRETS_MASKED"));
  EXPECT_EQ(batch[1].opening().event(), "");
}

TEST_F(RealLedgerTest, OnlyStarsMayStandInAnEventsPlace) {
  ASSERT_OK_AND_ASSIGN(v1::Receipt receipt, Client().Append(WithPassword("hunter2")));
  const std::string sent = WithPassword("hunter2").SerializeAsString();
  EXPECT_OK(CheckReceipt(receipt, sent, Pinned()));
  const std::string sealed = receipt.opening().event();
  for (size_t i = 0; i < sealed.size(); ++i) {
    for (const char other : {'*', 'x'}) {
      if (sealed[i] == other) continue;
      std::string changed = sealed;
      changed[i] = other;
      receipt.mutable_opening()->set_event(changed);
      EXPECT_FALSE(CheckReceipt(receipt, sent, Pinned()).ok()) << i;
    }
  }
  receipt.mutable_opening()->set_event(sealed + "*");
  EXPECT_FALSE(CheckReceipt(receipt, sent, Pinned()).ok());
  receipt.mutable_opening()->clear_event();
  EXPECT_FALSE(CheckReceipt(receipt, sent, Pinned()).ok());
}

// Start and fsck compare an event's MAC with the event, which of a masked one nobody has.
TEST_F(RealLedgerTest, ALedgerWithMaskedEventsOpensAgainAndKnowsTheirRepeats) {
  ASSERT_OK_AND_ASSIGN(const v1::Receipt first, Client().Append(WithPassword("hunter2")));
  server_.reset();
  ledgers_->Drain();
  ledgers_.reset();
  LedgerSetOptions options;
  options.roots = {dir_.path() + "/data", dir_.path() + "/state", dir_.path() + "/keys",
                   dir_.path() + "/seeds"};
  const LedgerPaths paths{dir_.path() + "/data/main", dir_.path() + "/state/main",
                          dir_.path() + "/keys/main", dir_.path() + "/seeds/main"};
  FsckOptions check;
  check.paths = paths;
  ASSERT_OK_AND_ASSIGN(const FsckReport report, Fsck(check));
  EXPECT_EQ(report.findings_total, 0u);
  EXPECT_EQ(report.payloads_opened, 1u);
  ledgers_ = LedgerSet::Open(options).value();
  ASSERT_OK_AND_ASSIGN(ledger_, ledgers_->Find("main"));
  server_ = std::make_unique<testing::ServerUnderTest>(*ledgers_);
  ASSERT_OK_AND_ASSIGN(const v1::Receipt again, Client().Append(WithPassword("hunter2")));
  EXPECT_TRUE(again.repeated_event());
}

TEST_F(RealLedgerTest, ARepeatIsTheFirstReceiptAndAnotherEventIsEvidence) {
  const v1::AuditEvent event = GoodEvent("a");
  ASSERT_OK_AND_ASSIGN(const auto first, server_->Append(event));
  ASSERT_OK_AND_ASSIGN(const auto repeat, server_->Append(event));
  EXPECT_EQ(repeat.receipt().index(), first.receipt().index());
  EXPECT_EQ(repeat.receipt().leaf(), first.receipt().leaf());
  EXPECT_TRUE(repeat.receipt().repeated_event());
  v1::AuditEvent other = event;
  other.set_action(v1::ACTION_DELETE);
  const absl::Status conflict = server_->Append(other).status();
  EXPECT_THAT(conflict, StatusIs(absl::StatusCode::kAlreadyExists));
  const auto info = Detail<google::rpc::ErrorInfo>(conflict);
  EXPECT_EQ(info.reason(), "EVENT_ID_CONFLICT");
  EXPECT_EQ(info.metadata().at("first_index"), "1");
  EXPECT_EQ(info.metadata().at("conflict_index"), "2");
  v1::GetEntryRequest get;
  get.set_name("ledgers/main/entries/2");
  ASSERT_OK_AND_ASSIGN(const auto evidence, server_->Call(&Stub::GetEntry, get));
  EXPECT_EQ(ParseLeaf(evidence.entry().leaf())->kind, EntryKind::kConflict);
}

TEST_F(RealLedgerTest, FlagsAreInTheReceipt) {
  v1::AuditEvent event = GoodEvent("a");
  event.mutable_recorded()->clear_utc_offset_minutes();
  ASSERT_OK_AND_ASSIGN(const auto response, server_->Append(event));
  EXPECT_THAT(response.receipt().flags(), ::testing::ElementsAre("NO_ZONE"));
}

TEST_F(RealLedgerTest, AnEntryComesBackAsItWasSent) {
  const v1::AuditEvent event = GoodEvent("a");
  ASSERT_OK(server_->Append(event));
  v1::GetEntryRequest get;
  get.set_name("ledgers/main/entries/1");
  ASSERT_OK_AND_ASSIGN(auto response, server_->Call(&Stub::GetEntry, get));
  EXPECT_EQ(response.entry().payload_state(), v1::PAYLOAD_STATE_NOT_REQUESTED);
  EXPECT_FALSE(response.entry().has_opening());
  get.set_view(v1::ENTRY_VIEW_FULL);
  ASSERT_OK_AND_ASSIGN(response, server_->Call(&Stub::GetEntry, get));
  EXPECT_EQ(response.entry().opening().event(), event.SerializeAsString());
  get.set_name("ledgers/main/entries/0");
  ASSERT_OK_AND_ASSIGN(response, server_->Call(&Stub::GetEntry, get));
  EXPECT_EQ(response.entry().payload_state(), v1::PAYLOAD_STATE_NONE) << "the genesis";
}

TEST_F(RealLedgerTest, AbsurdSizesAreOutOfRange) {
  Fill(5);
  const uint64_t huge = ~uint64_t{0};
  v1::GetInclusionProofRequest inclusion;
  inclusion.set_ledger("ledgers/main");
  inclusion.set_leaf_index(huge);
  EXPECT_EQ(ErrorReason(server_->Call(&Stub::GetInclusionProof, inclusion).status()),
            "INDEX_BEYOND_SIZE");
  inclusion.set_leaf_index(0);
  inclusion.set_tree_size(huge);
  EXPECT_EQ(ErrorReason(server_->Call(&Stub::GetInclusionProof, inclusion).status()),
            "TREE_SIZE_UNKNOWN");
  inclusion.set_tree_size(Size());
  EXPECT_OK(server_->Call(&Stub::GetInclusionProof, inclusion));
  inclusion.set_leaf_index(Size());
  EXPECT_THAT(server_->Call(&Stub::GetInclusionProof, inclusion).status(),
              StatusIs(absl::StatusCode::kOutOfRange));
  v1::GetConsistencyProofRequest consistency;
  consistency.set_ledger("ledgers/main");
  EXPECT_THAT(
      testing::FirstViolation(server_->Call(&Stub::GetConsistencyProof, consistency).status()),
      ::testing::StartsWith("old_size"));
  consistency.set_old_size(1);
  EXPECT_OK(server_->Call(&Stub::GetConsistencyProof, consistency));
  consistency.set_new_size(huge);
  EXPECT_EQ(ErrorReason(server_->Call(&Stub::GetConsistencyProof, consistency).status()),
            "TREE_SIZE_UNKNOWN");
  v1::GetEntryRequest get;
  get.set_name("ledgers/main/entries/9223372036854775807");
  EXPECT_THAT(server_->Call(&Stub::GetEntry, get).status(),
              StatusIs(absl::StatusCode::kOutOfRange));
  get.set_name("ledgers/main/entries/01");
  EXPECT_THAT(server_->Call(&Stub::GetEntry, get).status(),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(RealLedgerTest, AListingIsAgainstOneHeadAndItsTokenGoodForItAlone) {
  Fill(30);
  const uint64_t size = Size();
  v1::ListEntriesRequest request;
  request.set_parent("ledgers/main");
  request.set_page_size(10);
  ASSERT_OK_AND_ASSIGN(auto page, server_->Call(&Stub::ListEntries, request));
  const std::string checkpoint = page.checkpoint().note();
  ASSERT_OK(server_->Append(GoodEvent("late", 31)));
  uint64_t seen = static_cast<uint64_t>(page.entries_size());
  v1::ListEntriesRequest moved = request;
  moved.set_page_token(page.next_page_token());
  moved.set_start_index(3);
  EXPECT_EQ(ErrorReason(server_->Call(&Stub::ListEntries, moved).status()), "BAD_PAGE_TOKEN");
  std::string tampered = page.next_page_token();
  tampered[tampered.size() / 2] = tampered[tampered.size() / 2] == 'A' ? 'B' : 'A';
  moved = request;
  moved.set_page_token(tampered);
  EXPECT_EQ(ErrorReason(server_->Call(&Stub::ListEntries, moved).status()), "BAD_PAGE_TOKEN");
  while (!page.next_page_token().empty()) {
    request.set_page_token(page.next_page_token());
    ASSERT_OK_AND_ASSIGN(page, server_->Call(&Stub::ListEntries, request));
    EXPECT_EQ(page.checkpoint().note(), checkpoint);
    for (const v1::Entry& entry : page.entries()) EXPECT_EQ(entry.index(), seen++);
  }
  EXPECT_EQ(seen, size) << "what came later is not in this listing";
}

TEST_F(RealLedgerTest, APageEndsAtItsBytes) {
  for (int i = 0; i < 40; ++i) {
    v1::AuditEvent event = GoodEvent("big-" + std::to_string(i));
    event.mutable_original()->set_content(std::string(32768, 'x'));
    ASSERT_OK(server_->Append(event));
  }
  v1::ListEntriesRequest request;
  request.set_parent("ledgers/main");
  request.set_page_size(1000);
  request.set_view(v1::ENTRY_VIEW_FULL);
  ASSERT_OK_AND_ASSIGN(const auto page, server_->Call(&Stub::ListEntries, request));
  EXPECT_LT(page.ByteSizeLong(), (1u << 20) + 70000);
  EXPECT_LT(page.entries_size(), 41);
  EXPECT_FALSE(page.next_page_token().empty());
}

TEST_F(RealLedgerTest, ATailMissesNothingWhileAppendsRun) {
  Fill(20);
  constexpr uint64_t kMore = 300;
  std::thread writer([&] {
    for (uint64_t i = 0; i < kMore; ++i)
      EXPECT_OK(server_->Append(GoodEvent("tail-" + std::to_string(i), i + 100)));
  });
  grpc::ClientContext context;
  v1::TailEntriesRequest request;
  request.set_ledger("ledgers/main");
  auto tail = server_->stub().TailEntries(&context, request);
  uint64_t next = 0;
  v1::TailEntriesResponse response;
  while (next < 21 + kMore && tail->Read(&response)) {
    for (const v1::Entry& entry : response.entries()) ASSERT_EQ(entry.index(), next++);
  }
  writer.join();
  context.TryCancel();
  while (tail->Read(&response)) continue;
  EXPECT_EQ(tail->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(next, 21 + kMore);
  request.set_start_index(Size() + 1);
  grpc::ClientContext beyond;
  auto refused = server_->stub().TailEntries(&beyond, request);
  EXPECT_FALSE(refused->Read(&response));
  EXPECT_EQ(ErrorReason(FromGrpc(refused->Finish())), "INDEX_BEYOND_SIZE");
}

TEST_F(RealLedgerTest, GapsOfAStreamAreListed) {
  for (const uint64_t sequence : {1, 2, 5})
    ASSERT_OK(server_->Append(GoodEvent("s-" + std::to_string(sequence), sequence)));
  v1::ListStreamsRequest request;
  request.set_parent("ledgers/main");
  ASSERT_OK_AND_ASSIGN(const auto page, server_->Call(&Stub::ListStreams, request));
  ASSERT_EQ(page.streams_size(), 1);
  EXPECT_EQ(page.streams(0).principal(), "local:app");
  EXPECT_EQ(page.streams(0).received_count(), 3u);
  ASSERT_EQ(page.streams(0).gaps_size(), 1);
  EXPECT_EQ(page.streams(0).gaps(0).first(), 3u);
  EXPECT_EQ(page.streams(0).gaps(0).last(), 4u);
}

TEST_F(RealLedgerTest, AnAdministratorMakesALedger) {
  auto admin = v1::AdminService::NewStub(server_->admin_channel());
  v1::CreateLedgerRequest request;
  request.set_ledger_id("second");
  request.set_origin("second.example/log");
  v1::CreateLedgerResponse response;
  grpc::ClientContext context;
  ASSERT_OK(FromGrpc(admin->CreateLedger(&context, request, &response)));
  EXPECT_EQ(response.ledger().name(), "ledgers/second");
  EXPECT_EQ(response.ledger().size(), 2u) << "the genesis, and the access policy in force";
  EXPECT_EQ(response.ledger().state(), v1::Ledger::STATE_SERVING);
}

}  // namespace
}  // namespace auditledger
