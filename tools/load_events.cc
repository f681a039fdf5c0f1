#include "tools/load_events.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "auditledger/v1/event.pb.h"
#include "merkle/status_macros.h"
#include "merkle/wire.h"
#include "tools/generator_events.h"

namespace auditledger {
namespace {

constexpr size_t kTemplates = 64;
constexpr int kNoon = 12 * 3600;
// Field numbers of event.proto and ledger_service.proto.
constexpr uint32_t kEventId = 1;
constexpr uint32_t kSource = 18;
constexpr uint32_t kStreamId = 8;
constexpr char kStreamSequenceTag = 9 << 3;
constexpr uint32_t kRequestLedger = 1;
constexpr uint32_t kRequestEvent = 2;
constexpr absl::string_view kIncludeOpening("\x20\x01", 2);  // field 4: true
constexpr absl::string_view kAckWitnessed("\x28\x02", 2);    // field 5: ACK_LEVEL_WITNESSED
constexpr size_t kEventIdBytes = 36;

void PutVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

size_t VarintBytes(uint64_t value) {
  size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}

void PutHex(std::string& out, uint64_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    out.push_back("0123456789abcdef"[value >> shift & 15]);
  }
}

// In the form of a UUID, which is what emitters are advised to use.
void PutEventId(std::string& out, uint64_t run, uint32_t stream, uint64_t sequence) {
  PutHex(out, run >> 16, 8);
  out.push_back('-');
  PutHex(out, run, 4);
  out.push_back('-');
  PutHex(out, stream >> 16, 4);
  out.push_back('-');
  PutHex(out, stream, 4);
  out.push_back('-');
  PutHex(out, sequence, 12);
}

std::string StreamId(uint64_t run, uint32_t stream) {
  std::string out = "load-";
  PutHex(out, run, 12);
  out.push_back('-');
  PutHex(out, stream, 8);
  return out;
}

// What a short event leaves out: everything that says more than who did what to whom.
void Shorten(v1::AuditEvent& event) {
  event.clear_tenant_id();
  event.clear_code();
  event.clear_purpose_of_use();
  event.clear_encounter();
  event.clear_entity();
  v1::Coding& category = *event.mutable_category(0)->mutable_coding(0);
  category.set_system("urn:oid:1.2.840.10008.2.16.4");
  category.clear_display();
  v1::Agent& agent = *event.mutable_agent(0);
  agent.clear_type();
  agent.clear_role();
  agent.clear_department();
  agent.clear_network();
  agent.clear_auth();
  v1::Source& source = *event.mutable_source();
  source.clear_software();
  source.clear_software_version();
  source.clear_host();
  source.clear_type();
}

// Fills up to `bytes` with the one text that may be long in an event of either kind.
absl::Status Pad(v1::AuditEvent& event, size_t bytes) {
  const size_t have = event.ByteSizeLong();
  // The field itself takes a tag and a length, here and in what holds it.
  constexpr size_t kFieldBytes = 5;
  if (have > bytes) {
    return absl::InternalError(absl::StrCat("an event without padding has ", have, " bytes"));
  }
  if (have + kFieldBytes >= bytes) return absl::OkStatus();
  static constexpr absl::string_view kText = "the record was opened in the ward's overview; ";
  std::string text;
  while (text.size() < bytes - have - kFieldBytes) absl::StrAppend(&text, kText);
  text.resize(bytes - have - kFieldBytes);
  event.mutable_outcome()->set_description(text);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LoadEvents> LoadEvents::Make(const Options& options) {
  if (options.event_bytes < kMinLoadEventBytes || options.event_bytes > kMaxLoadEventBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("events have ", kMinLoadEventBytes, " to ", kMaxLoadEventBytes, " bytes"));
  }
  LoadEvents out;
  out.run_ = options.run;
  out.witnessed_ = options.witnessed;
  generator::Random random(1);
  const generator::World world = generator::MakeWorld(random, kTemplates * 4);
  generator::EventMaker maker(random, world, options.recorded_unix_s - kNoon);
  const bool is_short = options.event_bytes < kFhirLoadEventBytes;
  for (size_t i = 0; i < kTemplates; ++i) {
    const generator::Visit& visit = world.visits[i % world.visits.size()];
    v1::AuditEvent event = maker.Access(kNoon, random.Pick(visit.team), visit);
    if (is_short) Shorten(event);
    event.set_event_id(std::string(kEventIdBytes, '0'));
    event.mutable_source()->set_stream_id(StreamId(0, 0));
    event.mutable_source()->set_stream_sequence(1);
    RETURN_IF_ERROR(Pad(event, options.event_bytes));

    v1::Source source = event.source();
    source.clear_stream_id();
    source.clear_stream_sequence();
    v1::AuditEvent before = event;
    before.clear_event_id();
    before.clear_source();
    // What comes after the source in the order of fields.
    before.clear_entity();
    v1::AuditEvent only_after;
    only_after.mutable_entity()->CopyFrom(event.entity());
    out.templates_.push_back(
        {before.SerializeAsString(), source.SerializeAsString(), only_after.SerializeAsString()});
  }
  return out;
}

void LoadEvents::AppendEvent(std::string& out, uint32_t stream, uint64_t sequence) const {
  const Template& shape = templates_[(stream + sequence) % templates_.size()];
  PutLengthDelimitedPrefix(out, kEventId, kEventIdBytes);
  PutEventId(out, run_, stream, sequence);
  absl::StrAppend(&out, shape.before_source);
  const std::string stream_id = StreamId(run_, stream);
  // Tag and length of the stream's id take a byte each, as does the tag of its number.
  const size_t own = 2 + stream_id.size() + 1 + VarintBytes(sequence);
  PutLengthDelimitedPrefix(out, kSource, shape.source.size() + own);
  absl::StrAppend(&out, shape.source);
  PutLengthDelimitedPrefix(out, kStreamId, stream_id.size());
  absl::StrAppend(&out, stream_id);
  out.push_back(kStreamSequenceTag);
  PutVarint(out, sequence);
  absl::StrAppend(&out, shape.after_source);
}

void LoadEvents::AppendRequest(std::string& out, uint32_t field, absl::string_view ledger,
                               uint32_t stream, uint64_t sequence) const {
  thread_local std::string event;
  event.clear();
  AppendEvent(event, stream, sequence);
  thread_local std::string request;
  request.clear();
  if (!ledger.empty()) {
    PutLengthDelimitedPrefix(request, kRequestLedger, ledger.size());
    absl::StrAppend(&request, ledger);
  }
  PutLengthDelimitedPrefix(request, kRequestEvent, event.size());
  absl::StrAppend(&request, event, kIncludeOpening);
  if (witnessed_) absl::StrAppend(&request, kAckWitnessed);
  if (field != 0) PutLengthDelimitedPrefix(out, field, request.size());
  absl::StrAppend(&out, request);
}

}  // namespace auditledger
