/* Three pixels' int8 values, widened and interleaved as fw_dsp_channels_3() reads them. */
#ifndef FW_DSP_WIDEN_H
#define FW_DSP_WIDEN_H

#include "kernels/dsp.h"

/* Every four bytes give lanes (0, 2) of the three pixels, then lanes (1, 3). The assembly below knows these offsets. */
typedef struct {
  uint32_t *to;
  const int8_t *from[3];
  int32_t words; /* of a row, at least 1 */
  int32_t rows;  /* at least 1 */
  int32_t skip;  /* bytes from the end of a row to the next */
} fw_dsp_widen_t;

#if FW_HAS_DSP

/* r0 to, r1-r3 from, r4-r6 bytes, r7-r12 lanes, lr words left. On the stack: 0 words, 4 rows, 8 skip. */
FW_DSP_ROUTINE void fw_dsp_widen_3(const fw_dsp_widen_t *job FW_DSP_IN_ASSEMBLY) {
  __asm__(
      ".macro fw_word\n\t"
      "ldr r4, [r1], #4\n\t"
      "ldr r5, [r2], #4\n\t"
      "ldr r6, [r3], #4\n\t"
      "sxtb16 r7, r4\n\t"
      "sxtb16 r8, r5\n\t"
      "sxtb16 r9, r6\n\t"
      "sxtb16 r10, r4, ror #8\n\t"
      "sxtb16 r11, r5, ror #8\n\t"
      "sxtb16 r12, r6, ror #8\n\t"
      "stmia r0!, {r7-r12}\n\t"
      ".endm\n\t"
      "push {r4-r11, lr}\n\t"
      "ldrd r1, r2, [r0, #16]\n\t"
      "ldr r3, [r0, #24]\n\t"
      "push {r1-r3}\n\t"
      "ldmia r0, {r0-r3}\n\t"
      "1: ldr lr, [sp, #0]\n\t"
      "lsrs r4, lr, #1\n\t"
      "bcc 2f\n\t"
      "fw_word\n\t"
      "subs lr, lr, #1\n\t"
      "beq 3f\n\t"
      "2: fw_word\n\t"
      "fw_word\n\t"
      "subs lr, lr, #2\n\t"
      "bne 2b\n\t"
      "3: ldrd r4, r5, [sp, #4]\n\t"
      "add r1, r1, r5\n\t"
      "add r2, r2, r5\n\t"
      "add r3, r3, r5\n\t"
      "subs r4, r4, #1\n\t"
      "str r4, [sp, #4]\n\t"
      "bne 1b\n\t"
      "add sp, sp, #12\n\t"
      "pop {r4-r11, pc}\n\t"
      ".purgem fw_word\n\t");
}

#else

FW_INLINE void fw_dsp_widen_3(const fw_dsp_widen_t *job) {
  uint32_t *to = job->to;
  for (int32_t row = 0; row < job->rows; ++row) {
    for (int32_t word = 0; word < job->words; ++word, to += 6) {
      for (int i = 0; i < 3; ++i) {
        const uint32_t bytes = fw_load_word(job->from[i] + row * (4 * job->words + job->skip) + 4 * word);
        to[i] = fw_sxtb16(bytes);
        to[i + 3] = fw_sxtb16_odd(bytes);
      }
    }
  }
}

#endif

#endif
