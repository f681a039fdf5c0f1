#include "api/convert.h"

#include <string>

#include "api/cosigner.h"
#include "api/names.h"
#include "api/status.h"

namespace auditledger {
namespace {

v1::PayloadState ToPayloadState(StoredEntry::Payload payload) {
  switch (payload) {
    case StoredEntry::Payload::kNone:
      return v1::PAYLOAD_STATE_NONE;
    case StoredEntry::Payload::kPresent:
      return v1::PAYLOAD_STATE_PRESENT;
    case StoredEntry::Payload::kNotRequested:
      return v1::PAYLOAD_STATE_NOT_REQUESTED;
    case StoredEntry::Payload::kErased:
      return v1::PAYLOAD_STATE_ERASED;
  }
  return v1::PAYLOAD_STATE_UNSPECIFIED;
}

v1::Ledger::State ToState(LedgerState state) {
  switch (state) {
    case LedgerState::kServing:
      return v1::Ledger::STATE_SERVING;
    case LedgerState::kReadOnly:
      return v1::Ledger::STATE_READ_ONLY;
    case LedgerState::kFrozen:
      return v1::Ledger::STATE_FROZEN;
    case LedgerState::kPaused:
      return v1::Ledger::STATE_PAUSED;
  }
  return v1::Ledger::STATE_UNSPECIFIED;
}

}  // namespace

v1::InclusionProof ToInclusion(uint64_t index, uint64_t size, const std::vector<Hash>& hashes) {
  v1::InclusionProof out;
  out.set_leaf_index(index);
  out.set_tree_size(size);
  for (const Hash& hash : hashes) out.add_hashes(std::string(hash.view()));
  return out;
}

v1::Entry ToEntry(const StoredEntry& entry) {
  v1::Entry out;
  out.set_index(entry.index);
  out.set_leaf(entry.leaf);
  out.set_payload_state(ToPayloadState(entry.payload));
  out.set_erased_by(entry.erased_by);
  if (entry.opening.has_value()) {
    out.mutable_opening()->set_seed(entry.opening->seed);
    out.mutable_opening()->set_header(entry.opening->header);
    out.mutable_opening()->set_event(entry.opening->event);
  }
  return out;
}

v1::Ledger ToLedger(const LedgerSet::Slot& slot, bool full_reasons) {
  v1::Ledger out;
  out.set_name(LedgerName(slot.id));
  out.set_origin(slot.origin);
  std::string reason;
  if (slot.ledger == nullptr) {
    out.set_state(v1::Ledger::STATE_REFUSED);
    reason = std::string(slot.refused.message());
  } else {
    const auto head = slot.ledger->head();
    const LedgerStatus status = slot.ledger->status();
    out.set_vkey(slot.ledger->verifier().ToVkey());
    out.set_size(head->head.size);
    out.mutable_head_time()->set_seconds(static_cast<int64_t>(head->head.time_us / 1'000'000));
    out.mutable_head_time()->set_nanos(static_cast<int32_t>(head->head.time_us % 1'000'000 * 1000));
    out.set_state(ToState(status.state));
    reason = status.reason;
    const LedgerCounters counters = slot.ledger->counters();
    out.set_wrapping_key_id(static_cast<uint32_t>(counters.wrapping_key_id));
    out.set_rewrap_segments_left(counters.rewrap_segments_left);
    for (const LoggedKeyChange& change : slot.ledger->key_changes()) {
      v1::KeyChange* added = out.add_key_changes();
      added->set_index(change.index);
      added->set_leaf(change.leaf);
    }
  }
  out.set_state_reason(full_reasons ? reason : WithoutPaths(reason));
  return out;
}

v1::Witnessing ToWitnessing(const CosignerReport& report, bool full_reasons) {
  v1::Witnessing out;
  out.set_policy(report.policy);
  out.set_f(static_cast<int32_t>(report.f));
  out.set_witnessed_size(report.witnessed_size);
  out.set_lag_entries(report.lag_entries);
  out.set_lag_seconds(report.lag_us / 1'000'000);
  out.set_quorum_away(report.alarm);
  out.set_confirmed(report.confirmed);
  for (const WitnessReport& witness : report.witnesses) {
    v1::WitnessState* added = out.add_witnesses();
    added->set_name(witness.name);
    added->set_size(witness.size);
    if (witness.last_success_us > 0) {
      added->mutable_last_success()->set_seconds(
          static_cast<int64_t>(witness.last_success_us / 1'000'000));
    }
    added->set_failing(witness.failing);
    if (full_reasons) added->set_detail(witness.detail);
  }
  return out;
}

v1::Stream ToStream(const StreamInfo& stream) {
  v1::Stream out;
  out.set_principal(stream.principal);
  out.set_stream_id(stream.stream_id);
  out.set_received_count(stream.received_count);
  out.set_last_sequence(stream.last_sequence);
  out.set_gaps_truncated(stream.gaps_truncated);
  for (const SequenceRange& gap : stream.gaps) {
    v1::SequenceRange* added = out.add_gaps();
    added->set_first(gap.first);
    added->set_last(gap.last);
  }
  return out;
}

}  // namespace auditledger
