#include "merkle/key_chain.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "merkle/bytes.h"
#include "merkle/leaf.h"
#include "merkle/proof.h"
#include "tests/merkle/seal_vectors.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_log.h"

namespace auditledger::testing {
namespace {

using ::testing::HasSubstr;

constexpr auto kBroken = absl::StatusCode::kFailedPrecondition;
constexpr char kOrigin[] = "ledger.test/clinic";

// Keys are those of test_log.h: TestPublicKey(1), (2) ...
std::string Body(uint8_t from, uint8_t to, const std::string& origin = kOrigin) {
  KeyChange change{TestPublicKey(from), TestPublicKey(to), "", ""};
  const std::string message = KeyChangeMessage(origin, change.old_key, change.new_key).value();
  change.old_signature = TestSignature(from, message);
  change.new_signature = TestSignature(to, message);
  return EncodeKeyChange(change).value();
}
NoteVerifier Key(uint8_t number, const std::string& name = kOrigin) {
  return NoteVerifier::FromEd25519(name, TestPublicKey(number)).value();
}
std::vector<std::string> Vkeys(const KeyChain& chain, uint64_t size) {
  std::vector<std::string> out;
  for (const NoteVerifier& key : chain.KeysOf(size)) out.push_back(key.ToVkey());
  return out;
}
std::vector<std::string> Vkeys(const std::vector<uint8_t>& numbers) {
  std::vector<std::string> out;
  for (const uint8_t number : numbers) out.push_back(Key(number).ToVkey());
  return out;
}

TEST(KeyChain, TheSecondImplementationAgrees) {
  const nlohmann::json file = SealVectors("key_changes.json");
  const std::string origin = Bytes(file["origin"]);
  std::vector<KeyChangeEntry> changes;
  for (size_t i = 0; i < file["vectors"].size(); ++i) {
    const nlohmann::json& vector = file["vectors"][i];
    const std::string body = Bytes(vector["body"]);
    ASSERT_OK_AND_ASSIGN(const KeyChange change, ParseKeyChange(body));
    EXPECT_EQ(change.old_key, Bytes(file["keys"][i]));
    EXPECT_EQ(change.new_key, Bytes(file["keys"][i + 1]));
    EXPECT_EQ(EncodeKeyChange(change).value(), body);
    EXPECT_EQ(KeyChangeMessage(origin, change.old_key, change.new_key).value(),
              Bytes(vector["message"]));
    ASSERT_OK_AND_ASSIGN(const Leaf leaf, ParseLeaf(Bytes(vector["leaf"])));
    EXPECT_EQ(leaf.kind, EntryKind::kKeyChange);
    EXPECT_EQ(leaf.body, body);
    EXPECT_EQ(LeafHash(Bytes(vector["leaf"])), HashOf(vector["leaf_hash"]));
    changes.push_back({vector["index"], body});
  }
  ASSERT_EQ(changes.size(), 2u);
  // Whichever of them is pinned.
  for (const nlohmann::json& key : file["keys"]) {
    ASSERT_OK_AND_ASSIGN(const NoteVerifier pinned, NoteVerifier::FromEd25519(origin, Bytes(key)));
    ASSERT_OK_AND_ASSIGN(const KeyChain chain, KeyChain::Build(pinned, changes));
    EXPECT_EQ(chain.first().public_key(), Bytes(file["keys"][0]));
    EXPECT_EQ(chain.current().public_key(), Bytes(file["keys"][2]));
    EXPECT_EQ(chain.changes(), 2u);
  }
}

TEST(KeyChain, EachHeadHasItsKey) {
  ASSERT_OK_AND_ASSIGN(const KeyChain one, KeyChain::Build(Key(1), {}));
  EXPECT_EQ(Vkeys(one, 0), Vkeys({1}));
  EXPECT_EQ(Vkeys(one, 1'000'000), Vkeys({1}));
  ASSERT_OK_AND_ASSIGN(const KeyChain chain,
                       KeyChain::Build(Key(1), {{7, Body(1, 2)}, {9, Body(2, 3)}}));
  EXPECT_EQ(Vkeys(chain, 7), Vkeys({1}));
  EXPECT_EQ(Vkeys(chain, 8), Vkeys({1, 2})) << "the first that holds the change";
  EXPECT_EQ(Vkeys(chain, 9), Vkeys({2})) << "the old key is retired";
  EXPECT_EQ(Vkeys(chain, 10), Vkeys({2, 3}));
  EXPECT_EQ(Vkeys(chain, 11), Vkeys({3}));
  EXPECT_EQ(Vkeys(chain, UINT64_MAX), Vkeys({3}));
}

TEST(KeyChain, BothKeysMustHaveSigned) {
  for (const size_t at : {size_t{67}, size_t{67 + 64}}) {  // the first byte of each signature
    std::string body = Body(1, 2);
    body[at] ^= 1;
    EXPECT_THAT(KeyChain::Build(Key(1), {{7, body}}),
                StatusIs(absl::StatusCode::kDataLoss,
                         HasSubstr(at == 67 ? "by the old key" : "by the new key")));
  }
  EXPECT_THAT(KeyChain::Build(Key(1), {{7, Body(1, 2, "ledger.test/other")}}),
              StatusIs(absl::StatusCode::kDataLoss))
      << "a change of another log";
}

TEST(KeyChain, MustHoldTogether) {
  const auto build = [](const std::vector<KeyChangeEntry>& changes) {
    return KeyChain::Build(Key(1), changes).status();
  };
  EXPECT_OK(build({{7, Body(1, 2)}, {8, Body(2, 3)}}));
  EXPECT_THAT(build({{7, Body(1, 2)}, {8, Body(3, 4)}}),
              StatusIs(kBroken, HasSubstr("entry 8: its old key is not")));
  EXPECT_THAT(build({{7, Body(1, 2)}, {7, Body(2, 3)}}), StatusIs(kBroken, HasSubstr("follow")));
  EXPECT_THAT(build({{7, Body(1, 2)}, {6, Body(2, 3)}}), StatusIs(kBroken, HasSubstr("follow")));
  // A retired key never comes back, nor is a change of then played again.
  EXPECT_THAT(build({{7, Body(1, 2)}, {8, Body(2, 1)}}),
              StatusIs(kBroken, HasSubstr("used before")));
  EXPECT_THAT(build({{7, Body(1, 1)}}), StatusIs(kBroken, HasSubstr("used before")));
  EXPECT_THAT(build({{7, Body(2, 3)}}), StatusIs(kBroken, HasSubstr("pinned key is none")));
  EXPECT_THAT(KeyChain::Build(Key(1, "ledger.test/other"), {{7, Body(1, 2)}}),
              StatusIs(absl::StatusCode::kDataLoss));
  const NoteVerifier witness =
      NoteVerifier::FromEd25519(kOrigin, TestPublicKey(1), kNoteEd25519Cosignature).value();
  EXPECT_THAT(KeyChain::Build(witness, {}), StatusIs(kBroken));
}

TEST(KeyChain, HasALimit) {
  std::vector<KeyChangeEntry> changes(kMaxKeyChanges + 1, {1, ""});
  EXPECT_THAT(KeyChain::Build(Key(1), changes), StatusIs(kBroken, HasSubstr("over 256")));
  changes.pop_back();
  EXPECT_THAT(KeyChain::Build(Key(1), changes), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(KeyChain, ABodyHasOneForm) {
  const std::string body = Body(1, 2);
  EXPECT_EQ(body.size(), 195u);
  for (size_t length = 0; length < body.size(); ++length) {
    EXPECT_THAT(ParseKeyChange(body.substr(0, length)),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(ParseKeyChange(body + "x"), StatusIs(absl::StatusCode::kInvalidArgument));
  for (const size_t at : {size_t{0}, size_t{1}, size_t{34}}) {  // version and types
    std::string wrong = body;
    wrong[at] = 4;
    EXPECT_THAT(ParseKeyChange(wrong),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("unknown")));
  }
  KeyChange change = ParseKeyChange(body).value();
  change.new_signature.pop_back();
  EXPECT_THAT(EncodeKeyChange(change), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_OK(KeyChangeMessage(std::string(65535, 'o'), change.old_key, change.new_key));
  EXPECT_FALSE(KeyChangeMessage(std::string(65536, 'o'), change.old_key, change.new_key).ok());
  EXPECT_FALSE(KeyChangeMessage(kOrigin, "short", change.new_key).ok());
}

// A log whose key changes at entry 3, and somebody who still has the old one.
class RotatedLogTest : public ::testing::Test {
 protected:
  RotatedLogTest() {
    log_.AddEvents(2);
    EXPECT_EQ(log_.AddSystem(EntryKind::kKeyChange, Body(1, 2)), 3u);
    log_.AddEvents(2);
  }
  // The head of `size`, signed by key `number`.
  std::string HeadOf(uint64_t size, uint8_t number) {
    Note note;
    note.text = FormatCheckpoint({kOrigin, size, log_.RootAt(size), {}});
    note.signatures.push_back({kOrigin, Key(number).key_id(), TestSignature(number, note.text)});
    return FormatNote(note);
  }
  LoggedKeyChange Change(uint64_t size) {
    return {3, log_.leaves()[3], InclusionProof(3, size, log_).value()};
  }
  TestLog log_;
};

TEST_F(RotatedLogTest, AHeadOpensWithTheChangesThatLeadToItsKey) {
  EXPECT_OK(OpenCheckpointWithChanges(HeadOf(3, 1), Key(1), {}));
  for (const uint8_t pinned : {uint8_t{1}, uint8_t{2}}) {
    ASSERT_OK_AND_ASSIGN(const SignedCheckpoint head,
                         OpenCheckpointWithChanges(HeadOf(6, 2), Key(pinned), {Change(6)}));
    EXPECT_EQ(head.checkpoint.size, 6u);
    for (const uint8_t signer : {uint8_t{1}, uint8_t{2}}) {
      EXPECT_OK(OpenCheckpointWithChanges(HeadOf(4, signer), Key(pinned), {Change(4)}));
    }
  }
  EXPECT_THAT(OpenCheckpointWithChanges(HeadOf(6, 2), Key(1), {}),
              StatusIs(absl::StatusCode::kUnauthenticated))
      << "without the change the key is a stranger's";
}

TEST_F(RotatedLogTest, ARetiredKeySignsNothingMore) {
  EXPECT_THAT(OpenCheckpointWithChanges(HeadOf(6, 1), Key(1), {Change(6)}),
              StatusIs(absl::StatusCode::kUnauthenticated));
  ASSERT_OK_AND_ASSIGN(const KeyChain chain, KeyChain::Build(Key(1), {{3, Body(1, 2)}}));
  EXPECT_THAT(OpenCheckpoint(HeadOf(3, 2), kOrigin, chain),
              StatusIs(absl::StatusCode::kUnauthenticated))
      << "nor did the new one before";
  EXPECT_OK(OpenCheckpoint(HeadOf(3, 1), kOrigin, chain));
  EXPECT_OK(OpenCheckpoint(HeadOf(5, 2), kOrigin, chain));
  EXPECT_THAT(OpenCheckpoint(HeadOf(5, 2), "ledger.test/other", chain), StatusIs(kBroken));
}

// What the header says of a head by itself, and the README that a verifier must do: nothing in what
// it is given says that the key was retired at entry 3.
TEST_F(RotatedLogTest, ToAVerifierWithoutMemoryARetiredKeyStillSignsAFork) {
  log_.AddEvents(1);
  EXPECT_OK(OpenCheckpointWithChanges(HeadOf(7, 1), Key(1), {})) << "the change is left out";
  TestLog fork;
  fork.AddEvents(5);
  const uint64_t moved = fork.AddSystem(EntryKind::kKeyChange, Body(1, 2));
  log_ = fork;
  EXPECT_OK(OpenCheckpointWithChanges(
      HeadOf(moved + 1, 1), Key(2),
      {{moved, fork.leaves()[moved], InclusionProof(moved, moved + 1, fork).value()}}))
      << "the same change, logged later, and the newest key pinned";
}

TEST_F(RotatedLogTest, AChangeThatIsNotInTheLogIsRefused) {
  LoggedKeyChange change = Change(6);
  change.inclusion[0].bytes[0] ^= 1;
  EXPECT_FALSE(OpenCheckpointWithChanges(HeadOf(6, 2), Key(1), {change}).ok());
  change = Change(6);
  change.index = 2;
  EXPECT_FALSE(OpenCheckpointWithChanges(HeadOf(6, 2), Key(1), {change}).ok());
  change = {2, log_.leaves()[2], InclusionProof(2, 6, log_).value()};
  EXPECT_THAT(OpenCheckpointWithChanges(HeadOf(6, 2), Key(1), {change}),
              StatusIs(kBroken, HasSubstr("another kind")));
  change.leaf = "rubbish";
  EXPECT_THAT(OpenCheckpointWithChanges(HeadOf(6, 2), Key(1), {change}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("entry 2")));
}

}  // namespace
}  // namespace auditledger::testing
