#include "merkle/opening.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/commitment.h"
#include "merkle/erasure_entries.h"
#include "merkle/header.h"
#include "merkle/status_macros.h"
#include "merkle/system_entries.h"
#include "merkle/tags.h"
#include "merkle/tile.h"
#include "merkle/units.h"

namespace auditledger {
namespace {

constexpr uint8_t kOpeningVersion = 1;
constexpr uint8_t kReceiptExtraVersion = 1;
constexpr size_t kMaxHeaderBytes = 65535;

absl::Status Invalid(absl::string_view what, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", why));
}

absl::Status CheckOpening(const OpeningView& opening) {
  if (opening.seed.size() != kSeedBytes) return Invalid("opening seed", "needs 32 bytes");
  if (opening.header.size() > kMaxHeaderBytes) {
    return Invalid("opening header", absl::StrCat("over ", kMaxHeaderBytes, " bytes"));
  }
  if (opening.event.size() > kMaxEventBytes) {
    return Invalid("opening event", absl::StrCat("over ", kMaxEventBytes, " bytes"));
  }
  return absl::OkStatus();
}

absl::Status ReadVersion(absl::string_view what, uint8_t expected, ByteReader& in) {
  uint8_t version = 0;
  RETURN_IF_ERROR(in.U8(what, version));
  if (version == expected) return absl::OkStatus();
  return Invalid(what, absl::StrCat(version, " is unknown"));
}

void PutSeedAndHeader(std::string& out, const Opening& opening) {
  out += opening.seed;
  PutBytes16(out, opening.header);
}

absl::Status ReadSeedAndHeader(absl::string_view what, ByteReader& in, OpeningView& opening) {
  absl::Status status = in.Raw("seed", kSeedBytes, opening.seed);
  if (status.ok()) status = in.Bytes16("header", opening.header);
  return status.ok() ? status
                     : absl::InvalidArgumentError(absl::StrCat(what, " ", status.message()));
}

absl::StatusOr<OpeningView> ParseOpeningView(absl::string_view bytes) {
  ByteReader in(bytes);
  OpeningView opening;
  uint32_t length = 0;
  RETURN_IF_ERROR(ReadVersion("opening version", kOpeningVersion, in));
  RETURN_IF_ERROR(ReadSeedAndHeader("opening", in, opening));
  RETURN_IF_ERROR(in.U32("opening event", length));
  RETURN_IF_ERROR(in.Raw("opening event", length, opening.event));
  RETURN_IF_ERROR(in.Finish("opening"));
  RETURN_IF_ERROR(CheckOpening(opening));
  return opening;
}

Opening Copy(const OpeningView& view) {
  return {std::string(view.seed), std::string(view.header), std::string(view.event)};
}

absl::Status CheckWidth(uint64_t width) {
  if (width >= 1 && width <= kTileWidth) return absl::OkStatus();
  return Invalid("payload bundle", "width is not 1 to 256");
}

absl::Status CheckBody(const Leaf& leaf) {
  switch (leaf.kind) {
    case EntryKind::kEvent:
      return leaf.body.empty() ? absl::OkStatus() : Invalid("leaf body", "an event has none");
    case EntryKind::kConflict:
      return ParseConflict(leaf.body).status();
    case EntryKind::kErasure:
      return ParseErasure(leaf.body).status();
    case EntryKind::kErasureRequest:
      return ParseErasureRequest(leaf.body).status();
    case EntryKind::kLegalHold:
      return ParseLegalHold(leaf.body).status();
    default:
      return Invalid("leaf kind", absl::StrCat(EntryKindName(leaf.kind), " carries no event"));
  }
}

// Whether an event can stand behind this leaf at all, by its kind's own rules.
absl::Status CheckCarriesEvent(const Leaf& leaf) {
  RETURN_IF_ERROR(CheckBody(leaf));
  if (!leaf.commitment) return Invalid("leaf commitment", "is absent");
  return absl::OkStatus();
}

absl::Status CheckEventTime(const Leaf& leaf, absl::Span<const UnitView> units) {
  ASSIGN_OR_RETURN(const uint64_t event_time_us, EventTimeMicros(units));
  if (leaf.event_time_us == event_time_us) return absl::OkStatus();
  return absl::DataLossError("event time: the leaf's is not the event's");
}

// The header is the ledger's word, the event the emitter's: if they told two identities, what the
// emitter signed and what exactly-once and gaps went by would be two things.
absl::Status CheckIdentity(const EntryHeader& header, absl::Span<const UnitView> units) {
  ASSIGN_OR_RETURN(const EventIdentity event, ReadEventIdentity(units));
  if (header.event_id != event.event_id) {
    return absl::DataLossError("header: its event id is not the event's");
  }
  if (header.stream_id != event.stream_id) {
    return absl::DataLossError("header: its stream is not the event's");
  }
  if (header.stream_sequence != event.stream_sequence) {
    return absl::DataLossError("header: its sequence is not the event's");
  }
  return absl::OkStatus();
}

absl::Status CheckTags(const Leaf& leaf, absl::Span<const UnitView> units,
                       const HmacKey& index_key) {
  ASSIGN_OR_RETURN(const std::vector<Hash> tags, DeriveTags(index_key, units));
  if (leaf.tags == tags) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("tags: the leaf's ", leaf.tags.size(), " are not the ",
                                          tags.size(), " that the event derives"));
}

// What can be said before the commitment is known.
absl::Status Read(const Leaf& leaf, const OpeningView& opening, EntryHeader& header,
                  std::vector<UnitView>& units) {
  RETURN_IF_ERROR(CheckCarriesEvent(leaf));
  RETURN_IF_ERROR(CheckOpening(opening));
  ASSIGN_OR_RETURN(header, ParseHeader(opening.header));
  ASSIGN_OR_RETURN(units, CutUnitViews(opening.event));
  return absl::OkStatus();
}

// And after.
absl::Status Compare(const Leaf& leaf, const Hash& commitment, const EntryHeader& header,
                     absl::Span<const UnitView> units, const HmacKey* index_key) {
  if (commitment != *leaf.commitment) {
    return absl::DataLossError("commitment: seed, header or event is not what the leaf commits to");
  }
  RETURN_IF_ERROR(CheckEventTime(leaf, units));
  RETURN_IF_ERROR(CheckIdentity(header, units));
  return index_key != nullptr ? CheckTags(leaf, units, *index_key) : absl::OkStatus();
}

}  // namespace

