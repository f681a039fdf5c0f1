// Bits flipped in, pieces cut off, and the whole of every file of a ledger deleted or exchanged:
// each is refused at start, an error when it is read, found by a check that names the entry, or
// provably harmless, since everything that is served equals what was appended and its proofs hold.
// Nothing else: what is served wrong and by nobody noticed is "silent", and there is none.
//
// AUDITLEDGER_DAMAGE_FLIPS sets how many random bits (5,000; nightly more).
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <random>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "ledger/strict_env_tail.h"
#include "merkle/frontier.h"
#include "merkle/sha256.h"
#include "merkle/verify.h"
#include "tests/ledger/damage_fixture.h"
#include "tests/ledger/fault_sanitizers.h"
#include "tests/testing/seed.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kLogHeaderBytes = 7;  // LevelDB: crc u32, length u16, type u8
constexpr uint64_t kSeedSlotSize = 64;
constexpr uint64_t kTruncations = 50;  // of each file
constexpr uint64_t kRepeatEvery = 8;   // events sent again to see that they are known

enum class Outcome { kRefused, kReadOnly, kReadError, kFound, kHarmless, kSilent };
constexpr const char* kOutcomeNames[] = {"refused",  "read only", "read error",
                                         "by check", "harmless",  "silent"};

struct Damage {
  std::string file;  // relative to the base
  std::string what;  // "bit 123", "cut to 40", ...
  // Changes the file's bytes; nothing: it is deleted.
  std::function<std::optional<std::string>(std::string)> change;
  std::string with;  // exchanged with this one
};

Damage Flip(const std::string& file, uint64_t bit) {
  return {file, absl::StrCat("bit ", bit),
          [bit](std::string bytes) -> std::optional<std::string> {
            bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
            return bytes;
          },
          ""};
}
Damage Cut(const std::string& file, uint64_t size) {
  return {file, absl::StrCat("cut to ", size),
          [size](const std::string& bytes) -> std::optional<std::string> {
            return bytes.substr(0, size);
          },
          ""};
}
Damage Delete(const std::string& file) {
  return {file, "deleted", [](const std::string&) { return std::nullopt; }, ""};
}
Damage Swap(const std::string& file, const std::string& with) {
  return {file, "exchanged with " + with, nullptr, with};
}

// Kinds of files, for the table and so that each gets its share of the flips.
std::string KindOf(const std::string& file) {
  const std::string name = fs::path(file).filename();
  for (const char* prefix : {"MANIFEST", "CURRENT", "LOCK", "LOG", "ids-", "streams-", "seeds-",
                             "signer.state", "ledger.origin", "key-use.log"}) {
    if (absl::StartsWith(name, prefix)) return prefix;
  }
  if (absl::EndsWith(name, ".ldb")) return "table";
  if (absl::EndsWith(name, ".log")) return "write-ahead";
  return "key file";
}

class DamageTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new FastFolder;
    Build();
    before_ = Digests();
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(Digests(), before_) << "a trial reached the original";
    delete folder_;
    folder_ = nullptr;
  }

  // 290 entries: a full tile and a partial one, tables of several levels, a write-ahead log of
  // single commits, merged identity runs.
  static void Build() {
    DamageLedger ledger(Original());
    ASSERT_OK(ledger.Create());
    const auto append = [&](size_t count) {
      std::vector<std::string> ids;
      for (; count > 0; --count) ids.push_back(absl::StrCat("e", ids_.size() + ids.size()));
      ASSERT_OK(ledger.Append(ids).status());
      ids_.insert(ids_.end(), ids.begin(), ids.end());
    };
    for (int round = 0; round < 7; ++round) {
      for (int i = 0; i < 4; ++i) append(9);
      ASSERT_OK(ledger.Open());
    }
    for (int i = 0; i < 25; ++i) append(1 + i % 3 / 2);
    ledger.Close();
    for (const auto& file : fs::recursive_directory_iterator(Original())) {
      if (!file.is_regular_file()) continue;
      files_.push_back(fs::relative(file.path(), Original()).string());
    }
    std::sort(files_.begin(), files_.end());
    KeepExpected();
  }
  // Read in a copy: reads make LevelDB merge tables, and there are to be several.
  static void KeepExpected() {
    DamageLedger copy(MakeCopy({"", "nothing", nullptr, "-"}));
    ASSERT_OK(copy.Open());
    head_ = copy.ledger->head()->head;
    checkpoint_ = copy.ledger->head()->checkpoint;
    ASSERT_OK(copy.ledger->ReadEntries(0, head_.size, true, [](StoredEntry entry) {
      entries_.push_back(std::move(entry));
      return true;
    }));
    Frontier tree;
    for (const StoredEntry& entry : entries_) tree.Append(LeafHash(entry.leaf));
    ASSERT_EQ(tree.Root(), head_.root);
    ASSERT_EQ(head_.size, ids_.size() + 1);
  }
  static std::string Original() { return folder_->path() + "/original"; }
  static std::map<std::string, Hash> Digests() {
    std::map<std::string, Hash> out;
    for (const std::string& file : files_) out[file] = Sha256({ReadAll(Original() + "/" + file)});
    return out;
  }
  static std::vector<std::string> FilesOfKind(const std::string& kind) {
    std::vector<std::string> out;
    for (const std::string& file : files_) {
      if (KindOf(file) == kind) out.push_back(file);
    }
    return out;
  }

  // A copy with the damage. What nothing writes in place is linked, not copied.
  static std::string MakeCopy(const Damage& damage) {
    const std::string base = folder_->path() + "/copy";
    fs::remove_all(base);
    for (const auto& dir : fs::recursive_directory_iterator(Original())) {
      if (dir.is_directory()) fs::create_directories(base / fs::relative(dir.path(), Original()));
    }
    for (const char* root : {"data", "state", "keys", "seeds"}) {
      for (const std::string& dir :
           {absl::StrCat(base, "/", root), absl::StrCat(base, "/", root, "/", kDamageLedger)}) {
        fs::permissions(dir, fs::perms::owner_all);
      }
    }
    for (const std::string& file : files_) {
      const std::string from = Original() + "/" + file;
      const std::string to = base + "/" + file;
      if (file == damage.file && damage.change) {
        const std::optional<std::string> bytes = damage.change(ReadAll(from));
        if (!bytes.has_value()) continue;
        std::ofstream(to, std::ios::binary) << *bytes;
        fs::permissions(to, fs::status(from).permissions());
      } else if (file == damage.file || file == damage.with) {
        fs::copy_file(Original() + "/" + (file == damage.file ? damage.with : damage.file), to);
      } else if (absl::StartsWith(file, "state/")) {
        fs::copy_file(from, to);
      } else {
        fs::create_hard_link(from, to);
      }
    }
    return base;
  }

  struct Verdict {
    Outcome outcome = Outcome::kSilent;
    std::set<uint64_t> entries;  // that could not be read, or were read wrong
    std::string why;
  };

  // Everything by key. Adds entries that are not as appended; the first error in `why`.
  static bool ReadsRight(Ledger& ledger, Verdict& verdict) {
    bool silent = false;
    for (const StoredEntry& expected : entries_) {
      const auto read = ledger.ReadEntry(expected.index, true);
      if (read.ok() && read->leaf == expected.leaf && read->opening == expected.opening &&
          read->payload == expected.payload) {
        continue;
      }
      verdict.entries.insert(expected.index);
      silent = silent || read.ok();
      if (verdict.why.empty()) verdict.why = std::string(read.status().message());
    }
    return !silent;
  }

  // Proofs of some entries hold against the root of what was appended.
  static absl::Status ProofsHold(Ledger& ledger) {
    for (uint64_t i = 1; i < head_.size; i += 37) {
      const auto proof = ledger.Inclusion(i, head_.size);
      if (!proof.ok()) return proof.status();
      const absl::Status valid =
          VerifyInclusion(i, head_.size, LeafHash(entries_[i].leaf), *proof, head_.root);
      if (!valid.ok()) return absl::InternalError(valid.message());
    }
    return absl::OkStatus();
  }

  // Events that are in the log are known, or nothing is accepted at all.
  static absl::Status RepeatsAreKnown(DamageLedger& ledger) {
    for (uint64_t i = 0; i < ids_.size(); i += kRepeatEvery) {
      const auto again = ledger.Append({ids_[i]});
      if (!again.ok()) return again.status();
      if (!again->entries[0].repeated || again->entries[0].index != i + 1) {
        return absl::InternalError(absl::StrCat(ids_[i], " was taken for a new event"));
      }
    }
    return absl::OkStatus();
  }

  // What a start and every kind of read say of the copy.
  static Verdict Serve(const std::string& base) {
    Verdict verdict;
    DamageLedger copy(base);
    const absl::Status opened = copy.Open();
    verdict.why = std::string(opened.message());
    verdict.outcome = Outcome::kRefused;
    if (!opened.ok()) return verdict;
    Ledger& ledger = *copy.ledger;
    verdict.outcome = Outcome::kReadOnly;
    verdict.why = ledger.status().reason;
    if (ledger.status().state == LedgerState::kReadOnly) return verdict;
    verdict.outcome = Outcome::kSilent;
    if (ledger.head()->head != head_ || ledger.head()->checkpoint != checkpoint_) {
      verdict.why = "another head is served";
      return verdict;
    }
    if (!ReadsRight(ledger, verdict)) return verdict;
    absl::Status proofs = ProofsHold(ledger);
    absl::Status repeats = RepeatsAreKnown(copy);
    for (const absl::Status& status : {proofs, repeats}) {
      if (absl::IsInternal(status)) {
        verdict.why = std::string(status.message());
        return verdict;
      }
    }
    const bool clean = verdict.entries.empty() && proofs.ok() && repeats.ok();
    verdict.outcome = clean ? Outcome::kHarmless : Outcome::kReadError;
    return verdict;
  }

  void Try(const Damage& damage) {
    const std::string name = absl::StrCat(damage.file, ": ", damage.what);
    Verdict verdict = Serve(MakeCopy(damage));
    // The check says what a read says and more. What is refused is checked now and then.
    const bool refused =
        verdict.outcome == Outcome::kRefused || verdict.outcome == Outcome::kReadOnly;
    const bool check =
        refused ? ++refused_ % kCheckRefusedEvery == 0 : verdict.outcome != Outcome::kHarmless;
    if (check) {
      DamageLedger copy(MakeCopy(damage));
      const auto report = copy.Check();
      const bool found = !report.ok() || report->findings_total > 0;
      EXPECT_TRUE(found) << name << ": " << verdict.why;
      if (report.ok()) CheckNames(name, verdict, *report);
      if (verdict.outcome == Outcome::kSilent && found) verdict.outcome = Outcome::kFound;
    }
    EXPECT_NE(verdict.outcome, Outcome::kSilent) << name << ": " << verdict.why;
    ++table_[KindOf(damage.file)][static_cast<size_t>(verdict.outcome)];
  }

  // The report names every entry that is damaged.
  static void CheckNames(const std::string& name, const Verdict& verdict,
                         const FsckReport& report) {
    std::set<uint64_t> named;
    bool whole_database = false;
    for (const Finding& finding : report.findings) {
      if (finding.entry.has_value()) named.insert(*finding.entry);
      whole_database = whole_database || finding.part == FindingPart::kDatabase;
    }
    for (const uint64_t entry : verdict.entries) {
      EXPECT_TRUE(named.count(entry))
          << name << ": entry " << entry << " is damaged and not named; "
          << (whole_database ? "the database is" : verdict.why);
    }
  }

  void PrintTable() const {
    std::printf("%-14s", "");
    for (const char* outcome : kOutcomeNames) std::printf("%11s", outcome);
    std::printf("\n");
    for (const auto& [kind, counts] : table_) {
      std::printf("%-14s", kind.c_str());
      for (const uint64_t count : counts)
        std::printf("%11llu", static_cast<unsigned long long>(count));
      std::printf("\n");
    }
  }

  static constexpr uint64_t kCheckRefusedEvery = 20;
  static inline FastFolder* folder_ = nullptr;
  static inline std::vector<std::string> ids_;
  static inline std::vector<std::string> files_;
  static inline std::vector<StoredEntry> entries_;
  static inline Head head_;
  static inline std::string checkpoint_;
  static inline std::map<std::string, Hash> before_;
  std::map<std::string, std::array<uint64_t, std::size(kOutcomeNames)>> table_;
  uint64_t refused_ = 0;
};

