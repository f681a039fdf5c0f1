#include "tools/generator.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "merkle/status_macros.h"
#include "tools/fhir_time.h"
#include "tools/generator_events.h"
#include "tools/generator_world.h"

namespace auditledger {
namespace {

using generator::EventMaker;
using generator::Patient;
using generator::Random;
using generator::Role;
using generator::Staff;
using generator::Visit;
using generator::World;

constexpr uint64_t kUnexplainedOneIn =
    16;  // of ordinary accesses: cover for a colleague, a wrong click
constexpr uint64_t kExportOneIn = 250;
constexpr uint64_t kOrderOneIn = 4;
constexpr int kHour = 3600;
constexpr int kMinute = 60;

// What one person opens without a reason, and the rule that should find it.
class Planter {
 public:
  Planter(Random& random, const World& world, EventMaker& make, GeneratedDay& day)
      : random_(random), world_(world), make_(make), day_(day) {}

  void PlantAll() {
    Snoop("S1", "opens the own record", Anyone(), kRegisteredStaffPatient, 2);
    Snoop("S2", "opens a co-worker's record, three times", Anyone(), kRegisteredStaffPatient + 1,
          3);
    Snoop("S4", "opens a neighbour's record", Anyone(), kRegisteredStaffPatient + 2, 2);
    VipCrowd();
    BreakGlass();
    AbandonedBreakGlass();
    WrongPurpose();
  }

  void BillingSpree() {
    PlantedCase& planted = Case("V1", "a billing clerk opens 500 patients in an hour");
    const size_t clerk = world_.StaffOf(Role::kBilling).front();
    const int start = 20 * kHour;
    for (size_t i = 0; i < kBillingSpreeEvents; ++i) {
      const size_t patient = i % world_.patients.size();
      v1::AuditEvent event =
          make_.Read(start + static_cast<int>(i * kHour / kBillingSpreeEvents), clerk, patient);
      make_.SetPurpose(event, "HPAYMT");
      Keep(planted, std::move(event));
    }
  }

 private:
  // Patients of these numbers have no visit: every third one does (generator_world.cc).
  static constexpr size_t kRegisteredStaffPatient = 4;

  PlantedCase& Case(const char* rule, const char* why) {
    day_.planted.push_back({rule, why, {}});
    return day_.planted.back();
  }
  void Keep(PlantedCase& planted, v1::AuditEvent event) {
    planted.event_ids.push_back(event.event_id());
    day_.events.push_back(std::move(event));
  }
  size_t Anyone() { return random_.Pick(world_.StaffOf(Role::kNurse)); }
  int AnyTime(size_t staff) {
    const Staff& who = world_.staff[staff];
    return static_cast<int>(random_.Between(who.shift_start_s, who.shift_end_s - kHour));
  }

  void Snoop(const char* rule, const char* why, size_t staff, size_t patient_step, size_t times) {
    PlantedCase& planted = Case(rule, why);
    const size_t patient = patient_step * 3 + 1;
    const int start = AnyTime(staff);
    for (size_t i = 0; i < times; ++i) {
      Keep(planted, make_.Read(start + static_cast<int>(i) * 7 * kMinute, staff, patient));
    }
  }

  void VipCrowd() {
    PlantedCase& planted = Case("S5", "five members of staff open a VIP's record without a reason");
    size_t vip = 0;
    while (!world_.patients[vip].vip) ++vip;
    const std::vector<size_t> nurses = world_.StaffOf(Role::kNurse);
    for (size_t i = 0, kept = 0; i < nurses.size() && kept < 5; ++i) {
      if (world_.Treats(nurses[i], vip)) continue;
      ++kept;
      Keep(planted, make_.Read(AnyTime(nurses[i]), nurses[i], vip));
    }
  }

  void BreakGlass() {
    PlantedCase& planted =
        Case("B1", "break-glass: started, three accesses, stopped; no care follows");
    const size_t staff = world_.StaffOf(Role::kPhysician).front();
    const std::string id = random_.Uuid();
    const size_t patient = kRegisteredStaffPatient * 3 + 2;
    int at = AnyTime(staff);
    using Emergency = v1::EmergencyAccess;
    Keep(planted, make_.Override(at, staff, patient, id, Emergency::PHASE_OVERRIDE_STARTED));
    for (int i = 0; i < 3; ++i) {
      at += 2 * kMinute;
      Keep(planted, make_.Override(at, staff, patient, id, Emergency::PHASE_ACCESS_UNDER_OVERRIDE));
    }
    Keep(planted,
         make_.Override(at + kMinute, staff, patient, id, Emergency::PHASE_OVERRIDE_STOPPED));
  }

  void AbandonedBreakGlass() {
    PlantedCase& planted = Case("B1", "saw the break-glass page and turned back");
    const size_t staff = world_.StaffOf(Role::kPhysician).back();
    Keep(planted, make_.Override(AnyTime(staff), staff, kRegisteredStaffPatient * 3 + 4,
                                 random_.Uuid(), v1::EmergencyAccess::PHASE_OVERRIDE_ABANDONED));
  }