OpeningView ViewOf(const Opening& opening) { return {opening.seed, opening.header, opening.event}; }

absl::StatusOr<std::string> EncodeOpening(const Opening& opening) {
  RETURN_IF_ERROR(CheckOpening(ViewOf(opening)));
  std::string out;
  PutU8(out, kOpeningVersion);
  PutSeedAndHeader(out, opening);
  PutU32(out, static_cast<uint32_t>(opening.event.size()));
  out += opening.event;
  return out;
}

absl::StatusOr<Opening> ParseOpening(absl::string_view bytes) {
  ASSIGN_OR_RETURN(const OpeningView opening, ParseOpeningView(bytes));
  return Copy(opening);
}

absl::StatusOr<std::string> EncodeReceiptExtra(const ReceiptExtra& extra) {
  if (extra.leaf.size() > kMaxLeafBytes) {
    return Invalid("receipt leaf", absl::StrCat("over ", kMaxLeafBytes, " bytes"));
  }
  std::string out;
  PutU8(out, kReceiptExtraVersion);
  PutBytes16(out, extra.leaf);
  PutU8(out, extra.opening ? 1 : 0);
  if (!extra.opening) return out;
  RETURN_IF_ERROR(CheckOpening(ViewOf(*extra.opening)));
  if (!extra.opening->event.empty()) return Invalid("receipt opening", "carries no event");
  PutSeedAndHeader(out, *extra.opening);
  return out;
}

