// Covers: merkle/sha256_batch, merkle/sha256_lanes, merkle/sha256_block
#include "merkle/sha256_batch.h"

#include <gtest/gtest.h>

#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "merkle/sha256.h"
#include "merkle/sha256_lanes.h"
#include "tests/testing/seed.h"

namespace auditledger {
namespace {

std::string Bytes(size_t count, std::mt19937_64& random) {
  std::string bytes(count, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

// Longer messages and streams are padded and hashed by OpenSSL alone: an independent answer.
Hash ByOpenSsl(absl::string_view message) {
  Sha256Stream stream;
  stream.Update(message);
  return stream.Finish();
}

// Once with lanes where the processor has them, once without.
class Sha256BatchTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam() && !HaveSha256Lanes()) GTEST_SKIP() << "this processor has no AVX-512";
  }
  void Check(const std::vector<std::string>& messages) {
    for (const std::string& message : messages) {
      const absl::string_view view(message);
      batch_.Add({view.substr(0, view.size() / 3), "", view.substr(view.size() / 3)});
    }
    ASSERT_EQ(batch_.size(), messages.size());
    std::vector<Hash> digests(messages.size());
    batch_.Finish(absl::MakeSpan(digests));
    EXPECT_EQ(batch_.size(), 0u);
    for (size_t i = 0; i < messages.size(); ++i) {
      EXPECT_EQ(digests[i], ByOpenSsl(messages[i]))
          << "message " << i << " of " << messages.size() << ", " << messages[i].size() << " bytes";
    }
  }
  Sha256Batch batch_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(, Sha256BatchTest, ::testing::Bool(),
                         [](const auto& way) { return way.param ? "SideBySide" : "OneByOne"; });

TEST_P(Sha256BatchTest, EveryLengthInOneBatchAndInBatchesOfOneLength) {
  std::mt19937_64 random(1);
  std::vector<std::string> all;
  for (size_t length = 0; length <= 300; ++length) {
    all.push_back(Bytes(length, random));
    std::vector<std::string> same;
    for (int i = 0; i < 17; ++i) same.push_back(Bytes(length, random));
    Check(same);
  }
  Check(all);
}

// Few messages are hashed one by one; lanes are left over, filled, and filled again.
TEST_P(Sha256BatchTest, EveryCountOfMessages) {
  std::mt19937_64 random(2);
  std::vector<std::string> messages;
  for (int count = 0; count <= 100; ++count) {
    Check(messages);
    messages.push_back(Bytes(random() % 200, random));
  }
}

TEST_P(Sha256BatchTest, LongOnesAmongShortOnes) {
  std::mt19937_64 random(testing::TestSeed());
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> messages(1 + random() % 60);
    for (std::string& message : messages) {
      message = Bytes(random() % (random() % 8 == 0 ? 70'000 : 300), random);
    }
    Check(messages);
  }
}

// FIPS 180-4's example of two blocks and the empty message, in each lane at once.
TEST_P(Sha256BatchTest, PublishedExamples) {
  for (int i = 0; i < 16; ++i) {
    batch_.Add({"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"});
    batch_.Add({});
  }
  std::vector<Hash> digests(batch_.size());
  batch_.Finish(absl::MakeSpan(digests));
  for (size_t i = 0; i < digests.size(); i += 2) {
    EXPECT_EQ(digests[i].ToHex(),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(digests[i + 1].ToHex(),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  }
}

TEST(Sha256BatchDefaultTest, PicksWhatTheProcessorHas) {
  std::cout << (HaveSha256Lanes() ? "sixteen lanes" : "one by one") << "\n";
  Sha256Batch batch;
  for (int i = 0; i < 20; ++i) batch.Add({"ab", "c"});
  std::vector<Hash> digests(20);
  batch.Finish(absl::MakeSpan(digests));
  EXPECT_EQ(digests, std::vector<Hash>(20, Sha256({"abc"})));
}

}  // namespace
}  // namespace auditledger
