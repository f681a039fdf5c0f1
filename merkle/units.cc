#include "merkle/units.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"
#include "merkle/wire.h"

namespace auditledger {
namespace {

constexpr size_t kUsualUnits = 64;
constexpr uint64_t kMaxNanos = 999'999'999;
constexpr uint64_t kMicrosPerSecond = 1'000'000;
constexpr uint64_t kNanosPerMicro = 1'000;

bool IsCutDeeper(uint32_t field) {
  return field == kEmergencyAccessField || field == kPatientField || field == kAgentField ||
         field == kSourceField || field == kEntityField || field == kOriginalField;
}

absl::Status NotAscending(absl::string_view where, uint32_t number, uint32_t last) {
  return absl::InvalidArgumentError(
      absl::StrCat(where, "field ", number, " after field ", last, ": not ascending"));
}

// Calls emit(path, bytes) for each unit of a cut field's element; `emit` gives a Status.
template <typename Emit>
absl::Status WalkElement(uint32_t field, uint32_t occurrence, absl::string_view element,
                         const Emit& emit) {
  WireReader reader(element);
  WireField record;
  absl::string_view group;  // the records of `subfield` so far
  uint32_t subfield = 0;
  while (!reader.done()) {
    if (const absl::Status status = reader.Next(record); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("field ", field, ": ", status.message()));
    }
    if (record.number < subfield) {
      return NotAscending(absl::StrCat("field ", field, ": "), record.number, subfield);
    }
    if (record.number == subfield) {
      group = absl::string_view(group.data(), group.size() + record.record.size());
      continue;
    }
    if (subfield != 0) RETURN_IF_ERROR(emit(UnitPath{field, occurrence, subfield}, group));
    subfield = record.number;
    group = record.record;
  }
  return emit(UnitPath{field, occurrence, subfield}, group);
}

// Calls emit(path, bytes) for each unit in document order, as views of `event`.
template <typename Emit>
absl::Status WalkUnits(absl::string_view event, const Emit& emit) {
  if (event.size() > kMaxEventBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("event: has ", event.size(), " bytes, at most ", kMaxEventBytes));
  }
  size_t count = 0;
  const auto counted = [&](const UnitPath& path, absl::string_view bytes) {
    if (++count > kMaxUnits) {
      return absl::InvalidArgumentError(absl::StrCat("event: more than ", kMaxUnits, " units"));
    }
    return emit(path, bytes);
  };
  WireReader reader(event);
  WireField record;
  UnitPath path;
  while (!reader.done()) {
    RETURN_IF_ERROR(reader.Next(record));
    if (record.number < path.field) return NotAscending("", record.number, path.field);
    path.occurrence = record.number == path.field ? path.occurrence + 1 : 0;
    path.field = record.number;
    if (!IsCutDeeper(path.field)) {
      RETURN_IF_ERROR(counted(path, record.record));
    } else if (record.type != WireType::kLengthDelimited) {
      return absl::InvalidArgumentError(
          absl::StrCat("field ", path.field, ": wrong wire type for a message"));
    } else {
      RETURN_IF_ERROR(WalkElement(path.field, path.occurrence, record.value, counted));
    }
  }
  return absl::OkStatus();
}

absl::Status BadUnit(size_t position, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("unit ", position, ": ", why));
}

absl::Status CheckPaths(absl::Span<const Unit> units) {
  if (units.size() > kMaxUnits) {
    return absl::InvalidArgumentError(absl::StrCat("units: more than ", kMaxUnits));
  }
  size_t bytes = 0;
  for (size_t i = 0; i < units.size(); ++i) {
    const UnitPath& path = units[i].path;
    bytes += units[i].bytes.size();
    if (i > 0 && path <= units[i - 1].path) return BadUnit(i, "path does not ascend");
    const bool same_field = i > 0 && path.field == units[i - 1].path.field;
    const uint32_t last = same_field ? units[i - 1].path.occurrence : 0;
    if (same_field ? path.occurrence - last > 1 : path.occurrence != 0) {
      return BadUnit(i, "occurrences are not contiguous from 0");
    }
  }
  if (bytes > kMaxEventBytes) {
    return absl::InvalidArgumentError(absl::StrCat("units: more than ", kMaxEventBytes, " bytes"));
  }
  return absl::OkStatus();
}

