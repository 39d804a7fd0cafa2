/* Two rows of int8 times int8 weights with both rows in one word: for cores whose only fast multiplication is 32 × 32
 * bits to 32.
 *
 * X = x + 2^16 y holds an element of both rows, so that w * X is w * x + 2^16 w * y. Two such products P = p + 2^16 q
 * cannot overflow: p fits int16_t unless both weights are -128, which lowering excludes. Then sum(p) comes from the
 * lower halves, and sum(q) from T = sum(P >> 7), rounded down each time: 2^7 T lies less than 2^7 * products below
 * sum(p) + 2^16 sum(q), whose first part is known. */
#ifndef FW_PACKED_ROWS_H
#define FW_PACKED_ROWS_H

#include "kernels/packed_requantise.h"
#include "kernels/packed_words.h"

/* Elements in one pass of the inner loop. */
enum { FW_PACKED_STEP = 8 };

/* `weights` [channels][depth], with 7 bytes behind them that may be read. `words` hold `depth` packed elements and
 * zeros up to the next multiple of 8. */
typedef struct {
  int32_t depth;
  int32_t channels;
  const int8_t *weights;
  const uint32_t *words;
  const fw_output_t *limits;
  int32_t is_short;                 /* all sums are such as packed_requantise.h takes */
  const fw_packed_output_t *output; /* apart, so that the fields here can be constants of the compiler */
} fw_packed_rows_t;

/* The sums of two channels: of the first row, and of both rows mixed. */
typedef struct {
  int32_t first[2];
  int32_t mixed[2];
} fw_packed_sums_t;

FW_INLINE int32_t fw_packed_words(int32_t depth) {
  return (depth + FW_PACKED_STEP - 1) / FW_PACKED_STEP * FW_PACKED_STEP;
}

/* Without optimisation the operands do not fit the registers. */
#if FW_IS_THUMB1 && defined(__OPTIMIZE__)

#define FW_PACKED_TWO_ELEMENTS         \
  "ldmia %[x]!, {%[word]}\n\t"         \
  "ldrsb %[p], [%[w], %[i]]\n\t"       \
  "muls %[p], %[word]\n\t"             \
  "ldrsb %[q], [%[v], %[i]]\n\t"       \
  "muls %[q], %[word]\n\t"             \
  "adds %[i], #1\n\t"                  \
  "ldmia %[x]!, {%[word]}\n\t"         \
  "ldrsb %[product], [%[w], %[i]]\n\t" \
  "muls %[product], %[word]\n\t"       \
  "adds %[p], %[product]\n\t"          \
  "ldrsb %[product], [%[v], %[i]]\n\t" \
  "muls %[product], %[word]\n\t"       \
  "adds %[q], %[product]\n\t"          \
  "adds %[i], #1\n\t"                  \
  "sxth %[product], %[p]\n\t"          \
  "add %[first], %[product]\n\t"       \
  "asrs %[p], #7\n\t"                  \
  "add %[mixed], %[p]\n\t"             \
  "sxth %[product], %[q]\n\t"          \
  "add %[first_q], %[product]\n\t"     \
  "asrs %[q], #7\n\t"                  \
  "add %[mixed_q], %[q]\n\t"

/* The sums over `words` (whole steps) for the channels with weights at w and v. In assembly, because the compiler
 * keeps none of the sums in r8 to r12. */
FW_INLINE fw_packed_sums_t fw_packed_dots(const uint32_t *x, const int8_t *w, const int8_t *v, int32_t words) {
  int32_t i = 0, p, q, word, product;
  int32_t first = 0, mixed = 0, first_q = 0, mixed_q = 0;
  __asm__(".syntax unified\n1:\n\t" FW_PACKED_TWO_ELEMENTS FW_PACKED_TWO_ELEMENTS FW_PACKED_TWO_ELEMENTS
              FW_PACKED_TWO_ELEMENTS "cmp %[i], %[words]\n\tbne 1b"
          : [x] "+l"(x), [i] "+l"(i), [p] "=&l"(p), [q] "=&l"(q), [word] "=&l"(word), [product] "=&l"(product),
            [first] "+h"(first), [mixed] "+h"(mixed), [first_q] "+h"(first_q), [mixed_q] "+h"(mixed_q)
          : [w] "l"(w), [v] "l"(v), [words] "h"(words)
          : "cc", "memory");
  const fw_packed_sums_t sums = {{first, first_q}, {mixed, mixed_q}};
  return sums;
}

#else

FW_INLINE void fw_packed_dot(const uint32_t *x, const int8_t *w, int32_t words, int32_t *first, int32_t *mixed) {
  *first = *mixed = 0;
  for (int32_t i = 0; i < words; i += 2) {
    const int32_t sum = (int32_t)(x[i] * fw_packed_pair(w[i], 0) + x[i + 1] * fw_packed_pair(w[i + 1], 0));
    *first += (int16_t)(sum & 0xFFFF);
    *mixed += sum >> FW_PACKED_SHIFT;
  }
}

FW_INLINE fw_packed_sums_t fw_packed_dots(const uint32_t *x, const int8_t *w, const int8_t *v, int32_t words) {
  fw_packed_sums_t sums;
  fw_packed_dot(x, w, words, &sums.first[0], &sums.mixed[0]);
  fw_packed_dot(x, v, words, &sums.first[1], &sums.mixed[1]);
  return sums;
}

#endif

/* All channels of both rows, the first row's written last: a second row that does not exist may share its place. An odd
 * last channel is computed with the one before it, again. */
FW_INLINE void fw_packed_rows(const fw_packed_rows_t *p) {
  const int32_t words = fw_packed_words(p->depth);
  const int32_t next = p->channels > 1 ? 1 : 0;
  for (int32_t pair = 0; pair < p->channels; pair += 2) {
    const int32_t c = fw_max(fw_min(pair, p->channels - 2), 0);
    const int8_t *w = p->weights + c * p->depth;
    const fw_packed_sums_t sums = fw_packed_dots(p->words, w, w + next * p->depth, words);
    fw_packed_store(p->output, p->limits, p->is_short, sums.first[0], sums.mixed[0], c);
    if (next) fw_packed_store(p->output, p->limits, p->is_short, sums.first[1], sums.mixed[1], c + 1);
  }
}

#endif