// Sanitizers look for other faults: with them a part is done.
constexpr uint64_t kThinning = kFaultsSlower;

uint64_t FlipsWanted() {
  const char* given = ::getenv("AUDITLEDGER_DAMAGE_FLIPS");
  uint64_t flips = 0;
  return given != nullptr && absl::SimpleAtoi(given, &flips) ? flips : 5000 / kThinning;
}

TEST_F(DamageTest, TheOriginalIsServedAndWhole) {
  const Damage none{"", "nothing", nullptr, "-"};
  const Verdict verdict = Serve(MakeCopy(none));
  EXPECT_EQ(verdict.outcome, Outcome::kHarmless) << verdict.why;
  DamageLedger copy(MakeCopy(none));
  ASSERT_OK_AND_ASSIGN(const FsckReport report, copy.Check());
  for (const Finding& finding : report.findings) ADD_FAILURE() << finding.what;
  EXPECT_EQ(report.payloads_opened, ids_.size());
  std::set<std::string> kinds;
  for (const std::string& file : files_) kinds.insert(KindOf(file));
  EXPECT_EQ(kinds.size(), 13u);  // there is something of each to damage
  EXPECT_GE(FilesOfKind("table").size(), 2u);
}

TEST_F(DamageTest, RandomBits) {
  std::mt19937_64 random(TestSeed());
  // Each kind of file has the same share; tables, write-ahead logs and keys have more.
  std::set<std::string> each;
  for (const std::string& file : files_) each.insert(KindOf(file));
  std::vector<std::string> kinds(each.begin(), each.end());
  for (const char* more : {"table", "table", "table", "write-ahead", "write-ahead", "key file"}) {
    kinds.emplace_back(more);
  }
  for (uint64_t i = 0; i < FlipsWanted(); ++i) {
    const std::vector<std::string> files = FilesOfKind(kinds[random() % kinds.size()]);
    const std::string& file = files[random() % files.size()];
    uint64_t size = fs::file_size(Original() + "/" + file);
    // Of a segment's 65,536 slots the log uses the first few: every second flip is in those.
    if (KindOf(file) == "seeds-" && i % 2 == 0) size = head_.size * kSeedSlotSize;
    if (size > 0) Try(Flip(file, random() % (size * 8)));
  }
  PrintTable();
}

