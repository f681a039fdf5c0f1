// A blocked Bloom filter over identity MACs: which keys a run surely lacks, at one cache line or
// one small read a question. Some 1.2 % of absent keys look present.
//
// A block of 64 bytes is chosen by the key's first eight bytes in ascending order, so that the
// filter of a sorted run is made in one pass with one block in memory; seven bits in it by 63 bits
// of the last eight. The keys are MACs and uniform already; keys that are not make the filter
// useless, never wrong. Thread-safety: pure functions. Source: Putze, Sanders, Singler, "Cache-,
// Hash- and Space-Efficient Bloom Filters".
#ifndef AUDITLEDGER_LEDGER_IDENTITY_FILTER_H_
#define AUDITLEDGER_LEDGER_IDENTITY_FILTER_H_

#include <cstdint>

#include "ledger/identity_record.h"

namespace auditledger {

inline constexpr size_t kFilterBlockBytes = 64;
inline constexpr uint64_t kFilterBitsPerKey = 10;

// Bytes of the filter of `keys` keys: whole blocks, at least one.
uint64_t FilterBytes(uint64_t keys);
// Ascends with `key`. REQUIRES: blocks >= 1.
uint64_t FilterBlockOf(const Mac128& key, uint64_t blocks);
// `block` has kFilterBlockBytes.
void FilterAdd(const Mac128& key, uint8_t* block);
bool FilterMayContain(const Mac128& key, const uint8_t* block);

// The first eight bytes as a big-endian number: orders as keys do.
uint64_t MacPrefix(const Mac128& key);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_IDENTITY_FILTER_H_
