// The seeds of the verifier's fuzz targets (tests/fuzz/corpus), made from a log in memory under the
// key that tests/fuzz/fuzz_log.h pins. AUDITLEDGER_WRITE_CORPUS=1 writes them anew.
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "merkle/bytes.h"
#include "merkle/opening.h"
#include "merkle/sha256.h"
#include "merkle/tile.h"
#include "tests/fuzz/fuzz_log.h"
#include "tests/testing/shared_path.h"
#include "tests/verifier/test_export.h"
#include "verifier/export_archive.h"

namespace auditledger {
namespace {

using testing::ReadFile;
using testing::SourcePath;
using testing::TestLog;
using testing::WriteFile;

class FuzzCorpus : public ::testing::Test {
 protected:
  FuzzCorpus() {
    log_.AddEvents(4);
    log_.AddSignedEvent(testing::TestEvent(5), 9);
  }
  static void Seed(const std::string& name, const std::string& bytes) {
    const std::string path = SourcePath(absl::StrCat("tests/fuzz/corpus/", name));
    if (std::getenv("AUDITLEDGER_WRITE_CORPUS") != nullptr) WriteFile(path, bytes);
    EXPECT_EQ(ReadFile(path), bytes) << name << ": write it anew, see the head of this file";
  }
  static std::string Divided(const std::string& first, const std::string& second, bool extra) {
    std::string out;
    PutU16(out, static_cast<uint16_t>(first.size() | (extra ? 0x8000 : 0)));
    return absl::StrCat(out, first, second);
  }
  std::string ExtraOf(uint64_t index) {
    ReceiptExtra extra;
    extra.leaf = log_.leaves()[index];
    extra.opening = log_.openings()[index];
    extra.opening->event.clear();
    return EncodeReceiptExtra(extra).value();
  }

  TestLog log_;
};

TEST_F(FuzzCorpus, ThePinIsTheTestLogs) {
  EXPECT_EQ(log_.origin(), std::string(kFuzzOrigin));
  EXPECT_EQ(log_.size(), kFuzzSize);
  EXPECT_EQ(log_.verifier().ToVkey(), FuzzPin().key.ToVkey());
  EXPECT_EQ(log_.RootAt(kFuzzSize).ToHex(), std::string(kFuzzRoot));
  EXPECT_EQ(Sha256({log_.openings()[kFuzzIndex]->event}).ToHex(), std::string(kFuzzEventHash));
  EXPECT_EQ(FuzzSign("a\n1\nb\n"), log_.Sign("a\n1\nb\n"));
}

TEST_F(FuzzCorpus, Receipts) {
  const std::string head = log_.CheckpointAt(kFuzzSize);
  Seed("receipt_file/receipt",
       Divided(log_.ReceiptFor(kFuzzIndex, kFuzzSize), log_.openings()[kFuzzIndex]->event, false));
  Seed("receipt_file/heads", Divided(head, head, false));
  Seed("receipt_file/extra",
       Divided(ExtraOf(kFuzzIndex), log_.openings()[kFuzzIndex]->event, true));
  Seed("receipt_file/extra_signed", Divided(ExtraOf(5), log_.openings()[5]->event, true));
  const uint64_t conflict = log_.AddConflict(2, testing::TestEvent(77));
  Seed("receipt_file/extra_conflict",
       Divided(ExtraOf(conflict), log_.openings()[conflict]->event, true));
}

TEST_F(FuzzCorpus, TrustStore) {
  const std::string note = log_.CheckpointAt(kFuzzSize);
  Seed("trust_store/note", note);
  Seed("trust_store/text", note.substr(0, note.find("\n\n") + 1));
  Seed("trust_store/pins", absl::StrCat(kFuzzOrigin, " ", log_.verifier().ToVkey(), "\n"));
}

TEST_F(FuzzCorpus, ExportBundles) {
  const std::vector<std::string> leaves(log_.leaves().begin() + 1, log_.leaves().begin() + 4);
  std::vector<std::optional<Opening>> openings(log_.openings().begin() + 1,
                                               log_.openings().begin() + 4);
  openings[1].reset();
  const std::string entries = EncodeEntryBundle(leaves).value();
  std::string seed;
  PutU8(seed, static_cast<uint8_t>(leaves.size() - 1));
  PutU16(seed, static_cast<uint16_t>(entries.size()));
  PutU16(seed, 0);  // the tile that fits
  Seed("export_log/bundle", absl::StrCat(seed, entries, EncodePayloadBundle(openings).value()));
}

TEST_F(FuzzCorpus, ExportArchives) {
  std::string archive;
  for (const absl::string_view name :
       {"tile/0/000.p/2", "tile/entries/000.p/2", "payload/000.p/2", "log.vkey", "checkpoint",
        "timestamps/000000000002-0123456789abcdef.tst"}) {
    absl::StrAppend(&archive, ArchiveHeader(name, name.size()), name, ArchivePadding(name.size()));
  }
  Seed("export_archive/files", archive + std::string(kArchiveEndBytes, '\0'));
}

}  // namespace
}  // namespace auditledger
