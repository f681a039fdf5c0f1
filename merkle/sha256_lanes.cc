#include "merkle/sha256_lanes.h"

#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 warns of its own header's undefined vectors (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#endif

namespace auditledger {

#if defined(__x86_64__)

namespace {

// Only the functions marked so hold such instructions: the rest runs on any processor.
#define AUDITLEDGER_AVX512 __attribute__((target("avx512f,avx512bw")))

using Vector = __m512i;  // a word of each lane

// Arrays that are written before they are read: zeroing them first (-ftrivial-auto-var-init) costs
// a tenth.
#define AUDITLEDGER_UNINITIALIZED __attribute__((uninitialized))

constexpr int kRounds = 64;
constexpr int kBlockWords = 16;
constexpr int kStateWords = 8;

// FIPS 180-4 section 4.2.2.
constexpr uint32_t kRoundWords[kRounds] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// Truth tables of three inputs, as the instruction for any of them takes them.
constexpr int kParity = 0x96;
constexpr int kChoose = 0xca;
constexpr int kMajority = 0xe8;
// Of _mm512_shuffle_i32x4: the even or the odd quarters of two vectors.
constexpr int kEvenQuarters = 0x88;
constexpr int kOddQuarters = 0xdd;

template <int A, int B, int C>
AUDITLEDGER_AVX512 inline Vector SumOfRotations(Vector x) {
  return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, A), _mm512_ror_epi32(x, B),
                                   _mm512_ror_epi32(x, C), kParity);
}

template <int A, int B, int C>
AUDITLEDGER_AVX512 inline Vector SumOfRotationsAndShift(Vector x) {
  return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, A), _mm512_ror_epi32(x, B),
                                   _mm512_srli_epi32(x, C), kParity);
}

// Rows become columns: rows[i] holds word i of all lanes then.
AUDITLEDGER_AVX512 inline void Transpose(Vector (&rows)[kBlockWords]) {
  AUDITLEDGER_UNINITIALIZED Vector pairs[kBlockWords];
#pragma GCC unroll 16
  for (int i = 0; i < kBlockWords; i += 2) {
    pairs[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < kBlockWords; i += 4) {
    rows[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
    rows[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
    rows[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
    rows[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
  }
  // Quarter q of rows[4 * k + j] is word 4 * q + j of lanes 4 * k to 4 * k + 3.
#pragma GCC unroll 16
  for (int j = 0; j < 4; ++j) {
    pairs[j] = _mm512_shuffle_i32x4(rows[j], rows[4 + j], kEvenQuarters);
    pairs[4 + j] = _mm512_shuffle_i32x4(rows[j], rows[4 + j], kOddQuarters);
    pairs[8 + j] = _mm512_shuffle_i32x4(rows[8 + j], rows[12 + j], kEvenQuarters);
    pairs[12 + j] = _mm512_shuffle_i32x4(rows[8 + j], rows[12 + j], kOddQuarters);
  }
#pragma GCC unroll 16
  for (int j = 0; j < 4; ++j) {
    rows[j] = _mm512_shuffle_i32x4(pairs[j], pairs[8 + j], kEvenQuarters);
    rows[4 + j] = _mm512_shuffle_i32x4(pairs[4 + j], pairs[12 + j], kEvenQuarters);
    rows[8 + j] = _mm512_shuffle_i32x4(pairs[j], pairs[8 + j], kOddQuarters);
    rows[12 + j] = _mm512_shuffle_i32x4(pairs[4 + j], pairs[12 + j], kOddQuarters);
  }
}

// The words of round `round` + 16, in the place of those of `round`.
AUDITLEDGER_AVX512 inline void Schedule(Vector (&words)[kBlockWords], int round) {
  Vector& word = words[round % kBlockWords];
  const Vector early = SumOfRotationsAndShift<7, 18, 3>(words[(round + 1) % kBlockWords]);
  const Vector late = SumOfRotationsAndShift<17, 19, 10>(words[(round + 14) % kBlockWords]);
  const Vector middle = words[(round + 9) % kBlockWords];
  word = _mm512_add_epi32(_mm512_add_epi32(word, early), _mm512_add_epi32(middle, late));
}

// Instead of moving all eight variables on, a round takes each one place before the last round did.
AUDITLEDGER_AVX512 inline void Round(Vector (&state)[kStateWords], Vector word, int round) {
  const int shift = kRounds - round;
  const Vector a = state[shift % kStateWords], b = state[(shift + 1) % kStateWords],
               c = state[(shift + 2) % kStateWords], e = state[(shift + 4) % kStateWords],
               f = state[(shift + 5) % kStateWords], g = state[(shift + 6) % kStateWords];
  Vector& d = state[(shift + 3) % kStateWords];
  Vector& h = state[(shift + 7) % kStateWords];
  const Vector constant = _mm512_set1_epi32(static_cast<int>(kRoundWords[round]));
  const Vector choice = _mm512_ternarylogic_epi32(e, f, g, kChoose);
  const Vector majority = _mm512_ternarylogic_epi32(a, b, c, kMajority);
  Vector first = _mm512_add_epi32(h, _mm512_add_epi32(constant, word));
  first = _mm512_add_epi32(first, _mm512_add_epi32(SumOfRotations<6, 11, 25>(e), choice));
  d = _mm512_add_epi32(d, first);
  h = _mm512_add_epi32(first, _mm512_add_epi32(SumOfRotations<2, 13, 22>(a), majority));
}

}  // namespace

bool HaveSha256Lanes() {
  static const bool have =
      __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0;
  return have;
}

AUDITLEDGER_AVX512 void CompressSha256Lanes(
    const std::array<const unsigned char*, kSha256Lanes>& blocks, Sha256LaneStates& states) {
  const Vector swap_bytes = _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
  AUDITLEDGER_UNINITIALIZED Vector words[kBlockWords];
#pragma GCC unroll 16
  for (size_t lane = 0; lane < kSha256Lanes; ++lane) {
    words[lane] = _mm512_shuffle_epi8(_mm512_loadu_si512(blocks[lane]), swap_bytes);
  }
  Transpose(words);
  AUDITLEDGER_UNINITIALIZED Vector state[kStateWords];
#pragma GCC unroll 16
  for (int i = 0; i < kStateWords; ++i) state[i] = _mm512_loadu_si512(states[i].data());
#pragma GCC unroll 64
  for (int round = 0; round < kRounds; ++round) {
    Round(state, words[round % kBlockWords], round);
    if (round < kRounds - kBlockWords) Schedule(words, round);
  }
#pragma GCC unroll 16
  for (int i = 0; i < kStateWords; ++i) {
    const Vector before = _mm512_loadu_si512(states[i].data());
    _mm512_storeu_si512(states[i].data(), _mm512_add_epi32(before, state[i]));
  }
}

#else

bool HaveSha256Lanes() { return false; }

void CompressSha256Lanes(const std::array<const unsigned char*, kSha256Lanes>&, Sha256LaneStates&) {
}

#endif

}  // namespace auditledger
