#include "merkle/tags.h"

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"
#include "merkle/wire.h"

namespace auditledger {
namespace {

constexpr char kIndexKeyDomain[] = "auditledger/index-key/v1";  // hashed with its closing 0x00
constexpr size_t kMaxTagString = 65535;                         // its length has 16 bits

// Field numbers of auditledger.v1 (proto/auditledger/v1/event.proto).
constexpr uint32_t kOverrideId = 4;  // EmergencyAccess
constexpr uint32_t kReference = 1;   // Reference
constexpr uint32_t kIdentifier = 3;  // Reference
constexpr uint32_t kSystem = 3;      // Identifier
constexpr uint32_t kValue = 4;       // Identifier
constexpr uint32_t kWho = 3;         // Agent
constexpr uint32_t kRequestor = 6;   // Agent
constexpr uint32_t kOtherId = 18;    // Agent

// A TagKey as views of the event.
struct KeyView {
  absl::string_view kind;
  absl::string_view system;
  absl::string_view id;
};
using Keys = std::vector<KeyView>;

absl::string_view ValueOf(const std::optional<WireField>& field) {
  return field ? field->value : absl::string_view();
}

bool IsValidUtf8(absl::string_view text) {
  char32_t character = 0;
  while (!text.empty()) {
    if (absl::ascii_isascii(static_cast<unsigned char>(text.front()))) {
      text.remove_prefix(1);
      continue;
    }
    if (!TakeUtf8(text, character)) return false;
  }
  return true;
}

absl::Status AddKey(absl::string_view kind, absl::string_view system, absl::string_view id,
                    Keys& keys) {
  if (!IsValidUtf8(system) || !IsValidUtf8(id)) {
    return absl::InvalidArgumentError(absl::StrCat(kind, ": not valid UTF-8"));
  }
  if (system.size() > kMaxTagString || id.size() > kMaxTagString) {
    return absl::InvalidArgumentError(absl::StrCat(kind, ": over ", kMaxTagString, " bytes"));
  }
  if (id.empty()) return absl::OkStatus();
  if (keys.size() == kMaxTags) {
    return absl::InvalidArgumentError(absl::StrCat("tags: more than ", kMaxTags, " keys"));
  }
  keys.push_back({kind, system, id});
  return absl::OkStatus();
}

absl::Status AddIdentifier(absl::string_view kind, absl::string_view identifier, Keys& keys) {
  std::optional<WireField> system, value;
  RETURN_IF_ERROR(ReadSingularFields(kind, identifier,
                                     {{kSystem, WireType::kLengthDelimited, &system},
                                      {kValue, WireType::kLengthDelimited, &value}}));
  return AddKey(kind, ValueOf(system), ValueOf(value), keys);
}

// The keys of one Reference, given as its fields' records.
absl::Status AddReference(absl::string_view kind, absl::string_view reference, Keys& keys) {
  std::optional<WireField> literal, identifier;
  RETURN_IF_ERROR(ReadSingularFields(kind, reference,
                                     {{kReference, WireType::kLengthDelimited, &literal},
                                      {kIdentifier, WireType::kLengthDelimited, &identifier}}));
  RETURN_IF_ERROR(AddKey(kind, "", ValueOf(literal), keys));
  return identifier ? AddIdentifier(kind, identifier->value, keys) : absl::OkStatus();
}

absl::Status AddOtherIds(absl::string_view records, Keys& keys) {
  WireReader reader(records);
  WireField record;
  while (!reader.done()) {
    RETURN_IF_ERROR(reader.Next(record));
    if (record.type != WireType::kLengthDelimited) {
      return absl::InvalidArgumentError("agent: other_id has the wrong wire type");
    }
    RETURN_IF_ERROR(AddIdentifier(kTagKindAgent, record.value, keys));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> ReadRequestor(absl::string_view records) {
  std::optional<WireField> requestor;
  RETURN_IF_ERROR(
      ReadSingularFields(kTagKindAgent, records, {{kRequestor, WireType::kVarint, &requestor}}));
  if (requestor && requestor->scalar > 1) {
    return absl::InvalidArgumentError("agent: requestor is neither 0 nor 1");
  }
  return requestor && requestor->scalar == 1;
}

// `agent`: the units of one agent. Its keys are read strictly whoever it is, and kept if it asked.
absl::Status AddAgent(absl::Span<const UnitView> agent, Keys& keys) {
  bool requestor = false;
  Keys found;
  for (const UnitView& unit : agent) {
    if (unit.path.subfield == kWho) {
      std::optional<WireField> who;
      RETURN_IF_ERROR(ReadSingularFields(kTagKindAgent, unit.bytes,
                                         {{kWho, WireType::kLengthDelimited, &who}}));
      RETURN_IF_ERROR(AddReference(kTagKindAgent, ValueOf(who), found));
    } else if (unit.path.subfield == kRequestor) {
      ASSIGN_OR_RETURN(requestor, ReadRequestor(unit.bytes));
    } else if (unit.path.subfield == kOtherId) {
      RETURN_IF_ERROR(AddOtherIds(unit.bytes, found));
    }
  }
  if (!requestor) return absl::OkStatus();
  if (keys.size() + found.size() > kMaxTags) {
    return absl::InvalidArgumentError(absl::StrCat("tags: more than ", kMaxTags, " keys"));
  }
  keys.insert(keys.end(), found.begin(), found.end());
  return absl::OkStatus();
}

// `access`: the units of emergency_access.
absl::Status AddOverride(absl::Span<const UnitView> access, Keys& keys) {
  if (access[0].path.occurrence != 0) {
    return absl::InvalidArgumentError("override: emergency_access occurs twice");
  }
  for (const UnitView& unit : access) {
    if (unit.path.subfield != kOverrideId) continue;
    std::optional<WireField> id;
    RETURN_IF_ERROR(ReadSingularFields(kTagKindOverride, unit.bytes,
                                       {{kOverrideId, WireType::kLengthDelimited, &id}}));
    RETURN_IF_ERROR(AddKey(kTagKindOverride, "", ValueOf(id), keys));
  }
  return absl::OkStatus();
}

// The units from `first` on that belong to the same element.
absl::Span<const UnitView> ElementAt(absl::Span<const UnitView> units, size_t first) {
  size_t end = first + 1;
  while (end < units.size() && units[end].path.field == units[first].path.field &&
         units[end].path.occurrence == units[first].path.occurrence) {
    ++end;
  }
  return units.subspan(first, end - first);
}

absl::Status AddPatient(absl::Span<const UnitView> patient, Keys& keys) {
  for (const UnitView& unit : patient) {
    if (unit.path.subfield == kReference || unit.path.subfield == kIdentifier) {
      RETURN_IF_ERROR(AddReference(kTagKindPatient, unit.bytes, keys));
    }
  }
  return absl::OkStatus();
}

Hash Derive(const HmacKey& index_key, const KeyView& key) {
  const char kind_size = static_cast<char>(key.kind.size());
  const auto length = [](absl::string_view part) {
    return std::array<char, 2>{static_cast<char>(part.size() >> 8), static_cast<char>(part.size())};
  };
  const std::array<char, 2> system_size = length(key.system);
  const std::array<char, 2> id_size = length(key.id);
  return index_key.Mac({absl::string_view(&kind_size, 1), key.kind,
                        absl::string_view(system_size.data(), system_size.size()), key.system,
                        absl::string_view(id_size.data(), id_size.size()), key.id});
}

// Views of what `units` are views of.
absl::StatusOr<Keys> FindKeys(absl::Span<const UnitView> units) {
  Keys keys;
  for (size_t i = 0; i < units.size();) {
    const absl::Span<const UnitView> element = ElementAt(units, i);
    switch (units[i].path.field) {
      case kEmergencyAccessField:
        RETURN_IF_ERROR(AddOverride(element, keys));
        break;
      case kPatientField:
        RETURN_IF_ERROR(AddPatient(element, keys));
        break;
      case kAgentField:
        RETURN_IF_ERROR(AddAgent(element, keys));
        break;
      default:
        break;
    }
    i += element.size();
  }
  return keys;
}

}  // namespace

Hash DeriveTag(const HmacKey& index_key, const TagKey& key) {
  return Derive(index_key, {key.kind, key.system, key.id});
}

absl::StatusOr<std::vector<TagKey>> TagKeys(absl::Span<const UnitView> units) {
  ASSIGN_OR_RETURN(const Keys found, FindKeys(units));
  std::vector<TagKey> keys;
  keys.reserve(found.size());
  for (const KeyView& key : found) {
    keys.push_back({std::string(key.kind), std::string(key.system), std::string(key.id)});
  }
  return keys;
}

absl::StatusOr<std::vector<Hash>> DeriveTags(const HmacKey& index_key,
                                             absl::Span<const UnitView> units) {
  ASSIGN_OR_RETURN(const Keys keys, FindKeys(units));
  std::vector<Hash> tags;
  tags.reserve(keys.size());
  for (const KeyView& key : keys) tags.push_back(Derive(index_key, key));
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  return tags;
}

Hash IndexKeyHash(absl::string_view index_key) {
  return Sha256({absl::string_view(kIndexKeyDomain, sizeof(kIndexKeyDomain)), index_key});
}

}  // namespace auditledger
