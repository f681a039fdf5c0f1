// A sealed text that parses formats to the same text; nothing that was not sealed opens, and no
// error quotes what may be secret. A source that parses has a place, and nothing is run or read.
#include "ledger/master_key.h"

#include <string>

#include "ledger/master_key_source.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view text = FuzzInput(data, size);
  const absl::StatusOr<SealedText> sealed = ParseSealedText(text);
  if (sealed.ok()) {
    FUZZ_CHECK(IsSealedText(text) && FormatSealedText(*sealed) == text);
  } else {
    FUZZ_CHECK(absl::IsDataLoss(sealed.status()));
  }
  static const MasterKey& master =
      *new MasterKey(MasterKey::FromBytes(SecretString(std::string(32, 'k'))).value());
  FUZZ_CHECK(!master.Open({"example.org/fuzz", "wrap-1.key"}, text).ok());

  const absl::StatusOr<MasterKey> key = MasterKey::Parse(text);
  // What an error says of an empty text is in it by itself.
  static const std::string& own = *new std::string(MasterKey::Parse("").status().message());
  FUZZ_CHECK(key.ok() || size < 40 || own.find(std::string(text)) != std::string::npos ||
             key.status().message().find(text) == absl::string_view::npos);

  const absl::StatusOr<MasterKeySource> source = ParseMasterKeySource(text);
  if (!source.ok()) {
    FUZZ_CHECK(absl::IsInvalidArgument(source.status()));
    return 0;
  }
  FUZZ_CHECK(!source->place.empty() && size <= kMaxMasterKeySourceBytes);
  FUZZ_CHECK(source->words.empty() == (source->kind != MasterKeySource::Kind::kCommand));
  return 0;
}
