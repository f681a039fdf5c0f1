#include "ledger/sealer.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ledger/identity_record.h"
#include "ledger/payload_cipher.h"
#include "merkle/commitment.h"
#include "merkle/opening.h"
#include "merkle/units.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_log.h"

namespace auditledger::testing {
namespace {

using ::testing::HasSubstr;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class SealerTest : public ::testing::Test {
 protected:
  SealerTest() {
    EXPECT_OK(CreateKeyFiles(folder.path(), kOrigin, random));
    keys = std::make_unique<LedgerKeys>(LoadKeyFiles(folder.path(), kOrigin).value());
    sealer = std::make_unique<Sealer>(kOrigin, *keys, random);
  }
  SealInput Input() {
    SealInput input;
    input.event = MakeEvent("id-1", "read", {"s", 3});
    input.principal = "spiffe://test/emitter";
    input.stream_id = "s";
    input.event_id = "id-1";
    input.stream_sequence = 3;
    input.flags = kFlagLate | kFlagNoPurpose;
    input.received_at_us = 1'700'000'000'000'001;
    return input;
  }
  EmitterSealInput EmitterSeal(const SealInput& input, const std::string& seed) {
    const Hash commitment = EventCommitment(DigestUnits(seed, CutUnits(input.event).value()));
    return {seed,
            {TestPublicKey(9),
             TestSignature(9, EmitMessage(kOrigin, input.stream_id, input.event_id, commitment))}};
  }

  static constexpr char kOrigin[] = "test.example/log";
  const std::string kEmitterSeed = std::string(31, 's') + "t";
  ScratchFolder folder;
  CountedRandom random;
  std::unique_ptr<LedgerKeys> keys;
  std::unique_ptr<Sealer> sealer;
};

TEST_F(SealerTest, WhatItSealsOpens) {
  const SealInput input = Input();
  ASSERT_OK_AND_ASSIGN(const SealedEvent sealed, sealer->Seal(input));
  Leaf leaf;
  leaf.event_time_us = sealed.event_time_us;
  leaf.tags = sealed.tags;
  leaf.commitment = sealed.commitment;
  EXPECT_EQ(sealed.tags.size(), 1u);
  EXPECT_GT(sealed.event_time_us, 0u);
  EXPECT_OK(
      VerifyOpening(leaf, {sealed.seed, sealed.header, input.event}, keys->index_key.Reveal()));
  ASSERT_OK_AND_ASSIGN(const EntryHeader header, ParseHeader(sealed.header));
  EXPECT_EQ(header.principal, input.principal);
  EXPECT_EQ(header.flags, input.flags);
  EXPECT_EQ(header.stream_sequence, 3u);
  ASSERT_OK_AND_ASSIGN(
      const Payload payload,
      DecryptPayload(sealed.secret, kOrigin, sealed.commitment, sealed.payload_record));
  EXPECT_EQ(payload, (Payload{sealed.seed, sealed.header, input.event}));
  EXPECT_THAT(DecryptPayload(sealed.seed, kOrigin, sealed.commitment, sealed.payload_record),
              StatusIs(absl::StatusCode::kDataLoss))
      << "a receipt has the seed, and must not open what is stored";
  EXPECT_EQ(sealed.payload_record.find("Patient/7"), std::string::npos);
}

TEST_F(SealerTest, TheSameEventHasTheSameMacsAndAnotherSeed) {
  ASSERT_OK_AND_ASSIGN(const SealedEvent one, sealer->Seal(Input()));
  SealInput later = Input();
  later.received_at_us += 5;  // another delivery of the same event
  later.flags = 0;
  ASSERT_OK_AND_ASSIGN(const SealedEvent two, sealer->Seal(later));
  EXPECT_EQ(one.identity_mac, two.identity_mac);
  EXPECT_EQ(one.event_mac, two.event_mac);
  EXPECT_NE(one.secret, two.secret);
  EXPECT_NE(one.seed, two.seed);
  EXPECT_NE(one.commitment, two.commitment);
}

TEST_F(SealerTest, IdentityIsPrincipalStreamAndEventId) {
  ASSERT_OK_AND_ASSIGN(const SealedEvent base, sealer->Seal(Input()));
  for (std::string SealInput::*part :
       {&SealInput::principal, &SealInput::stream_id, &SealInput::event_id}) {
    SealInput other = Input();
    other.*part += "x";
    ASSERT_OK_AND_ASSIGN(const SealedEvent sealed, sealer->Seal(other));
    EXPECT_NE(sealed.identity_mac, base.identity_mac);
  }
}

TEST_F(SealerTest, RefusesWhatIsNotCanonical) {
  SealInput input = Input();
  input.event = input.event + input.event;  // fields descend
  EXPECT_THAT(sealer->Seal(input), StatusIs(kInvalid));
  input.event = MakeEvent("id-1", std::string(kMaxEventBytes, 'x'));
  EXPECT_THAT(sealer->Seal(input), StatusIs(kInvalid));
}

TEST_F(SealerTest, AnEmittersOwnSealIsCheckedAndKept) {
  SealInput input = Input();
  input.emitter_seal = EmitterSeal(input, kEmitterSeed);
  ASSERT_OK_AND_ASSIGN(const SealedEvent sealed, sealer->Seal(input));
  EXPECT_EQ(sealed.seed, kEmitterSeed);
  ASSERT_OK_AND_ASSIGN(
      const Payload payload,
      DecryptPayload(sealed.secret, kOrigin, sealed.commitment, sealed.payload_record));
  EXPECT_EQ(payload.seed, kEmitterSeed) << "it travels in the payload";
  EXPECT_THAT(DecryptPayload(kEmitterSeed, kOrigin, sealed.commitment, sealed.payload_record),
              StatusIs(absl::StatusCode::kDataLoss))
      << "what an emitter chooses protects nothing at rest";
  EXPECT_EQ(ParseHeader(sealed.header)->signature, input.emitter_seal->signature);

  SealInput moved = input;  // the signature is for another event id
  moved.event_id = "id-2";
  EXPECT_THAT(sealer->Seal(moved), StatusIs(kInvalid, HasSubstr("emitter_seal.signature")));
  SealInput reseeded = input;
  reseeded.emitter_seal->seed[0] = 'x';
  EXPECT_THAT(sealer->Seal(reseeded), StatusIs(kInvalid, HasSubstr("emitter_seal.signature")));
  SealInput short_seed = input;
  short_seed.emitter_seal->seed.pop_back();
  EXPECT_THAT(sealer->Seal(short_seed), StatusIs(kInvalid, HasSubstr("emitter_seal.seed")));
}

TEST_F(SealerTest, AnEmittersSeedOfEqualBytesIsNoSeed) {
  for (const char byte : {'\0', 's', '\xff'}) {
    SealInput input = Input();
    input.emitter_seal = EmitterSeal(input, std::string(32, byte));
    EXPECT_THAT(sealer->Seal(input), StatusIs(kInvalid, HasSubstr("all equal")));
  }
}

}  // namespace
}  // namespace auditledger::testing
