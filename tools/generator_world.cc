#include "tools/generator_world.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace auditledger::generator {
namespace {

constexpr int kHour = 3600;
constexpr size_t kEventsPerVisit = 9;
constexpr size_t kMinVisits = 30;
constexpr size_t kPatientsPerVisit = 3;  // two of three patients on file are not there today
constexpr size_t kPatientOneInVip = 50;

struct Posting {
  Role role;
  size_t department;
  size_t count;
};

std::vector<Staff> MakeStaff(Random& random) {
  std::vector<Posting> postings = {{Role::kRadiologist, kRadiology, 3},
                                   {Role::kTechnician, kRadiology, 4},
                                   {Role::kLabAnalyst, kLaboratory, 5},
                                   {Role::kRegistrar, kRegistration, 4},
                                   {Role::kBilling, kBillingOffice, 4}};
  for (size_t ward = 0; ward < kWards; ++ward) {
    postings.push_back({Role::kPhysician, ward, 4});
    postings.push_back({Role::kNurse, ward, 7});
  }
  std::vector<Staff> out;
  for (const Posting& posting : postings) {
    for (size_t i = 0; i < posting.count; ++i) {
      Staff staff;
      staff.id = absl::StrFormat("staff-%04d", out.size() + 1);
      staff.role = posting.role;
      staff.department = posting.department;
      staff.workstation = static_cast<int>(random.Between(10, 40));
      // Wards work in two shifts, offices in one.
      const bool late = posting.department < kWards && i % 2 == 1;
      staff.shift_start_s = (late ? 13 : 6) * kHour + static_cast<int>(random.Below(kHour));
      staff.shift_end_s = staff.shift_start_s + 9 * kHour;
      staff.session_id = random.Uuid();
      out.push_back(std::move(staff));
    }
  }
  return out;
}

std::vector<size_t> MakeTeam(Random& random, const World& world, size_t ward) {
  std::vector<size_t> team;
  const auto add = [&](Role role, size_t department, size_t count) {
    std::vector<size_t> pool;
    for (const size_t i : world.StaffOf(role)) {
      if (world.staff[i].department == department) pool.push_back(i);
    }
    for (size_t i = 0; i < count; ++i) team.push_back(random.Pick(pool));
  };
  add(Role::kPhysician, ward, 2);
  add(Role::kNurse, ward, 3);
  add(Role::kRegistrar, kRegistration, 1);
  add(Role::kBilling, kBillingOffice, 1);
  add(Role::kRadiologist, kRadiology, 1);
  add(Role::kTechnician, kRadiology, 1);
  add(Role::kLabAnalyst, kLaboratory, 1);
  std::sort(team.begin(), team.end());
  team.erase(std::unique(team.begin(), team.end()), team.end());
  return team;
}

}  // namespace

std::string Random::Uuid() {
  const uint64_t high = (engine_() & ~uint64_t{0xf000}) | 0x4000;
  const uint64_t low = (engine_() & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  return absl::StrFormat("%08x-%04x-%04x-%04x-%012x", high >> 32, (high >> 16) & 0xffff,
                         high & 0xffff, low >> 48, low & 0xffffffffffff);
}

std::vector<size_t> World::StaffOf(Role role) const {
  std::vector<size_t> out;
  for (size_t i = 0; i < staff.size(); ++i) {
    if (staff[i].role == role) out.push_back(i);
  }
  return out;
}

bool World::Treats(size_t member, size_t patient) const {
  return std::any_of(visits.begin(), visits.end(), [&](const Visit& visit) {
    return visit.patient == patient &&
           std::find(visit.team.begin(), visit.team.end(), member) != visit.team.end();
  });
}

World MakeWorld(Random& random, size_t events) {
  World world;
  world.staff = MakeStaff(random);
  const size_t visits = std::max(kMinVisits, events / kEventsPerVisit);
  for (size_t i = 0; i < visits * kPatientsPerVisit; ++i) {
    Patient patient;
    patient.mrn = absl::StrFormat("%d", 100000 + i * 7);
    patient.vip = i % kPatientOneInVip == kPatientOneInVip - 1;
    world.patients.push_back(std::move(patient));
  }
  for (size_t i = 0; i < visits; ++i) {
    Visit visit;
    visit.encounter = absl::StrFormat("Encounter/enc-%05d", i + 1);
    visit.order = absl::StrFormat("ServiceRequest/ord-%05d", i + 1);
    visit.patient = i * kPatientsPerVisit;
    visit.ward = random.Below(kWards);
    visit.team = MakeTeam(random, world, visit.ward);
    visit.start_s =
        static_cast<int>(random.Between(6, 17)) * kHour + static_cast<int>(random.Below(kHour));
    visit.end_s = visit.start_s + static_cast<int>(random.Between(1, 5)) * kHour;
    world.visits.push_back(std::move(visit));
  }
  return world;
}

const char* RoleCode(Role role) {
  switch (role) {
    case Role::kPhysician:
      return "physician";
    case Role::kNurse:
      return "nurse";
    case Role::kRadiologist:
      return "radiologist";
    case Role::kTechnician:
      return "imaging-technician";
    case Role::kLabAnalyst:
      return "laboratory-analyst";
    case Role::kRegistrar:
      return "registrar";
    case Role::kBilling:
      return "billing-clerk";
  }
  return "";
}

}  // namespace auditledger::generator
