// BackupLedger and BackupSecrets on a real LedgerSet: what comes is what leads to the head, bounded
// and resumable, and for administrators only.
//
// Covers: api/backup_service
#include <gmock/gmock.h>

#include <thread>

#include "api/limits.h"
#include "ledger/backup_secrets.h"
#include "ledger/backup_writer.h"
#include "ledger/seed_store.h"
#include "tests/api/api_fixture.h"
#include "tests/testing/fake_random.h"

namespace auditledger {
namespace {

using testing::GoodEvent;
using ::testing::HasSubstr;
using testing::StatusIs;

class BackupServiceTest : public ::testing::Test {
 protected:
  BackupServiceTest() {
    LedgerSetOptions options;
    options.roots = {dir_ / "data", dir_ / "state", dir_ / "keys", dir_ / "seeds"};
    ledgers_ = LedgerSet::Open(options).value();
    ledger_ = ledgers_->Create("main", "test.example/log").value();
    server_ = std::make_unique<testing::ServerUnderTest>(*ledgers_);
    admin_ = v1::AdminService::NewStub(server_->admin_channel());
  }
  // Events with a native record of `bytes`, so that a message holds few.
  void Fill(int count, size_t bytes = 0) {
    for (int i = 0; i < count; ++i) {
      v1::AuditEvent event = GoodEvent(absl::StrCat("e", next_), static_cast<uint64_t>(next_) + 1);
      ++next_;
      event.mutable_original()->set_format("dicom-audit");
      event.mutable_original()->set_content(random_.Bytes(bytes));
      EXPECT_OK(server_->Append(event));
    }
  }
  uint64_t Size() { return ledger_->head()->head.size; }

  absl::Status Log(v1::BackupLedgerRequest request, std::vector<v1::BackupLedgerResponse>& out,
                   v1::AdminService::Stub* stub = nullptr) {
    if (request.ledger().empty()) request.set_ledger("ledgers/main");
    grpc::ClientContext context;
    const auto reader = (stub != nullptr ? stub : admin_.get())->BackupLedger(&context, request);
    for (v1::BackupLedgerResponse response; reader->Read(&response);) out.push_back(response);
    return FromGrpc(reader->Finish());
  }
  absl::Status Secrets(v1::BackupSecretsRequest request,
                       std::vector<v1::BackupSecretsResponse>& out,
                       v1::AdminService::Stub* stub = nullptr) {
    request.set_ledger("ledgers/main");
    grpc::ClientContext context;
    const auto reader = (stub != nullptr ? stub : admin_.get())->BackupSecrets(&context, request);
    for (v1::BackupSecretsResponse response; reader->Read(&response);) out.push_back(response);
    return FromGrpc(reader->Finish());
  }

