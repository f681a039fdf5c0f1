// From a backup back to a ledger that serves, and every way in which that must not happen.
//
// Covers: ledger/backup_reader, ledger/backup_secrets
#include "ledger/backup_restore.h"

#include "gmock/gmock.h"
#include "ledger/key_files.h"
#include "ledger/posix_file.h"
#include "tests/ledger/backup_fixture.h"
#include "tests/testing/file_faults.h"

namespace auditledger {
namespace {

using ::testing::AllOf;
using testing::BackupTest;
using ::testing::HasSubstr;
using testing::StatusIs;

using BackupRestoreTest = BackupTest;

TEST_F(BackupRestoreTest, ARestoredLedgerIsTheSameAndGoesOn) {
  Fill(25);
  ASSERT_OK(Backup());
  Fill(10);
  ASSERT_OK(Backup());
  const auto before = ReadAll();
  const std::string checkpoint = ledger_.ledger->head()->checkpoint;
  const auto streams = ledger_.ledger->Streams(0, 10, 10);

  ASSERT_OK(RestoreInPlace());
  ASSERT_OK(ledger_.Open());
  EXPECT_EQ(ReadAll(), before);
  EXPECT_EQ(ledger_.ledger->head()->checkpoint, checkpoint) << "the same bytes, signed once";
  EXPECT_EQ(ledger_.ledger->status().state, LedgerState::kServing);
  const auto restored = ledger_.ledger->Streams(0, 10, 10);
  ASSERT_EQ(restored.size(), streams.size());
  for (size_t i = 0; i < streams.size(); ++i) {
    EXPECT_EQ(restored[i].stream_id, streams[i].stream_id);
    EXPECT_EQ(restored[i].received_count, streams[i].received_count);
  }
  // A repeat is known, a new event is appended behind.
  ASSERT_OK_AND_ASSIGN(const auto repeat, ledger_.AppendOne("event-0", "content of event-0", 1));
  EXPECT_TRUE(repeat.entries[0].repeated);
  ASSERT_OK_AND_ASSIGN(const auto added, ledger_.AppendOne("after", "the restore"));
  EXPECT_EQ(added.entries[0].index, before.size());
  ASSERT_OK(ledger_.Check());
}

TEST_F(BackupRestoreTest, TheDataAloneIsRestoredBesideTheKeyStoreThatIsThere) {
  Fill(10);
  ASSERT_OK(Backup());
  const auto before = ReadAll();
  ASSERT_OK(RestoreInPlace(/*with_secrets=*/false));
  ASSERT_OK(ledger_.Open());
  EXPECT_EQ(ReadAll(), before);
}

TEST_F(BackupRestoreTest, AnOlderBackupIsRefusedAtStartAsARollbackAndNothingIsSigned) {
  Fill(10);
  ASSERT_OK(Backup());
  const uint64_t backed_up = Size();
  Fill(1);
  const std::string newest = ledger_.ledger->head()->checkpoint;
  ASSERT_OK(RestoreInPlace());
  EXPECT_THAT(ledger_.Open(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("rollback"), HasSubstr(absl::StrCat("size ", backed_up)),
                             HasSubstr("restore a copy of the data folder that has at least"))));
  // The state still says what was signed: with the newer data it serves as before.
  const LedgerPaths& paths = ledger_.options.paths;
  std::filesystem::remove_all(paths.data_dir);
  std::filesystem::remove_all(paths.seed_dir);
  std::filesystem::rename(paths.data_dir + ".old1", paths.data_dir);
  std::filesystem::rename(paths.seed_dir + ".old1", paths.seed_dir);
  ASSERT_OK(ledger_.Open());
  EXPECT_EQ(ledger_.ledger->head()->checkpoint, newest);
}

TEST_F(BackupRestoreTest, EveryFlippedByteOfABackupIsRefused) {
  Fill(2);
  ASSERT_OK(Backup());
  Fill(1);
  ASSERT_OK(Backup());
  ASSERT_OK(Verify());
  std::vector<std::string> files = FilesOf(Path("backup"));
  files.push_back(FilesOf(Path("secrets"))[0]);
  ASSERT_EQ(files.size(), 6u) << "two heads, two segments, the manifest; a segment of secrets";
  size_t flips = 0;
  for (const std::string& file : files) {
    const std::string bytes = testing::ReadFile(file);
    for (size_t i = 0; i < bytes.size(); ++i) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << i % 8));
      Write(file, flipped);
      EXPECT_FALSE(Verify().ok()) << file << " byte " << i;
      ++flips;
    }
    for (const size_t cut : {size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
      Write(file, bytes.substr(0, cut));
      EXPECT_FALSE(Verify().ok()) << file << " cut at " << cut;
    }
    std::filesystem::remove(file);
    EXPECT_FALSE(Verify().ok()) << file << " is missing";
    Write(file, bytes);
  }
  EXPECT_GT(flips, 2000u);
  EXPECT_OK(Verify());
}

