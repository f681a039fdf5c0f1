// What each part of an append costs, alone and on one core: parsing, rules, sealing and its parts,
// compression, encryption, leaf and tree, proof, signature. Events as auditledger-load sends them.
//
//   parts_bench [--benchmark_filter=REGEX] [--benchmark_format=json]
//
// The argument of a line is the size of the event. The sum of the parts is not the cost of an
// append: threads, queues, the RPC, TLS and the disk are not here (tools/dev bench has the whole).
#include <benchmark/benchmark.h>
#include <google/protobuf/arena.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "api/event_rules.h"
#include "auditledger/v1/event.pb.h"
#include "ledger/key_files.h"
#include "ledger/payload_cipher.h"
#include "ledger/payload_compression.h"
#include "ledger/random.h"
#include "ledger/sealer.h"
#include "merkle/commitment.h"
#include "merkle/frontier.h"
#include "merkle/leaf.h"
#include "merkle/sha256.h"
#include "merkle/sha256_batch.h"
#include "merkle/sha256_lanes.h"
#include "merkle/tags.h"
#include "merkle/units.h"
#include "tools/load_events.h"

namespace auditledger {
namespace {

constexpr char kOrigin[] = "bench.example/log";
constexpr uint64_t kNowUs = 1'700'000'000'000'000;

template <typename T>
T Need(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::cerr << value.status().ToString() << "\n";
  std::exit(1);
}

std::string Event(benchmark::State& state) {
  LoadEvents::Options options;
  options.event_bytes = static_cast<size_t>(state.range(0));
  options.recorded_unix_s = kNowUs / 1'000'000 - 60;
  std::string event;
  Need(LoadEvents::Make(options)).AppendEvent(event, 1, 1);
  return event;
}

LedgerKeys Keys() {
  LedgerKeys keys(Need(NoteVerifier::FromEd25519(kOrigin, std::string(32, 'k'))));
  keys.index_key = SecretString(std::string(32, 'i'));
  keys.dedup_key = SecretString(std::string(32, 'd'));
  return keys;
}

void Parse(benchmark::State& state) {
  const std::string event = Event(state);
  for (auto _ : state) {
    v1::AuditEvent message;
    benchmark::DoNotOptimize(message.ParseFromString(event));
  }
}

void ParseOnArena(benchmark::State& state) {
  const std::string event = Event(state);
  for (auto _ : state) {
    google::protobuf::Arena arena;
    auto* message = google::protobuf::Arena::CreateMessage<v1::AuditEvent>(&arena);
    benchmark::DoNotOptimize(message->ParseFromString(event));
  }
}

void Serialize(benchmark::State& state) {
  v1::AuditEvent message;
  message.ParseFromString(Event(state));
  for (auto _ : state) benchmark::DoNotOptimize(message.SerializeAsString());
}

void Rules(benchmark::State& state) {
  v1::AuditEvent message;
  const std::string bytes = Event(state);
  message.ParseFromString(bytes);
  for (auto _ : state) {
    benchmark::DoNotOptimize(CheckEvent(message, bytes, kMaxEventBytes, kNowUs, "event"));
  }
}

void Seal(benchmark::State& state) {
  const std::string event = Event(state);
  const LedgerKeys keys = Keys();
  const Sealer sealer(kOrigin, keys, Random::System());
  for (auto _ : state) {
    SealInput input;
    input.event = event;
    input.principal = "spiffe://bench/emitter";
    input.stream_id = "bench";
    input.event_id = "event";
    benchmark::DoNotOptimize(Need(sealer.Seal(std::move(input))));
  }
}

void Cut(benchmark::State& state) {
  const std::string event = Event(state);
  for (auto _ : state) benchmark::DoNotOptimize(Need(CutUnits(event)));
  state.counters["units"] = static_cast<double>(Need(CutUnits(event)).size());
}

void Commit(benchmark::State& state) {
  const std::vector<Unit> units = Need(CutUnits(Event(state)));
  const std::string seed(32, 's');
  for (auto _ : state) benchmark::DoNotOptimize(EventCommitment(DigestUnits(seed, units)));
}

void Tags(benchmark::State& state) {
  const std::vector<Unit> units = Need(CutUnits(Event(state)));
  const HmacKey key(std::string(32, 'i'));
  for (auto _ : state) benchmark::DoNotOptimize(Need(DeriveTags(key, units)));
  state.counters["tags"] = static_cast<double>(Need(DeriveTags(key, units)).size());
}

void Compress(benchmark::State& state) {
  const std::string event = Event(state);
  for (auto _ : state) benchmark::DoNotOptimize(CompressPayload(event));
  state.counters["bytes"] = static_cast<double>(CompressPayload(event).size());
}

void CompressAndEncrypt(benchmark::State& state) {
  const std::string secret(32, 's');
  const std::string nonce(kPayloadNonceBytes, 'n');
  const Payload payload{PayloadKeys(secret).CommitmentSeed(), std::string(90, 'h'), Event(state)};
  for (auto _ : state) {
    benchmark::DoNotOptimize(PayloadKeys(secret).Encrypt(
        nonce, kOrigin, Hash{}, {payload.seed, payload.header, payload.event}));
  }
}

void LeafAndTree(benchmark::State& state) {
  Leaf leaf;
  leaf.tags.resize(2);
  leaf.tags[1].bytes[0] = 1;
  leaf.commitment = Hash{};
  Frontier frontier;
  for (auto _ : state) {
    ++leaf.recorded_at_us;
    frontier.Append(LeafHash(Need(EncodeLeaf(leaf))));
  }
}

void NodeHash(benchmark::State& state) {
  Hash hash;
  for (auto _ : state) hash = Sha256({"\1", hash.view(), hash.view()});
}

// What a tag costs: its message and the digest behind a key.
void Mac(benchmark::State& state) {
  const HmacKey key(std::string(32, 'i'));
  Hash hash;
  for (auto _ : state) hash = key.Mac({hash.view()});
}

// A salt's message of 37 bytes, a node's of 65, a leaf's of 150: 64 of them, by the message.
void ShortHashes(benchmark::State& state, bool side_by_side) {
  if (side_by_side && !HaveSha256Lanes()) {
    state.SkipWithError("no AVX-512");
    return;
  }
  const std::string message(static_cast<size_t>(state.range(0)), 'm');
  std::vector<Hash> digests(64);
  Sha256Batch batch(side_by_side);
  for (auto _ : state) {
    for (size_t i = 0; i < digests.size(); ++i)
      batch.Add({digests[i].view().substr(0, 4), message});
    batch.Finish(absl::MakeSpan(digests));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(digests.size()));
}

void SecretAndNonce(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(Random::System().Bytes(kEntrySecretBytes));
    benchmark::DoNotOptimize(Random::System().Bytes(kPayloadNonceBytes));
  }
}

#define SIZES Arg(300)->Arg(1200)
BENCHMARK(Parse)->SIZES;
BENCHMARK(ParseOnArena)->SIZES;
BENCHMARK(Serialize)->SIZES;
BENCHMARK(Rules)->SIZES;
BENCHMARK(Seal)->SIZES;
BENCHMARK(Cut)->SIZES;
BENCHMARK(Commit)->SIZES;
BENCHMARK(Tags)->SIZES;
BENCHMARK(Compress)->SIZES;
BENCHMARK(CompressAndEncrypt)->SIZES;
BENCHMARK(LeafAndTree);
BENCHMARK(NodeHash);
BENCHMARK(Mac);
BENCHMARK_CAPTURE(ShortHashes, OneByOne, false)->Arg(33)->Arg(61)->Arg(146);
BENCHMARK_CAPTURE(ShortHashes, SideBySide, true)->Arg(33)->Arg(61)->Arg(146);
BENCHMARK(SecretAndNonce);

}  // namespace
}  // namespace auditledger

BENCHMARK_MAIN();
