// Backups as they are made: increments, runs cut short, and servers that show another history.
//
// Covers: ledger/backup_source, ledger/backup_index
#include "ledger/backup_writer.h"

#include "gmock/gmock.h"
#include "ledger/key_files.h"
#include "tests/ledger/backup_fixture.h"

namespace auditledger {
namespace {

using testing::BackupTest;
using ::testing::HasSubstr;
using testing::StatusIs;
using testing::TestLedger;

class BackupWriterTest : public BackupTest {
 protected:
  // The same genesis, keys and clock, another event: what an operator with the key could make.
  std::string ForkedCheckpoint(int count) {
    NoteVerifier key = *key_;
    const std::string copy = Path("fork");
    ledger_.Close();
    std::filesystem::copy(ledger_.folder(), copy, std::filesystem::copy_options::recursive);
    EXPECT_OK(ledger_.Open());
    LedgerOptions options = ledger_.options;
    options.open_engine = nullptr;
    options.open_signer = nullptr;
    options.paths = {copy + "/data", copy + "/state", copy + "/keys", copy + "/seeds"};
    fork_ = Ledger::Open(options).value();
    for (int i = 0; i < count; ++i) {
      SealInput input;
      input.event = testing::MakeEvent(absl::StrCat("forged-", i), "forged");
      input.principal = "spiffe://test/emitter";
      input.stream_id = "s1";
      input.event_id = absl::StrCat("forged-", i);
      input.received_at_us = ledger_.clock.WallMicros();
      std::vector<SealedEvent> events;
      events.push_back(fork_->sealer().Seal(std::move(input)).value());
      testing::Answers answers;
      fork_->Append(std::move(events), answers.Slot());
      EXPECT_OK(answers.WaitAll()[0]);
    }
    return fork_->head()->checkpoint;
  }
  std::unique_ptr<Ledger> fork_;
};

TEST_F(BackupWriterTest, IncrementsAddWhatIsNewAndProveTheOldIsAPrefix) {
  Fill(20);
  ASSERT_OK(Backup());
  ASSERT_OK_AND_ASSIGN(const BackupSummary first, Verify());
  EXPECT_EQ(first.head.checkpoint.size, Size());
  EXPECT_EQ(first.increments, 1u);
  const auto before = FilesOf(Path("backup"));
  const std::string segment = testing::ReadFile(before[1]);

  ASSERT_OK(Backup());
  EXPECT_EQ(FilesOf(Path("backup")), before) << "nothing new, nothing written";

  Fill(15);
  ASSERT_OK(Backup());
  ASSERT_OK_AND_ASSIGN(const BackupSummary second, Verify());
  EXPECT_EQ(second.head.checkpoint.size, Size());
  EXPECT_EQ(second.increments, 2u);
  EXPECT_EQ(second.streams, 2u);
  EXPECT_EQ(testing::ReadFile(before[1]), segment) << "what was backed up is not touched";
}

TEST_F(BackupWriterTest, ARunThatIsCutShortCountsForNothingAndTheNextGoesOn) {
  Fill(10);
  ASSERT_OK(Backup());
  const uint64_t valid = Size();
  Fill(30);
  EXPECT_THAT(Backup(/*messages=*/1), StatusIs(absl::StatusCode::kCancelled));
  ASSERT_OK_AND_ASSIGN(const BackupSummary after, Verify());
  EXPECT_EQ(after.head.checkpoint.size, valid);
  ASSERT_OK(Backup());
  EXPECT_EQ(Verify()->head.checkpoint.size, Size());
}

// A crash before the manifest leaves whole segments: they are checked and taken up.
TEST_F(BackupWriterTest, WholeSegmentsOfATornIncrementAreTakenUpAndDamagedOnesFetchedAnew) {
  Fill(10);
  ASSERT_OK(Backup());
  const std::string manifest = testing::ReadFile(Path("backup/manifest"));
  const uint64_t valid = Size();
  Fill(10);
  ASSERT_OK(Backup());
  const std::string name = BackupSegmentPath(Path("backup"), BackupSegmentName{valid, Size()});
  const std::string torn = testing::ReadFile(name);
  for (const bool damaged : {false, true}) {
    Write(Path("backup/manifest"), manifest);
    if (damaged) Write(name, torn.substr(0, torn.size() / 2));
    {
      ASSERT_OK_AND_ASSIGN(const auto writer, BackupWriter::Open(Path("backup"), *key_));
      EXPECT_EQ(writer->head()->checkpoint.size, valid);
      EXPECT_EQ(writer->next(), damaged ? valid : Size());
      EXPECT_EQ(std::filesystem::exists(name), !damaged);
    }
    ASSERT_OK(Backup());
    ASSERT_OK_AND_ASSIGN(const BackupSummary summary, Verify());
    EXPECT_EQ(summary.increments, 2u);
    EXPECT_EQ(summary.head.checkpoint.size, Size());
  }
}

TEST_F(BackupWriterTest, ALaterHeadMayBeAimedAtWhenAConnectionIsLost) {
  Fill(10);
  ASSERT_OK_AND_ASSIGN(auto writer, BackupWriter::Open(Path("backup"), *key_));
  const BackupSource& source = *ledger_.ledger->backup_source();
  for (int attempt = 0; attempt < 2; ++attempt) {
    ASSERT_OK(writer->Aim(ledger_.ledger->head()->checkpoint));
    ASSERT_OK_AND_ASSIGN(const auto streams, source.ReadStreams(writer->next_stream(), 1 << 20));
    ASSERT_OK(writer->AddStreams(streams));
    const uint64_t until = attempt == 0 ? 5 : writer->target();
    while (writer->next() < until) {
      ASSERT_OK_AND_ASSIGN(const auto entries, source.ReadEntries(writer->next(), until, 1));
      ASSERT_EQ(entries.size(), 1u);
      ASSERT_OK(writer->AddEntry({entries[0].leaf, entries[0].payload, entries[0].identity}));
    }
    if (attempt == 0) {
      EXPECT_THAT(writer->Finish(), StatusIs(absl::StatusCode::kFailedPrecondition));
      ASSERT_OK(ledger_.AppendOne("x", "y", 1, "a stream of its own"));
    }
  }
  ASSERT_OK(writer->Finish());
  writer.reset();
  ASSERT_OK(Backup());
  ASSERT_OK_AND_ASSIGN(const BackupSummary summary, Verify());
  EXPECT_EQ(summary.streams, 3u);
  EXPECT_EQ(summary.segments, 2u) << "new streams begin a segment";
}

TEST_F(BackupWriterTest, AServerThatShowsLessIsARollback) {
  Fill(5);
  const std::string older = ledger_.ledger->head()->checkpoint;
  Fill(5);
  ASSERT_OK(Backup());
  ASSERT_OK_AND_ASSIGN(const auto writer, BackupWriter::Open(Path("backup"), *key_));
  EXPECT_THAT(writer->Aim(older), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("rollback")));
}

TEST_F(BackupWriterTest, AServerThatShowsAnotherHistoryIsAFork) {
  Fill(5);
  const std::string forked = ForkedCheckpoint(2);
  ASSERT_OK(ledger_.AppendOne("a", "b"));
  ASSERT_OK(ledger_.AppendOne("c", "d"));
  ASSERT_OK(Backup());
  {
    ASSERT_OK_AND_ASSIGN(const auto writer, BackupWriter::Open(Path("backup"), *key_));
    EXPECT_THAT(writer->Aim(forked), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("fork")))
        << "the same size, another root";
  }
  // It grows past the backup: the entries it sends do not lead from here to its head.
  SealInput input;
  input.event = testing::MakeEvent("forged", "forged");
  input.principal = "spiffe://test/emitter";
  input.stream_id = "s1";
  input.event_id = "forged";
  std::vector<SealedEvent> events;
  events.push_back(fork_->sealer().Seal(std::move(input)).value());
  testing::Answers answers;
  fork_->Append(std::move(events), answers.Slot());
  ASSERT_OK(answers.WaitAll()[0]);
  ASSERT_OK_AND_ASSIGN(const auto writer, BackupWriter::Open(Path("backup"), *key_));
  ASSERT_OK(writer->Aim(fork_->head()->checkpoint));
  ASSERT_OK_AND_ASSIGN(const auto entries, fork_->backup_source()->ReadEntries(
                                               writer->next(), writer->target(), 1 << 20));
  for (const BackupEntry& entry : entries) {
    ASSERT_OK(writer->AddEntry({entry.leaf, entry.payload, entry.identity}));
  }
  EXPECT_THAT(writer->Finish(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("fork")));
  EXPECT_EQ(writer->next(), Size()) << "nothing of it was kept";
  EXPECT_EQ(Verify()->head.checkpoint.size, Size());
}