TEST_F(DamageTest, EveryBitOfTheManifest) {
  for (const std::string& file : FilesOfKind("MANIFEST")) {
    const uint64_t bits = fs::file_size(Original() + "/" + file) * 8;
    for (uint64_t bit = 0; bit < bits; bit += kThinning) Try(Flip(file, bit));
  }
  PrintTable();
}

TEST_F(DamageTest, EveryBitOfEveryWriteAheadHeader) {
  for (const std::string& file : FilesOfKind("write-ahead")) {
    const std::string bytes = ReadAll(Original() + "/" + file);
    uint64_t records = 0;
    for (uint64_t at = 0; at + kLogHeaderBytes <= bytes.size(); ++records) {
      if (kLogBlockBytes - at % kLogBlockBytes < kLogHeaderBytes) {
        at += kLogBlockBytes - at % kLogBlockBytes;  // a block's trailer
        continue;
      }
      for (uint64_t bit = 0; bit < kLogHeaderBytes * 8; bit += kThinning) {
        Try(Flip(file, at * 8 + bit));
      }
      if (at >= SizeWithoutZeros(bytes)) break;  // the first of those that are still zeros, too
      const auto low = static_cast<uint8_t>(bytes[at + 4]);
      const auto high = static_cast<uint8_t>(bytes[at + 5]);
      at += kLogHeaderBytes + (uint64_t{high} << 8 | low);
    }
    EXPECT_GE(records, 25u);
  }
  PrintTable();
}

