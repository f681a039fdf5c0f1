// The seeds of the fuzz target of complete answers (tests/fuzz/corpus/complete_answer), and that
// its truth (tests/fuzz/fuzz_index.h) is that of their log. AUDITLEDGER_WRITE_CORPUS=1 writes them
// anew.
//
// Covers: merkle/complete_answer
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/fuzz/fuzz_index.h"
#include "tests/testing/indexed_log.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::IndexedLog;

class AnswerCorpus : public ::testing::Test {
 protected:
  AnswerCorpus() {
    for (uint64_t i = 1; i < kFuzzIndexEntries.size(); ++i) {
      if (i == 5 || i == 9) {
        log_.AddIndexHead();
        continue;
      }
      std::set<Hash> tags;
      if (kFuzzIndexEntries[i].has_tag) tags.insert(tag_);
      log_.Add(tags, kFuzzIndexEntries[i].event_time_us);
    }
  }
  void Seed(const std::string& name, const CompleteAnswer& answer) {
    const std::string path =
        testing::SourcePath(absl::StrCat("tests/fuzz/corpus/complete_answer/", name));
    const std::string bytes = EncodeCompleteAnswer(answer).value();
    if (std::getenv("AUDITLEDGER_WRITE_CORPUS") != nullptr) {
      std::filesystem::create_directories(std::filesystem::path(path).parent_path());
      std::ofstream(path, std::ios::binary) << bytes;
    }
    EXPECT_EQ(testing::ReadFile(path), bytes) << name << ": write it anew, see this file's head";
  }

  const Hash tag_ = LeafHash("x");
  IndexedLog log_;
};

TEST_F(AnswerCorpus, ItsTruthIsTheLogs) {
  ASSERT_EQ(log_.size(), kFuzzIndexEntries.size());
  EXPECT_EQ(log_.log().origin(), std::string(kFuzzIndexOrigin));
  EXPECT_EQ(log_.log().RootAt(log_.size()).ToHex(), std::string(kFuzzIndexRoot));
  for (uint64_t i = 0; i < log_.size(); ++i) {
    EXPECT_EQ(log_.leaf(i).recorded_at_us, kFuzzIndexFirstUs + i * kFuzzIndexStepUs);
  }
}

TEST_F(AnswerCorpus, SeedsAreAnswersOfEachKind) {
  const uint64_t size = log_.size();
  Seed("all", log_.Answer(RecordedWithin(tag_, {}), size));
  Seed("none", log_.Answer(RecordedWithin(LeafHash("nobody"), {}), size));
  Seed("recorded",
       log_.Answer(RecordedWithin(tag_, {kFuzzIndexFirstUs + 2000, kFuzzIndexFirstUs + 5000}),
                   size));
  Seed("happened",
       log_.Answer({tag_, {}, {kFuzzIndexFirstUs - 10, kFuzzIndexFirstUs + 100}}, size));
  IndexedLog::Parts parts = log_.TrueParts(RecordedWithin(tag_, {}), size);
  parts.tail = false;
  parts.leaves = {0, 1, 2, 4, 6, 7, 9};
  Seed("to_the_index_head", log_.Compose(parts));
}

}  // namespace
}  // namespace auditledger