  void WrongPurpose() {
    PlantedCase& planted = Case("P1", "a billing clerk states treatment as the purpose");
    const size_t clerk = world_.StaffOf(Role::kBilling).back();
    v1::AuditEvent event = make_.Read(AnyTime(clerk), clerk, kRegisteredStaffPatient * 3 + 5);
    make_.SetPurpose(event, "TREAT");
    Keep(planted, std::move(event));
  }

  Random& random_;
  const World& world_;
  EventMaker& make_;
  GeneratedDay& day_;
};

// Someone of the visit's team opens or writes something, mostly for the visit.
v1::AuditEvent Ordinary(Random& random, const World& world, EventMaker& make) {
  const Visit& visit = random.Pick(world.visits);
  const size_t staff = random.Pick(visit.team);
  const int at = static_cast<int>(random.Between(visit.start_s, visit.end_s));
  if (random.OneIn(kUnexplainedOneIn)) {
    return make.Read(at, staff, random.Below(world.patients.size()));
  }
  v1::AuditEvent event = make.Access(at, staff, visit);
  if (random.OneIn(kOrderOneIn)) event.add_based_on()->set_reference(visit.order);
  return event;
}

void AddLogins(const World& world, EventMaker& make, size_t count, GeneratedDay& day) {
  for (size_t i = 0; i < world.staff.size() && day.events.size() + 2 <= count; ++i) {
    day.events.push_back(make.Login(world.staff[i].shift_start_s, i, true));
    day.events.push_back(make.Login(world.staff[i].shift_end_s, i, false));
  }
}

// In each emitter's order of time; then one event of the imaging archive is lost on its way.
void NumberStreams(Random& random, GeneratedDay& day) {
  std::stable_sort(day.events.begin(), day.events.end(),
                   [](const v1::AuditEvent& a, const v1::AuditEvent& b) {
                     return std::pair(a.recorded().at().seconds(), a.recorded().at().nanos()) <
                            std::pair(b.recorded().at().seconds(), b.recorded().at().nanos());
                   });
  std::vector<std::pair<std::string, uint64_t>> last;
  std::vector<size_t> imaging;
  for (size_t i = 0; i < day.events.size(); ++i) {
    v1::Source& source = *day.events[i].mutable_source();
    auto found = std::find_if(last.begin(), last.end(),
                              [&](const auto& entry) { return entry.first == source.stream_id(); });
    if (found == last.end()) found = last.insert(last.end(), {source.stream_id(), 0});
    source.set_stream_sequence(++found->second);
    if (source.stream_id() == generator::kImagingStream) imaging.push_back(i);
  }
  // Neither the first nor the last: a gap can only be seen between two that arrived.
  const size_t lost = imaging[1 + random.Below(imaging.size() - 2)];
  const v1::Source& source = day.events[lost].source();
  day.gap = {source.stream_id(), source.stream_sequence()};
  day.events.erase(day.events.begin() + static_cast<std::ptrdiff_t>(lost));
}

}  // namespace

bool IsAccess(const v1::AuditEvent& event) { return event.patient_size() > 0; }

bool IsExplained(const v1::AuditEvent& event) {
  return event.has_encounter() || event.based_on_size() > 0;
}

absl::StatusOr<GeneratedDay> GenerateDay(const GeneratorOptions& options) {
  if (options.events < kMinGeneratedEvents || options.events > kMaxGeneratedEvents) {
    return absl::InvalidArgumentError(
        absl::StrCat("events: from ", kMinGeneratedEvents, " to ", kMaxGeneratedEvents));
  }
  const auto midnight = ParseFhirTime(options.date + "T00:00:00+01:00");
  if (!midnight.ok()) return absl::InvalidArgumentError("date: YYYY-MM-DD");
  Random random(options.seed);
  const World world = generator::MakeWorld(random, options.events);
  EventMaker make(random, world, midnight->at().seconds());
  GeneratedDay day;
  Planter planter(random, world, make, day);
  planter.PlantAll();
  AddLogins(world, make, options.events / 2, day);
  while (day.events.size() < options.events + 1) {  // one is lost
    day.events.push_back(random.OneIn(kExportOneIn)
                             ? make.Export(static_cast<int>(random.Between(8, 17)) * kHour)
                             : Ordinary(random, world, make));
  }
  if (options.billing_spree) planter.BillingSpree();
  NumberStreams(random, day);
  return day;
}

std::string TruthJson(const GeneratorOptions& options, const GeneratedDay& day) {
  using nlohmann::ordered_json;
  size_t accesses = 0;
  size_t explained = 0;
  for (const v1::AuditEvent& event : day.events) {
    accesses += IsAccess(event) ? 1 : 0;
    explained += IsAccess(event) && IsExplained(event) ? 1 : 0;
  }
  ordered_json planted = ordered_json::array();
  for (const PlantedCase& one : day.planted) {
    planted.push_back({{"rule", one.rule}, {"why", one.why}, {"event_ids", one.event_ids}});
  }
  const ordered_json out = {
      {"seed", options.seed},
      {"date", options.date},
      {"events", day.events.size()},
      {"accesses", accesses},
      {"explained", explained},
      {"planted", std::move(planted)},
      {"gaps",
       {{{"rule", "G1"}, {"stream_id", day.gap.stream_id}, {"sequence", day.gap.sequence}}}}};
  return out.dump(2) + "\n";
}

}  // namespace auditledger