// LevelDB removes what its manifest does not name and what it has read of a log: behind a flipped
// bit that is acknowledged entries, which flipping it back would bring back. Who refuses keeps
// them.
TEST_F(DamageTest, ARefusedStartKeepsEveryFileAsItWas) {
  std::vector<Damage> damages;
  for (const char* kind : {"MANIFEST", "write-ahead"}) {
    for (const std::string& file : FilesOfKind(kind)) {
      const uint64_t size = fs::file_size(Original() + "/" + file);
      for (uint64_t bit = 0; bit < size * 8; bit += size / 25) damages.push_back(Flip(file, bit));
      for (uint64_t cut = size / 2; cut < size; cut += size / 100 + 1)
        damages.push_back(Cut(file, cut));
    }
  }
  uint64_t refused = 0;
  for (const Damage& damage : damages) {
    const std::string base = MakeCopy(damage);
    std::map<std::string, std::string> before;
    for (const std::string& file : files_) {
      const bool is_database = absl::StrContains(file, "/log/") && KindOf(file) != "LOG";
      if (is_database) before[file] = ReadAll(base + "/" + file);
    }
    const Verdict verdict = Serve(base);
    if (verdict.outcome != Outcome::kRefused) continue;
    ++refused;
    for (const auto& [file, bytes] : before) {
      EXPECT_TRUE(fs::exists(base + "/" + file) && ReadAll(base + "/" + file) == bytes)
          << damage.file << ": " << damage.what << " made the start lose " << file << ": "
          << verdict.why;
    }
  }
  EXPECT_GE(refused, 50u);
}

TEST_F(DamageTest, EveryFileCutShort) {
  std::mt19937_64 random(TestSeed());
  for (const std::string& file : files_) {
    const uint64_t size = fs::file_size(Original() + "/" + file);
    if (size == 0) continue;
    std::set<uint64_t> sizes = {0, size - 1};
    while (sizes.size() < std::min(kTruncations / kThinning, size)) sizes.insert(random() % size);
    for (const uint64_t cut : sizes) Try(Cut(file, cut));
  }
  PrintTable();
}

// What fsck says of a stopped ledger, the background check says of a serving one.
TEST_F(DamageTest, TheBackgroundCheckNamesTheEntryToo) {
  std::mt19937_64 random(TestSeed());
  std::vector<std::string> files = FilesOfKind("table");
  files.push_back(FilesOfKind("seeds-").at(0));
  // Most flips are refused at the start or change nothing that is served: it takes some five for
  // one that a reader meets.
  uint64_t named = 0;
  for (int flips = 0; named < 20 && flips < 1000; ++flips) {
    const std::string& file = files[random() % files.size()];
    const bool is_seeds = KindOf(file) == "seeds-";
    const uint64_t size =
        is_seeds ? head_.size * kSeedSlotSize : fs::file_size(Original() + "/" + file);
    const Damage damage = Flip(file, random() % (size * 8));
    const Verdict verdict = Serve(MakeCopy(damage));
    if (verdict.outcome != Outcome::kReadError || verdict.entries.empty()) continue;
    DamageLedger copy(MakeCopy(damage));
    copy.CheckInBackground(1'000'000'000);
    ASSERT_OK(copy.Open());
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (copy.ledger->counters().check_rounds == 0 &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    const std::string said = copy.ledger->status().damage;
    uint64_t entry = 0;
    ASSERT_EQ(std::sscanf(said.c_str(), "entry %lu:", &entry), 1) << said;
    EXPECT_TRUE(verdict.entries.count(entry)) << said;
    EXPECT_GE(copy.ledger->counters().damage_findings, verdict.entries.size());
    ++named;
  }
  EXPECT_EQ(named, 20u);
}

TEST_F(DamageTest, EveryFileDeletedOrExchanged) {
  for (const std::string& file : files_) {
    Try(Delete(file));
    for (const std::string& with : files_) {
      const bool neighbours = fs::path(file).parent_path() == fs::path(with).parent_path();
      if (file < with && neighbours) Try(Swap(file, with));
    }
  }
  PrintTable();
}

}  // namespace
}  // namespace auditledger::testing