  testing::TempDir dir_;
  std::unique_ptr<LedgerSet> ledgers_;
  Ledger* ledger_ = nullptr;
  std::unique_ptr<testing::ServerUnderTest> server_;
  std::unique_ptr<v1::AdminService::Stub> admin_;
  testing::FakeRandom random_{1};  // what no compression shortens
  int next_ = 0;
};

TEST_F(BackupServiceTest, StreamsWhatLeadsToItsHead) {
  Fill(10);
  ASSERT_OK_AND_ASSIGN(const auto writer, BackupWriter::Open(dir_ / "backup", ledger_->verifier()));
  std::vector<v1::BackupLedgerResponse> messages;
  ASSERT_OK(Log({}, messages));
  ASSERT_GE(messages.size(), 3u);
  EXPECT_EQ(messages[0].checkpoint().note(), ledger_->head()->checkpoint);
  EXPECT_EQ(messages[0].entries_size(), 0);
  ASSERT_OK(writer->Aim(messages[0].checkpoint().note()));
  EXPECT_EQ(messages[1].streams_size(), 1);
  for (const v1::BackupLedgerResponse& message : messages) {
    ASSERT_OK(writer->AddStreams(
        std::vector<std::string>(message.streams().begin(), message.streams().end())));
    for (const v1::BackupEntry& entry : message.entries()) {
      ASSERT_OK(writer->AddEntry({entry.leaf(), entry.payload(), entry.identity()}));
      EXPECT_THAT(entry.payload(), ::testing::Not(HasSubstr("Practitioner"))) << "encrypted";
    }
  }
  ASSERT_OK(writer->Finish());
  EXPECT_EQ(writer->next(), Size());
}

TEST_F(BackupServiceTest, GoesOnWhereItIsAskedToAndEndsAtOnceAtTheHead) {
  Fill(5);
  v1::BackupLedgerRequest request;
  request.set_start_index(4);
  request.set_start_stream(1);
  std::vector<v1::BackupLedgerResponse> messages;
  ASSERT_OK(Log(request, messages));
  ASSERT_EQ(messages.size(), 2u);
  ASSERT_EQ(messages[1].entries_size(), 2);
  EXPECT_EQ(messages[1].entries(0).leaf(), ledger_->ReadEntry(4, false)->leaf);
  messages.clear();
  request.set_start_index(Size());
  ASSERT_OK(Log(request, messages));
  EXPECT_EQ(messages.size(), 1u) << "the head alone";
  messages.clear();
  request.set_start_index(Size() + 1);
  EXPECT_THAT(Log(request, messages), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_EQ(messages.size(), 0u);
}

TEST_F(BackupServiceTest, MessagesStayNearAMebibyte) {
  Fill(120, 30'000);
  std::vector<v1::BackupLedgerResponse> messages;
  ASSERT_OK(Log({}, messages));
  ASSERT_GE(messages.size(), 5u);
  size_t entries = 0;
  for (const v1::BackupLedgerResponse& message : messages) {
    EXPECT_LT(message.ByteSizeLong(), (size_t{1} << 20) + 140'000);
    entries += static_cast<size_t>(message.entries_size());
  }
  EXPECT_EQ(entries, Size());
}

TEST_F(BackupServiceTest, SecretsOfSegmentsThatAreKnownAreNotSent) {
  Fill(4);
  v1::BackupSecretsRequest request;
  request.set_size(Size());
  std::vector<v1::BackupSecretsResponse> messages;
  ASSERT_OK(Secrets(request, messages));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].first_index(), 0u);
  EXPECT_EQ(messages[0].slots().size(), Size() * kSeedSlotBytes);

  const std::string slots = messages[0].slots();
  request.add_known_segments(SecretsDigest(slots).view().data(), Hash::kSize);
  messages.clear();
  ASSERT_OK(Secrets(request, messages));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].slots(), "");
  EXPECT_EQ(messages[0].first_index(), 0u);

  Fill(1);
  request.set_size(Size());
  messages.clear();
  ASSERT_OK(Secrets(request, messages));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].slots().substr(0, slots.size()), slots);

  request.set_size(Size() + 1);
  EXPECT_THAT(Secrets(request, messages), StatusIs(absl::StatusCode::kOutOfRange));
}

TEST_F(BackupServiceTest, TheListOfKnownSegmentsEndsAtItsLimit) {
  v1::BackupSecretsRequest request;
  request.set_size(Size());
  for (int i = 0; i < kMaxKnownSegments; ++i) request.add_known_segments("x");
  std::vector<v1::BackupSecretsResponse> messages;
  EXPECT_OK(Secrets(request, messages));
  request.add_known_segments("x");
  EXPECT_THAT(Secrets(request, messages), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(BackupServiceTest, BothAreForAdministratorsAndNameTheLedger) {
  const auto app = v1::AdminService::NewStub(server_->channel());
  std::vector<v1::BackupLedgerResponse> log;
  std::vector<v1::BackupSecretsResponse> secrets;
  EXPECT_THAT(Log({}, log, app.get()), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(Secrets({}, secrets, app.get()), StatusIs(absl::StatusCode::kPermissionDenied));
  v1::BackupLedgerRequest request;
  request.set_ledger("ledgers/nowhere");
  EXPECT_THAT(Log(request, log), StatusIs(absl::StatusCode::kNotFound));
  request.set_ledger("nowhere");
  EXPECT_THAT(Log(request, log), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(log.size() + secrets.size(), 0u);
}

// Between two messages: the client is told to go on elsewhere, and does so where it ended.
TEST_F(BackupServiceTest, ADrainEndsAStreamThatIsBeingRead) {
  Fill(120, 30'000);
  v1::BackupLedgerRequest request;
  request.set_ledger("ledgers/main");
  grpc::ClientContext context;
  const auto reader = admin_->BackupLedger(&context, request);
  v1::BackupLedgerResponse message;
  ASSERT_TRUE(reader->Read(&message));
  std::thread drain([this] { server_->server().Drain(); });
  while (true) {  // until it began
    grpc::ClientContext other;
    v1::GetServerStatusResponse status;
    if (!admin_->GetServerStatus(&other, {}, &status).ok()) break;
  }
  while (reader->Read(&message)) continue;
  EXPECT_THAT(FromGrpc(reader->Finish()), StatusIs(absl::StatusCode::kUnavailable));
  drain.join();
}

}  // namespace
}  // namespace auditledger
