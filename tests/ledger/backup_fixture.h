// What the tests of backups share: a ledger with some of everything, and a backup of it without a
// network between.
#ifndef AUDITLEDGER_TESTS_LEDGER_BACKUP_FIXTURE_H_
#define AUDITLEDGER_TESTS_LEDGER_BACKUP_FIXTURE_H_

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ledger/backup_restore.h"
#include "ledger/backup_secrets.h"
#include "ledger/backup_source.h"
#include "ledger/backup_writer.h"
#include "merkle/status_macros.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {

class BackupTest : public ::testing::Test {
 protected:
  BackupTest() : ledger_(TestLedger::Store::kLevelDb) {
    ledger_.options.open_seed_store = nullptr;  // the fixture's wrapper has no slots to copy
    EXPECT_OK(ledger_.Create());
    key_ = std::make_unique<NoteVerifier>(ledger_.ledger->verifier());
  }

  // Events of two streams, one numbered, and a conflict.
  void Fill(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string id = absl::StrCat("event-", next_++);
      const std::string stream = next_ % 3 == 0 ? "other" : "s1";
      EXPECT_OK(ledger_.AppendOne(id, "content of " + id, static_cast<uint64_t>(next_), stream));
      if (i != 0) continue;
      EXPECT_THAT(ledger_.AppendOne(id, "another content", 0, stream).status(),
                  StatusIs(absl::StatusCode::kAlreadyExists));
    }
  }
  uint64_t Size() { return ledger_.ledger->head()->head.size; }
  std::string Path(const std::string& name) { return scratch_.path() + "/" + name; }
  BackupFolders Folders() { return {Path("backup"), Path("secrets")}; }

  // One increment, as auditctl makes it.
  absl::Status Backup(uint64_t messages = UINT64_MAX) {
    ASSIGN_OR_RETURN(const auto writer, BackupWriter::Open(Path("backup"), *key_));
    const auto head = ledger_.ledger->head();
    RETURN_IF_ERROR(writer->Aim(head->checkpoint));
    const BackupSource& source = *ledger_.ledger->backup_source();
    ASSIGN_OR_RETURN(auto streams, source.ReadStreams(writer->next_stream(), 1 << 20));
    if (edit_streams) edit_streams(streams);
    RETURN_IF_ERROR(writer->AddStreams(streams));
    while (writer->next() < writer->target()) {
      if (messages-- == 0) return absl::CancelledError("cut short");
      ASSIGN_OR_RETURN(auto entries, source.ReadEntries(writer->next(), writer->target(), 4096));
      if (edit_entries) edit_entries(entries);
      for (const BackupEntry& entry : entries) {
        RETURN_IF_ERROR(writer->AddEntry({entry.leaf, entry.payload, entry.identity}));
      }
    }
    RETURN_IF_ERROR(writer->Finish());
    ASSIGN_OR_RETURN(const auto mirror, SecretsMirror::Open(Path("secrets"), key_->name()));
    ASSIGN_OR_RETURN(std::string slots, source.ReadSlots(0, head->head.size));
    if (edit_slots) edit_slots(slots);
    return mirror->Replace(0, slots);
  }

  // Into folders of their own, checked with the ledger's keys where `with_keys`.
  RestoreOptions RestoreTo(const std::string& name, bool with_keys) {
    RestoreOptions options;
    options.from = Folders();
    options.data_dir = Path(name + "-data");
    options.seed_dir = Path(name + "-seeds");
    if (with_keys) options.key_dir = ledger_.options.paths.key_dir;
    return options;
  }

  absl::StatusOr<BackupSummary> Verify() {
    BackupVisitor nothing;
    return ReadBackup(Folders(), *key_, nothing);
  }

  // Puts the backup where the ledger's data and seeds were, which are moved away.
  absl::StatusOr<BackupSummary> RestoreInPlace(bool with_secrets = true) {
    ledger_.Close();
    const LedgerPaths& paths = ledger_.options.paths;
    std::filesystem::rename(paths.data_dir, absl::StrCat(paths.data_dir, ".old", ++moved_));
    RestoreOptions options;
    options.from = Folders();
    options.data_dir = paths.data_dir;
    options.seed_dir = paths.seed_dir;
    if (with_secrets) {
      std::filesystem::rename(paths.seed_dir, absl::StrCat(paths.seed_dir, ".old", moved_));
    } else {
      options.from.secrets.clear();
    }
    return RestoreBackup(options, *key_);
  }

  // Everything that can be read, the openings included; one text an entry.
  std::vector<std::string> ReadAll() {
    std::vector<std::string> out;
    EXPECT_OK(ledger_.ledger->ReadEntries(0, Size(), true, [&](const StoredEntry& entry) {
      const Opening opening = entry.opening.value_or(Opening{});
      out.push_back(absl::StrCat(entry.index, " ", static_cast<int>(entry.payload), " ", entry.leaf,
                                 opening.seed, opening.header, opening.event));
      return true;
    }));
    return out;
  }

  static std::vector<std::string> FilesOf(const std::string& dir) {
    std::vector<std::string> out;
    for (const auto& file : std::filesystem::directory_iterator(dir)) {
      if (file.path().filename() != "lock") out.push_back(file.path().string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  static void Write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  ScratchFolder scratch_;
  TestLedger ledger_;
  std::unique_ptr<NoteVerifier> key_;
  int next_ = 0;
  int moved_ = 0;
  // What an editor of the backup changes: digests and manifest then agree with it.
  std::function<void(std::vector<BackupEntry>&)> edit_entries;
  std::function<void(std::vector<std::string>&)> edit_streams;
  std::function<void(std::string&)> edit_slots;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_LEDGER_BACKUP_FIXTURE_H_