absl::StatusOr<ReceiptExtra> ParseReceiptExtra(absl::string_view bytes) {
  ByteReader in(bytes);
  ReceiptExtra extra;
  absl::string_view leaf;
  uint8_t has_opening = 0;
  RETURN_IF_ERROR(ReadVersion("receipt version", kReceiptExtraVersion, in));
  RETURN_IF_ERROR(in.Bytes16("receipt leaf", leaf));
  RETURN_IF_ERROR(in.U8("receipt has_opening", has_opening));
  if (has_opening > 1) return Invalid("receipt has_opening", "neither 0 nor 1");
  if (has_opening == 1) {
    OpeningView opening;
    RETURN_IF_ERROR(ReadSeedAndHeader("receipt", in, opening));
    extra.opening = Copy(opening);
  }
  RETURN_IF_ERROR(in.Finish("receipt"));
  extra.leaf = std::string(leaf);
  return extra;
}

std::string PayloadPath(uint64_t index, uint64_t width) {
  // The same numbers as the entry bundle's path, under another folder.
  constexpr absl::string_view kEntriesFolder = "tile/entries";
  return absl::StrCat("payload", EntriesPath(index, width).substr(kEntriesFolder.size()));
}

absl::StatusOr<std::string> EncodePayloadBundle(absl::Span<const std::optional<Opening>> openings) {
  RETURN_IF_ERROR(CheckWidth(openings.size()));
  std::string out;
  for (const std::optional<Opening>& opening : openings) {
    std::string record;
    if (opening) {
      ASSIGN_OR_RETURN(record, EncodeOpening(*opening));
    }
    PutU32(out, static_cast<uint32_t>(record.size()));
    out += record;
  }
  return out;
}

absl::StatusOr<std::vector<std::optional<OpeningView>>> ParsePayloadBundleViews(
    absl::string_view bundle, uint64_t width) {
  RETURN_IF_ERROR(CheckWidth(width));
  ByteReader in(bundle);
  std::vector<std::optional<OpeningView>> openings(width);
  for (std::optional<OpeningView>& opening : openings) {
    uint32_t length = 0;
    absl::string_view record;
    RETURN_IF_ERROR(in.U32("payload bundle", length));
    RETURN_IF_ERROR(in.Raw("payload bundle", length, record));
    if (length == 0) continue;
    ASSIGN_OR_RETURN(opening, ParseOpeningView(record));
  }
  RETURN_IF_ERROR(in.Finish("payload bundle"));
  return openings;
}

absl::StatusOr<std::vector<std::optional<Opening>>> ParsePayloadBundle(absl::string_view bundle,
                                                                       uint64_t width) {
  ASSIGN_OR_RETURN(const std::vector<std::optional<OpeningView>> views,
                   ParsePayloadBundleViews(bundle, width));
  std::vector<std::optional<Opening>> openings(width);
  for (size_t i = 0; i < width; ++i) {
    if (views[i]) openings[i] = Copy(*views[i]);
  }
  return openings;
}

absl::Status VerifyOpening(const Leaf& leaf, const Opening& opening,
                           std::optional<absl::string_view> index_key) {
  if (index_key && index_key->size() != kIndexKeyBytes) {
    return Invalid("index key", "needs 32 bytes");
  }
  std::optional<HmacKey> key;
  if (index_key) key.emplace(*index_key);
  return VerifyOpenings({&leaf}, {ViewOf(opening)}, key ? &*key : nullptr)[0].status;
}

std::vector<OpenedEntry> VerifyOpenings(absl::Span<const Leaf* const> leaves,
                                        absl::Span<const OpeningView> openings,
                                        const HmacKey* index_key) {
  std::vector<OpenedEntry> entries(leaves.size());
  std::vector<CommitmentInput> inputs;
  std::vector<size_t> places;  // of the inputs among the entries
  for (size_t i = 0; i < leaves.size(); ++i) {
    CommitmentInput input{openings[i].seed, openings[i].header, {}};
    entries[i].status = Read(*leaves[i], openings[i], entries[i].header, input.units);
    if (!entries[i].status.ok()) continue;
    inputs.push_back(std::move(input));
    places.push_back(i);
  }
  const std::vector<Commitments> commitments = CommitTo(inputs);
  for (size_t i = 0; i < inputs.size(); ++i) {
    OpenedEntry& entry = entries[places[i]];
    entry.event_commitment = commitments[i].event;
    entry.status =
        Compare(*leaves[places[i]], commitments[i].entry, entry.header, inputs[i].units, index_key);
  }
  return entries;
}

}  // namespace auditledger
