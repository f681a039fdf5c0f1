#include "merkle/sha256.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace auditledger {
namespace {

TEST(Sha256Test, Fips180Examples) {
  EXPECT_EQ(Sha256({"abc"}).ToHex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256({"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"}).ToHex(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256({}).ToHex(), Sha256({""}).ToHex());
}

TEST(Sha256Test, PiecesAreOneMessage) {
  const std::string message(1000, 'x');
  for (size_t cut = 0; cut <= message.size(); cut += 37) {
    const absl::string_view view(message);
    EXPECT_EQ(Sha256({view.substr(0, cut), view.substr(cut)}), Sha256({message}));
  }
}

// One-shot hashes of up to two blocks are padded by us, longer ones and streams by OpenSSL.
TEST(Sha256Test, EveryLengthUpToFourBlocksIsWhatAStreamGives) {
  std::string message;
  for (int i = 0; i <= 256; ++i) {
    Sha256Stream stream;
    stream.Update(message);
    EXPECT_EQ(Sha256({message}), stream.Finish()) << i << " bytes";
    message.push_back(static_cast<char>(i * 37 + 11));
  }
}

TEST(Sha256Test, StreamIsOneMessageAndStartsAnew) {
  Sha256Stream stream;
  for (int round = 0; round < 2; ++round) {
    stream.Update("a");
    stream.Update("");
    stream.Update("bc");
    EXPECT_EQ(stream.Finish(), Sha256({"abc"})) << "round " << round;
  }
  EXPECT_EQ(stream.Finish(), Sha256({}));
}

TEST(Sha256Test, AStreamDoesNotDisturbOneShotHashesBesideIt) {
  Sha256Stream stream;
  stream.Update("ab");
  EXPECT_EQ(Sha256({"other"}), Sha256({"other"}));
  stream.Update("c");
  EXPECT_EQ(stream.Finish(), Sha256({"abc"}));
}

// The definition, RFC 2104, against which the kept states and the padding are held at each length.
TEST(HmacSha256Test, IsItsDefinitionAtEveryLength) {
  const std::string key(32, 'k');
  std::string inner(64, '\x36'), outer(64, '\x5c');
  for (size_t i = 0; i < key.size(); ++i) {
    inner[i] = static_cast<char>(inner[i] ^ key[i]);
    outer[i] = static_cast<char>(outer[i] ^ key[i]);
  }
  const HmacKey kept(key);
  std::string message;
  for (int i = 0; i <= 256; ++i) {
    const Hash expected = Sha256({outer, Sha256({inner, message}).view()});
    EXPECT_EQ(HmacSha256(key, {message}), expected) << i << " bytes";
    EXPECT_EQ(kept.Mac({message}), expected) << i << " bytes";
    message.push_back(static_cast<char>(i * 31 + 5));
  }
}

// RFC 4231 sections 4.2, 4.3, 4.7 (a key longer than a block) and 4.8.
TEST(HmacSha256Test, Rfc4231) {
  EXPECT_EQ(HmacSha256(std::string(20, '\x0b'), {"Hi ", "There"}).ToHex(),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(HmacSha256("Jefe", {"what do ya want ", "for nothing?"}).ToHex(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HmacSha256(std::string(131, '\xaa'),
                       {"Test Using Larger Than Block-Size Key - Hash Key First"})
                .ToHex(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(HmacSha256(std::string(131, '\xaa'),
                       {"This is a test using a larger than block-size key and a larger than "
                        "block-size data. The key needs to be hashed before being used by the "
                        "HMAC algorithm."})
                .ToHex(),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST(HmacSha256Test, AKeyOfOneBlockIsNotHashed) {
  const std::string key(64, 'k');
  EXPECT_NE(HmacSha256(key, {"m"}), HmacSha256(Sha256({key}).view(), {"m"}));
  EXPECT_EQ(HmacSha256(key + "k", {"m"}), HmacSha256(Sha256({key + "k"}).view(), {"m"}));
  EXPECT_EQ(HmacSha256("", {"m"}), HmacSha256(std::string(64, '\0'), {"m"}));
}

TEST(Sha256Test, ThreadsDoNotShareAContext) {
  const Hash want = Sha256({std::string(500, 'a')});
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&count, &want] {
      for (int i = 0; i < 2000; ++i) count += Sha256({std::string(500, 'a')}) != want;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace auditledger