TEST_F(BackupWriterTest, AnotherKeyAnotherLogOrAFolderInUseIsRefused) {
  Fill(3);
  ASSERT_OK(Backup());
  const NoteVerifier other =
      NoteVerifier::FromEd25519("other.example/log", key_->public_key()).value();
  EXPECT_THAT(BackupWriter::Open(Path("backup"), other),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("backup of")));
  const NoteVerifier stranger =
      NoteVerifier::FromEd25519(key_->name(), std::string(32, '\x07')).value();
  EXPECT_THAT(BackupWriter::Open(Path("backup"), stranger),
              StatusIs(absl::StatusCode::kUnauthenticated));
  ASSERT_OK_AND_ASSIGN(const auto writer, BackupWriter::Open(Path("backup"), *key_));
  EXPECT_THAT(BackupWriter::Open(Path("backup"), *key_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("in use")));
  std::filesystem::create_directory(Path("photos"));
  Write(Path("photos/holiday.jpg"), "x");
  EXPECT_THAT(BackupWriter::Open(Path("photos"), *key_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("holiday.jpg")));
}

TEST_F(BackupWriterTest, WhatCannotBeAnEntryIsNotWritten) {
  Fill(3);
  ASSERT_OK_AND_ASSIGN(const auto writer, BackupWriter::Open(Path("backup"), *key_));
  EXPECT_THAT(writer->AddEntry({"leaf", "", ""}), StatusIs(absl::StatusCode::kDataLoss))
      << "no head to lead to";
  ASSERT_OK(writer->Aim(ledger_.ledger->head()->checkpoint));
  EXPECT_THAT(writer->AddEntry({"not a leaf", "", ""}), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(writer->AddStreams(std::vector<std::string>{"not a stream"}),
              StatusIs(absl::StatusCode::kDataLoss));
  ASSERT_OK_AND_ASSIGN(const auto entries,
                       ledger_.ledger->backup_source()->ReadEntries(0, 2, 1 << 20));
  ASSERT_OK(writer->AddEntry({entries[0].leaf, "", ""}));
  EXPECT_THAT(writer->AddEntry({entries[1].leaf, entries[1].payload, entries[1].identity}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("stream is missing")));
  EXPECT_THAT(writer->AddEntry({entries[1].leaf, entries[1].payload, ""}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("identity record is missing")));
  EXPECT_THAT(writer->AddEntry({entries[0].leaf, "payload", ""}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("does not commit")));
}

TEST_F(BackupWriterTest, AnUnreadablePayloadEndsTheBackupWithTheEntrysName) {
  Fill(3);
  ledger_.Close();
  // As memory that failed would: the record is gone, its leaf stands.
  class Holed : public Engine {
   public:
    explicit Holed(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
    absl::StatusOr<std::optional<Head>> LoadHead() override { return engine_->LoadHead(); }
    absl::Status Commit(const std::optional<Head>&, const CommitBatch&) override {
      return absl::InternalError("reads only");
    }
    absl::StatusOr<std::string> Read(RecordKind kind, uint64_t index) override {
      return engine_->Read(kind, index);
    }
    absl::Status Scan(RecordKind kind, uint64_t begin, uint64_t end,
                      absl::FunctionRef<bool(uint64_t, absl::string_view)> visit) override {
      return engine_->Scan(kind, begin, end, [&](uint64_t index, absl::string_view bytes) {
        return (kind == RecordKind::kPayload && index == 2) || visit(index, bytes);
      });
    }
    absl::StatusOr<std::string> ReadTile(TileId id) override { return engine_->ReadTile(id); }
    absl::Status ScanStreams(absl::FunctionRef<bool(uint32_t, absl::string_view)> visit) override {
      return engine_->ScanStreams(visit);
    }
    absl::Status latched() const override { return absl::OkStatus(); }
    bool SyncFailed() const override { return false; }

   private:
    std::unique_ptr<Engine> engine_;
  };
  Holed engine(ledger_.RawEngine());
  const LedgerKeys keys = LoadKeyFiles(ledger_.options.paths.key_dir, key_->name()).value();
  const auto wrapping = NewFileKeyProvider(keys);
  const auto seeds =
      SeedStore::Open(ledger_.options.paths.seed_dir, key_->name(), *wrapping, ledger_.random)
          .value();
  const BackupSource source(engine, *seeds);
  EXPECT_THAT(source.ReadEntries(0, 4, 1 << 20),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("payload of entry 2")));
  ASSERT_OK(seeds->Erase(2));
  EXPECT_OK(source.ReadEntries(0, 4, 1 << 20)) << "erased: it may be gone";
  std::filesystem::rename(ledger_.options.paths.seed_dir + "/seeds-0000000000000000",
                          Path("elsewhere"));
  const auto unmounted =
      SeedStore::Open(ledger_.options.paths.seed_dir, key_->name(), *wrapping, ledger_.random)
          .value();
  EXPECT_THAT(BackupSource(engine, *unmounted).ReadSlots(0, 4),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("mounted")))
      << "zeros would replace the good copy";
}