std::string Concatenate(absl::Span<const Unit> units) {
  std::string event;
  for (size_t i = 0; i < units.size();) {
    const UnitPath& first = units[i].path;
    size_t end = i;
    size_t length = 0;
    for (; end < units.size() && units[end].path.field == first.field &&
           units[end].path.occurrence == first.occurrence;
         ++end) {
      length += units[end].bytes.size();
    }
    if (IsCutDeeper(first.field)) PutLengthDelimitedPrefix(event, first.field, length);
    for (; i < end; ++i) event += units[i].bytes;
  }
  return event;
}

}  // namespace

absl::StatusOr<std::vector<Unit>> CutUnits(absl::string_view event) {
  ASSIGN_OR_RETURN(const std::vector<UnitView> views, CutUnitViews(event));
  std::vector<Unit> units;
  units.reserve(views.size());
  for (const UnitView& view : views) units.push_back({view.path, std::string(view.bytes)});
  return units;
}

absl::StatusOr<std::vector<UnitView>> CutUnitViews(absl::string_view event) {
  std::vector<UnitView> units;
  units.reserve(kUsualUnits);
  RETURN_IF_ERROR(WalkUnits(event, [&](const UnitPath& path, absl::string_view bytes) {
    units.push_back(UnitView{path, bytes});
    return absl::OkStatus();
  }));
  return units;
}

std::vector<UnitView> ViewsOf(absl::Span<const Unit> units) {
  std::vector<UnitView> views;
  views.reserve(units.size());
  for (const Unit& unit : units) views.push_back({unit.path, unit.bytes});
  return views;
}

absl::StatusOr<std::string> JoinUnits(absl::Span<const Unit> units) {
  RETURN_IF_ERROR(CheckPaths(units));
  std::string event = Concatenate(units);
  // Cutting it again is the definition of correctness, and costs a pass without copies.
  size_t position = 0;
  RETURN_IF_ERROR(WalkUnits(event, [&](const UnitPath& path, absl::string_view bytes) {
    if (position == units.size() || units[position].path != path ||
        units[position].bytes != bytes) {
      return BadUnit(position, "bytes are not what its path names");
    }
    ++position;
    return absl::OkStatus();
  }));
  if (position != units.size()) return BadUnit(position, "bytes are not what its path names");
  return event;
}

absl::StatusOr<uint64_t> EventTimeMicros(absl::Span<const UnitView> units) {
  std::optional<WireField> time, timestamp, seconds, nanos;
  for (const UnitView& unit : units) {
    if (unit.path.field != kRecordedField) continue;
    RETURN_IF_ERROR(ReadSingularFields("recorded", unit.bytes,
                                       {{kRecordedField, WireType::kLengthDelimited, &time}}));
  }
  if (!time) return 0;
  RETURN_IF_ERROR(
      ReadSingularFields("recorded", time->value, {{1, WireType::kLengthDelimited, &timestamp}}));
  if (!timestamp) return 0;
  RETURN_IF_ERROR(
      ReadSingularFields("recorded.at", timestamp->value,
                         {{1, WireType::kVarint, &seconds}, {2, WireType::kVarint, &nanos}}));
  // Negative numbers are the greatest as unsigned ones, so they are refused as well.
  const uint64_t whole = seconds ? seconds->scalar : 0;
  const uint64_t fraction = nanos ? nanos->scalar : 0;
  if (whole > kMaxTimestampSeconds) {
    return absl::InvalidArgumentError("recorded.at: before 1970 or after 9999");
  }
  if (fraction > kMaxNanos) {
    return absl::InvalidArgumentError("recorded.at: nanos out of range");
  }
  return whole * kMicrosPerSecond + fraction / kNanosPerMicro;
}

absl::StatusOr<EventIdentity> ReadEventIdentity(absl::Span<const UnitView> units) {
  std::optional<WireField> event_id, stream_id, sequence;
  for (const UnitView& unit : units) {
    if (unit.path.field == kEventIdField) {
      RETURN_IF_ERROR(ReadSingularFields("event_id", unit.bytes,
                                         {{kEventIdField, WireType::kLengthDelimited, &event_id}}));
    } else if (unit.path.field == kSourceField) {
      if (unit.path.occurrence != 0) return absl::InvalidArgumentError("source: occurs twice");
      RETURN_IF_ERROR(ReadSingularFields("source", unit.bytes,
                                         {{kStreamIdField, WireType::kLengthDelimited, &stream_id},
                                          {kStreamSequenceField, WireType::kVarint, &sequence}}));
    }
  }
  EventIdentity identity;
  if (event_id) identity.event_id = std::string(event_id->value);
  if (stream_id) identity.stream_id = std::string(stream_id->value);
  if (sequence) identity.stream_sequence = sequence->scalar;
  return identity;
}

}  // namespace auditledger