TEST_F(BackupRestoreTest, AnIncrementCannotBeTakenOffTheFrontOrSwapped) {
  Fill(4);
  ASSERT_OK(Backup());
  const std::string manifest = testing::ReadFile(Path("backup/manifest"));
  Fill(4);
  ASSERT_OK(Backup());
  const std::string both = testing::ReadFile(Path("backup/manifest"));
  std::string second = both;
  second.erase(both.find('\n') + 1, manifest.size() - manifest.find('\n') - 1);
  Write(Path("backup/manifest"), second);
  EXPECT_THAT(Verify(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("manifest was written")));
  Write(Path("backup/manifest"), manifest);
  ASSERT_OK_AND_ASSIGN(const BackupSummary older, Verify());
  EXPECT_EQ(older.unproven_segments, 1u) << "the manifest alone says what is valid";
}

// Whoever can write the backup but has no log key: leaves that hash right, a head of his own.
TEST_F(BackupRestoreTest, AHeadThatTheKeyDidNotSignIsRefused) {
  Fill(4);
  ASSERT_OK(Backup());
  const NoteVerifier stranger =
      NoteVerifier::FromEd25519(key_->name(), std::string(32, '\x07')).value();
  BackupVisitor nothing;
  EXPECT_THAT(ReadBackup(Folders(), stranger, nothing),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(BackupRestoreTest, NothingIsOverwrittenAndAFailedAttemptLeavesNothingToServe) {
  Fill(5);
  ASSERT_OK(Backup());
  RestoreOptions options;
  options.from = Folders();
  options.data_dir = ledger_.options.paths.data_dir;
  options.seed_dir = Path("new-seeds");
  EXPECT_THAT(RestoreBackup(options, *key_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not empty")));

  options.data_dir = Path("new-data");
  const std::string secrets = FilesOf(Path("secrets"))[0];
  const std::string bytes = testing::ReadFile(secrets);
  std::string flipped = bytes;
  flipped[bytes.size() / 2] ^= 1;
  Write(secrets, flipped);
  EXPECT_THAT(RestoreBackup(options, *key_), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(std::filesystem::exists(Path("new-data/log")));
  EXPECT_FALSE(std::filesystem::exists(Path("new-data/ledger.origin")));
  EXPECT_FALSE(std::filesystem::exists(Path("new-seeds/seeds-0000000000000000")));

  Write(secrets, bytes);
  uint64_t reported = 0;
  options.progress = [&](uint64_t entries) { reported = entries; };
  ASSERT_OK(RestoreBackup(options, *key_)) << "what the first attempt left is cleared away";
  EXPECT_EQ(reported, Size());
  EXPECT_EQ(testing::ReadFile(Path("new-data/ledger.origin")), key_->name() + "\n");
  EXPECT_EQ(testing::ReadFile(Path("new-seeds/seeds-0000000000000000")),
            testing::ReadFile(ledger_.options.paths.seed_dir + "/seeds-0000000000000000"));
  EXPECT_FALSE(std::filesystem::exists(Path("new-data/restoring")));
}

TEST_F(BackupRestoreTest, SecretsOlderThanTheLogAreNamed) {
  Fill(5);
  ASSERT_OK(Backup());
  const std::string secrets = FilesOf(Path("secrets"))[0];
  const std::string older = testing::ReadFile(secrets);
  Fill(1);
  ASSERT_OK(Backup());
  Write(secrets, older);
  EXPECT_THAT(Verify(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("older than")));
  std::filesystem::remove(secrets);
  EXPECT_THAT(Verify(), StatusIs(absl::StatusCode::kNotFound));
  Write(secrets,
        EncodeSecretsSegment({key_->name(), 0, std::string(Size() * kSeedSlotBytes, '\0')}));
  EXPECT_THAT(Verify(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("secret is not in")));
}

// An erasure reaches the copy with the next run, and a restored ledger says ERASED.
TEST_F(BackupRestoreTest, AnErasedSecretIsErasedInTheNextCopy) {
  Fill(5);
  ASSERT_OK(Backup());
  ledger_.Close();
  const LedgerKeys keys = LoadKeyFiles(ledger_.options.paths.key_dir, key_->name()).value();
  const auto wrapping = NewFileKeyProvider(keys);
  ASSERT_OK(SeedStore::Open(ledger_.options.paths.seed_dir, key_->name(), *wrapping, ledger_.random)
                .value()
                ->Erase(2));
  ASSERT_OK(ledger_.Open());
  ASSERT_OK(Backup());
  ASSERT_OK(RestoreInPlace());
  ASSERT_OK(ledger_.Open());
  EXPECT_EQ(ledger_.ledger->ReadEntry(2, true)->payload, StoredEntry::Payload::kErased);
  EXPECT_EQ(ledger_.ledger->ReadEntry(1, true)->payload, StoredEntry::Payload::kPresent);
}

// An erasure through the ledger itself, which then names the entry; the copy of the secret goes
// with the next run.
TEST_F(BackupRestoreTest, AnErasureReachesTheCopyAndIsTold) {
  Fill(5);
  ASSERT_OK(Backup());
  const std::string secrets = FilesOf(Path("secrets"))[0];
  const std::string slot = ledger_.ledger->backup_source()->ReadSlots(2, 3).value();
  ASSERT_NE(testing::ReadFile(secrets).find(slot), std::string::npos);
  ASSERT_OK_AND_ASSIGN(const uint64_t by, ledger_.Erase({{2, 2}}));
  ASSERT_OK(Backup());
  EXPECT_EQ(testing::ReadFile(secrets).find(slot), std::string::npos);
  ASSERT_OK(Verify());
  EXPECT_OK(RestoreBackup(RestoreTo("new", true), *key_)) << "checked with the keys, as fsck does";
  ASSERT_OK(RestoreInPlace());
  ASSERT_OK(ledger_.Open());
  EXPECT_EQ(ledger_.ledger->ReadEntry(2, true)->payload, StoredEntry::Payload::kErased);
  EXPECT_EQ(ledger_.ledger->ReadEntry(2, true)->erased_by, by);
}

// Whoever kept an older copy of the secrets restores nothing that was erased since.
TEST_F(BackupRestoreTest, AnOlderCopyOfSecretsBringsNothingErasedBack) {
  Fill(5);
  ASSERT_OK(Backup());
  const std::string older = ledger_.ledger->backup_source()->ReadSlots(2, 3).value();
  ASSERT_OK_AND_ASSIGN(const uint64_t by, ledger_.Erase({{2, 2}}));
  edit_slots = [&](std::string& slots) {
    slots.replace(2 * kSeedSlotBytes, kSeedSlotBytes, older);
  };
  ASSERT_OK(Backup());
  const RestoreOptions options = RestoreTo("new", true);
  ASSERT_OK(RestoreBackup(options, *key_));
  for (const auto& file : std::filesystem::recursive_directory_iterator(options.seed_dir)) {
    if (!file.is_regular_file()) continue;
    EXPECT_EQ(testing::ReadFile(file.path().string()).find(older), std::string::npos);
  }
  // With the log alone, beside a key store that has it still.
  ASSERT_OK(RestoreInPlace(/*with_secrets=*/false));
  ASSERT_OK(ledger_.Open());
  EXPECT_EQ(ledger_.ledger->ReadEntry(2, true)->erased_by, by);
}

TEST_F(BackupRestoreTest, APayloadMayBeMissingOnlyWhereItsSecretWasDestroyed) {
  Fill(5);
  edit_entries = [](auto& entries) { entries[2].payload.clear(); };
  ASSERT_OK(Backup());
  EXPECT_THAT(Verify(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("entry 2: its payload")));
  EXPECT_THAT(RestoreBackup(RestoreTo("new", false), *key_), StatusIs(absl::StatusCode::kDataLoss));
}

// Digests and manifest have no key: only the keys tell that somebody wrote them anew.
TEST_F(BackupRestoreTest, AnEditedBackupIsToldByTheKeys) {
  Fill(8);
  const std::vector<std::function<void()>> edits = {
      [&] {  // repeats of two acknowledged events would be taken for new ones
        edit_entries = [](auto& entries) { std::swap(entries[3].identity, entries[5].identity); };
      },
      [&] {
        edit_entries = [](auto& entries) { std::swap(entries[3].payload, entries[5].payload); };
      },
      [&] { edit_entries = [](auto& entries) { entries[2].identity.clear(); }; },  // the evidence's
      [&] { edit_streams = [](auto& streams) { std::swap(streams[0], streams[1]); }; },
      [&] { edit_slots = [](auto& slots) { slots[3 * kSeedSlotBytes + 20] ^= 1; }; },
      [&] {  // destroyed, and no entry says so
        edit_slots = [](auto& slots) {
          slots.replace(3 * kSeedSlotBytes, kSeedSlotBytes, kSeedSlotBytes, '\0');
          slots[3 * kSeedSlotBytes] = '\xff';
        };
      },
  };
  for (size_t i = 0; i < edits.size(); ++i) {
    SCOPED_TRACE(i);
    std::filesystem::remove_all(Path("backup"));
    edit_entries = nullptr;
    edit_streams = nullptr;
    edit_slots = nullptr;
    edits[i]();
    ASSERT_OK(Backup());
    EXPECT_OK(Verify()) << "which is why restore takes keys";
    const RestoreOptions options = RestoreTo(absl::StrCat("new", i), true);
    EXPECT_THAT(
        RestoreBackup(options, *key_),
        StatusIs(absl::StatusCode::kDataLoss, AllOf(HasSubstr("findings"), HasSubstr("entry "))));
    EXPECT_FALSE(std::filesystem::exists(options.data_dir + "/log"));
    EXPECT_TRUE(FilesOf(options.seed_dir) ==
                std::vector<std::string>{options.seed_dir + "/restoring"});
  }
}

TEST_F(BackupRestoreTest, AWholeBackupPassesTheCheckWithKeys) {
  Fill(8);
  ASSERT_OK(Backup());
  EXPECT_OK(RestoreBackup(RestoreTo("both", true), *key_));
  // The data alone, against the key store that is there.
  RestoreOptions options = RestoreTo("data", true);
  options.from.secrets.clear();
  options.seed_dir = ledger_.options.paths.seed_dir;
  EXPECT_OK(RestoreBackup(options, *key_));
  options = RestoreTo("nokeys", true);
  options.key_dir = Path("nowhere");
  EXPECT_FALSE(RestoreBackup(options, *key_).ok());
  EXPECT_FALSE(std::filesystem::exists(options.data_dir)) << "said before any work";
}

// The power goes when the secrets have their names and the log has none.
TEST_F(BackupRestoreTest, ARestoreCutShortAfterItsSecretsIsRepeated) {
  Fill(5);
  ASSERT_OK(Backup());
  const RestoreOptions options = RestoreTo("new", true);
  {
    const testing::FileFaults faults(FileOperation::kRename, "new-data/log", EIO);
    EXPECT_FALSE(RestoreBackup(options, *key_).ok());
    EXPECT_EQ(faults.seen(), 1u);
  }
  const std::string seeds = options.seed_dir + "/seeds-0000000000000000";
  ASSERT_TRUE(std::filesystem::exists(seeds));
  ASSERT_FALSE(std::filesystem::exists(options.data_dir + "/log"));
  // Other secrets may be the only ones there are.
  const std::string bytes = testing::ReadFile(seeds);
  Write(seeds, std::string(bytes.size(), '\0'));
  EXPECT_THAT(RestoreBackup(options, *key_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("other secrets"), HasSubstr(options.seed_dir))));
  EXPECT_EQ(testing::ReadFile(seeds), std::string(bytes.size(), '\0'));
  Write(seeds, bytes);
  ASSERT_OK(RestoreBackup(options, *key_));
  EXPECT_TRUE(FilesOf(options.seed_dir) == std::vector<std::string>{seeds});
  EXPECT_TRUE(std::filesystem::exists(options.data_dir + "/log"));
  EXPECT_THAT(RestoreBackup(options, *key_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not empty")));
}

TEST_F(BackupRestoreTest, ManyBatchesReadBackWhole) {
  // More than two restore batches of entries, appended as commits of many.
  for (int batch = 0; batch < 3; ++batch) {
    std::vector<SealedEvent> events;
    for (int i = 0; i < 3000; ++i) {
      const std::string id = absl::StrCat(batch, "/", i);
      events.push_back(ledger_.Seal(id, "content", static_cast<uint64_t>(batch * 3000 + i + 1)));
    }
    ASSERT_OK(ledger_.Append(std::move(events)));
  }
  ASSERT_OK(Backup());
  int batches = 0;
  RestoreOptions options;
  options.from = {Path("backup"), ""};
  options.data_dir = Path("many");
  options.progress = [&](uint64_t) { ++batches; };
  ASSERT_OK_AND_ASSIGN(const BackupSummary summary, RestoreBackup(options, *key_));
  EXPECT_EQ(summary.head.checkpoint.size, Size());
  EXPECT_EQ(batches, 3);
}

TEST(CheckApartTest, NeitherFolderMayLieInTheOther) {
  const testing::ScratchFolder scratch;
  const std::string dir = scratch.path();
  std::filesystem::create_directory_symlink(dir, dir + "/link");
  EXPECT_OK(CheckApart(dir + "/a", dir + "/b"));
  EXPECT_OK(CheckApart(dir + "/a", dir + "/ab"));
  for (const char* other : {"/a", "/a/", "/a/b", "", "/../", "/b/../a/x", "/link/a", "/link/a/b"}) {
    EXPECT_THAT(CheckApart(dir + "/a", dir + other), StatusIs(absl::StatusCode::kInvalidArgument))
        << other;
    EXPECT_THAT(CheckApart(dir + other, dir + "/a"), StatusIs(absl::StatusCode::kInvalidArgument))
        << other;
  }
}

}  // namespace
}  // namespace auditledger