TEST_F(BackupWriterTest, ASegmentIsClosedAtItsBoundAndTheNextBeginsThere) {
  constexpr size_t kContent = 60'000;
  constexpr size_t kBatch = 50;
  for (size_t bytes = 0; bytes < kBackupSegmentBytes + kContent;) {
    std::vector<SealedEvent> events;
    for (size_t i = 0; i < kBatch; ++i, bytes += kContent) {
      // Random, so that no compression shortens it.
      events.push_back(ledger_.Seal(absl::StrCat("large-", bytes), ledger_.random.Bytes(kContent)));
    }
    ASSERT_OK(ledger_.Append(std::move(events)));
  }
  ASSERT_OK(Backup());
  ASSERT_OK_AND_ASSIGN(const BackupSummary summary, Verify());
  EXPECT_EQ(summary.segments, 2u);
  const auto files = FilesOf(Path("backup"));
  const uint64_t first = std::filesystem::file_size(files[1]);
  EXPECT_GE(first, kBackupSegmentBytes);
  EXPECT_LT(first, kBackupSegmentBytes + 2 * kContent);
}

TEST_F(BackupWriterTest, MessagesAreBounded) {
  Fill(20);
  const BackupSource& source = *ledger_.ledger->backup_source();
  ASSERT_OK_AND_ASSIGN(const auto one, source.ReadEntries(1, Size(), 1));
  EXPECT_EQ(one.size(), 1u);
  ASSERT_OK_AND_ASSIGN(const auto some, source.ReadEntries(0, Size(), 2000));
  size_t bytes = 0;
  for (const BackupEntry& entry : some) bytes += entry.leaf.size() + entry.payload.size();
  EXPECT_GE(bytes, 2000u);
  EXPECT_LT(bytes - some.back().leaf.size() - some.back().payload.size(), 2000u);
  ASSERT_OK_AND_ASSIGN(const auto streams, source.ReadStreams(0, 1));
  EXPECT_EQ(streams.size(), 1u);
  EXPECT_EQ(source.ReadStreams(2, 1)->size(), 0u);
}

}  // namespace
}  // namespace auditledger
