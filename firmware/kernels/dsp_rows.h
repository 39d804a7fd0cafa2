/* Four output channels of one vector: the heart of FULLY_CONNECTED on cores with DSP instructions.
 *
 * Weights as in dsp_channels.h, two channels in one lane. Eight elements of depth cost 27 instructions for 32
 * multiply-accumulates when the vector was widened before, four cost 16 for 16 when it is widened on the way. */
#ifndef FW_DSP_ROWS_H
#define FW_DSP_ROWS_H

#include "kernels/dsp.h"
#include "kernels/dsp_requantise.h"

/* What one call works on. The assembly below knows these offsets.
 *
 * `x` is the vector, widened to lanes (0, 2), (1, 3) of every four elements, or as it is. `weights` is one stream: for
 * every four channels the start values of the mixed sums of both pairs and of their even sums, for every four elements
 * lanes (0, 2) of both pairs and lanes (1, 3) of both pairs; then, unless one multiplier and shift serve all channels,
 * the four multipliers, and the four shifts as bytes. */
typedef struct {
  const void *x;
  const uint32_t *weights;
  int8_t *output;
  int32_t channels; /* a multiple of 4, not 0 */
  int32_t depth;    /* a multiple of 8 if widened, of 4 if not */
  int32_t is_widened;
  fw_dsp_output_t requantise;
  int32_t is_per_channel;
  int32_t multiplier; /* of all channels, unless is_per_channel */
  int32_t shift;
} fw_dsp_rows_t;

#if FW_HAS_DSP

/* r0 weights, r1 x, r2-r3 mixed sums, r4-r5 even sums, r6-r9 weights, r10-r12 and lr the vector.
 * On the stack: 0 x, 4 its end, 8 entry into an unrolled loop, 12 output, 16 its end, 20 2 * zero point + 1,
 * 24 requantisation, 28 min, 32 max, 36 multiplier, 40 rounding, 44 shift. */
FW_DSP_ROUTINE void fw_dsp_rows(const fw_dsp_rows_t *job FW_DSP_IN_ASSEMBLY) {
  __asm__(
      ".macro fw_quad low, high\n\t"
      "ldmia.w r0!, {r6, r7, r8, r9}\n\t"
      "smlad r2, r6, \\low, r2\n\t"
      "smlad r3, r7, \\low, r3\n\t"
      "smlad r2, r8, \\high, r2\n\t"
      "smlad r3, r9, \\high, r3\n\t"
      "sxtb16 r6, r6\n\t"
      "sxtb16 r7, r7\n\t"
      "sxtb16 r8, r8\n\t"
      "sxtb16 r9, r9\n\t"
      "smlad r4, r6, \\low, r4\n\t"
      "smlad r5, r7, \\low, r5\n\t"
      "smlad r4, r8, \\high, r4\n\t"
      "smlad r5, r9, \\high, r5\n\t"
      ".endm\n\t"
      /* One channel, twice its sum in, int8 out: with its own multiplier and shift, and with those of all. */
      ".macro fw_scale_own value, multiplier, rotation, signed\n\t"
      "uxtb r12, r10, ror #\\rotation\n\t"
      "lsl lr, r11, r12\n\t"
      ".if \\signed\n\t"
      "add lr, lr, \\value, asr #31\n\t"
      ".endif\n\t"
      "smmlar \\value, \\value, \\multiplier, lr\n\t"
      "asr \\value, \\value, r12\n\t"
      "ssat \\value, #8, \\value, asr #1\n\t"
      ".endm\n\t"
      ".macro fw_scale_all value, signed\n\t"
      ".if \\signed\n\t"
      "add lr, r7, \\value, asr #31\n\t"
      "smmlar \\value, \\value, r6, lr\n\t"
      ".else\n\t"
      "smmlar \\value, \\value, r6, r7\n\t"
      ".endif\n\t"
      "asr \\value, \\value, r8\n\t"
      "ssat \\value, #8, \\value, asr #1\n\t"
      ".endm\n\t"
      ".macro fw_requantise per_channel, signed, clamped\n\t"
      ".if \\per_channel\n\t"
      "ldmia r0!, {r6, r7, r8, r9, r10}\n\t"
      "ldr r11, [sp, #20]\n\t"
      "fw_scale_own r4, r6, 0, \\signed\n\t"
      "fw_scale_own r2, r7, 8, \\signed\n\t"
      "fw_scale_own r5, r8, 16, \\signed\n\t"
      "fw_scale_own r3, r9, 24, \\signed\n\t"
      ".else\n\t"
      "ldrd r6, r7, [sp, #36]\n\t"
      "ldr r8, [sp, #44]\n\t"
      "fw_scale_all r4, \\signed\n\t"
      "fw_scale_all r2, \\signed\n\t"
      "fw_scale_all r5, \\signed\n\t"
      "fw_scale_all r3, \\signed\n\t"
      ".endif\n\t"
      ".if \\clamped\n\t"
      "ldrd r6, r7, [sp, #28]\n\t"
      ".irp value, r2, r3, r4, r5\n\t"
      "cmp \\value, r6\n\t"
      "it lt\n\t"
      "movlt \\value, r6\n\t"
      "cmp \\value, r7\n\t"
      "it gt\n\t"
      "movgt \\value, r7\n\t"
      ".endr\n\t"
      ".endif\n\t"
      "b 8f\n\t"
      ".balign 4\n\t"
      ".endm\n\t"
      "push {r4-r11, lr}\n\t"
      "sub sp, sp, #48\n\t"
      "ldmia r0!, {r1, r2, r3, r4, r5, r6}\n\t" /* x, weights, output, channels, depth, is_widened */
      "add r4, r4, r3\n\t"
      "strd r3, r4, [sp, #12]\n\t"
      "rsbs r7, r5, #0\n\t"
      "cbz r6, 1f\n\t"
      "add r4, r1, r5, lsl #1\n\t"
      "adr r6, 3f\n\t"
      "and r5, r7, #63\n\t" /* elements to skip in the first round of 64 */
      "lsrs r5, r5, #3\n\t"
      "movs r7, #108\n\t" /* bytes of a step of 8 elements */
      "b 2f\n\t"
      "1: add r4, r1, r5\n\t"
      "adr r6, 4f\n\t"
      "and r5, r7, #15\n\t" /* in the first round of 16 */
      "lsrs r5, r5, #2\n\t"
      "movs r7, #64\n\t" /* bytes of a step of 4 elements */
      "2: adds r6, r6, #1\n\t"
      "mla r6, r5, r7, r6\n\t"
      "strd r1, r4, [sp, #0]\n\t"
      "str r6, [sp, #8]\n\t"
      "ldmia r0, {r3-r9}\n\t" /* mode, zero_point, min, max, is_per_channel, multiplier, shift */
      "lsls r4, r4, #1\n\t"
      "adds r4, r4, #1\n\t"
      "strd r5, r6, [sp, #28]\n\t"
      "lsl r10, r4, r9\n\t"
      "strd r8, r10, [sp, #36]\n\t"
      "str r9, [sp, #44]\n\t"
      /* Which requantisation: 0 ReLU, 1 signed, 2 clamped; the same from 3 on with own multipliers. */
      "subs r6, r6, r5\n\t"
      "rsbs r3, r3, #2\n\t" /* FW_REQUANTISE_RELU is 2 */
      "cmp r6, #255\n\t"
      "it ne\n\t"
      "movne r3, #2\n\t"
      "cmp r7, #0\n\t"
      "it ne\n\t"
      "addne r3, r3, #3\n\t"
      "adr r5, 7f\n\t"
      "ldr r5, [r5, r3, lsl #2]\n\t"
      "strd r4, r5, [sp, #20]\n\t"
      "mov r0, r2\n\t"
      "1: ldmia r0!, {r2, r3, r4, r5}\n\t" /* four channels */
      "ldr r1, [sp, #0]\n\t"
      "ldr pc, [sp, #8]\n\t"
      ".balign 4\n\t"
      "7: .word 10f + 1, 11f + 1, 12f + 1, 13f + 1, 14f + 1, 15f + 1\n\t"
      "3:\n\t"
      ".rept 8\n\t"
      "ldmia.w r1!, {r10, r11, r12, lr}\n\t"
      "fw_quad r10, r11\n\t"
      "fw_quad r12, lr\n\t"
      ".endr\n\t"
      "ldr r6, [sp, #4]\n\t"
      "cmp r1, r6\n\t"
      "bne 3b\n\t"
      "2: subs r2, r2, r4\n\t"
      "subs r3, r3, r5\n\t"
      "lsls r4, r4, #1\n\t"
      "lsls r5, r5, #1\n\t"
      "asrs r2, r2, #7\n\t"
      "asrs r3, r3, #7\n\t"
      "ldr pc, [sp, #24]\n\t"
      ".balign 4\n\t"
      "4:\n\t"
      ".rept 4\n\t"
      "ldr.w lr, [r1], #4\n\t"
      "sxtb16 r10, lr\n\t"
      "sxtb16 r11, lr, ror #8\n\t"
      "fw_quad r10, r11\n\t"
      ".endr\n\t"
      "ldr r6, [sp, #4]\n\t"
      "cmp r1, r6\n\t"
      "bne 4b\n\t"
      "b 2b\n\t"
      ".balign 4\n\t"
      "10: fw_requantise 0, 0, 0\n\t"
      "11: fw_requantise 0, 1, 0\n\t"
      "12: fw_requantise 0, 1, 1\n\t"
      "14: fw_requantise 1, 1, 0\n\t"
      "15: fw_requantise 1, 1, 1\n\t"
      "13: fw_requantise 1, 0, 0\n\t"
      "8: ldrd r6, r7, [sp, #12]\n\t"
      "strb r4, [r6], #1\n\t"
      "strb r2, [r6], #1\n\t"
      "strb r5, [r6], #1\n\t"
      "strb r3, [r6], #1\n\t"
      "str r6, [sp, #12]\n\t"
      "cmp r6, r7\n\t"
      "bne 1b\n\t"
      "add sp, sp, #48\n\t"
      "pop {r4-r11, pc}\n\t"
      ".purgem fw_quad\n\t"
      ".purgem fw_scale_own\n\t"
      ".purgem fw_scale_all\n\t"
      ".purgem fw_requantise\n\t");
}

#else

FW_INLINE void fw_dsp_rows(const fw_dsp_rows_t *job) {
  const uint32_t *w = job->weights;
  for (int32_t c = 0; c < job->channels; c += 4) {
    int32_t mixed[2] = {(int32_t)w[0], (int32_t)w[1]};
    int32_t even[2] = {(int32_t)w[2], (int32_t)w[3]};
    w += 4;
    for (int32_t k = 0; k < job->depth; k += 4, w += 4) {
      const uint32_t bytes = job->is_widened ? 0 : fw_load_word((const int8_t *)job->x + k);
      const uint32_t low = job->is_widened ? ((const uint32_t *)job->x)[k / 2] : fw_sxtb16(bytes);
      const uint32_t high = job->is_widened ? ((const uint32_t *)job->x)[k / 2 + 1] : fw_sxtb16_odd(bytes);
      for (int pair = 0; pair < 2; ++pair) {
        mixed[pair] = fw_smlad(w[pair], low, fw_smlad(w[pair + 2], high, mixed[pair]));
        even[pair] = fw_smlad(fw_sxtb16(w[pair]), low, fw_smlad(fw_sxtb16(w[pair + 2]), high, even[pair]));
      }
    }
    for (int pair = 0; pair < 2; ++pair) {
      const int32_t doubled[2] = {2 * even[pair], fw_subtract_wrap(mixed[pair], even[pair]) >> 7};
      for (int i = 0; i < 2; ++i) {
        const int own = job->is_per_channel;
        const int32_t multiplier = own ? (int32_t)w[2 * pair + i] : job->multiplier;
        const int32_t shift = own ? (int32_t)(w[4] >> (16 * pair + 8 * i) & 0xFFu) : job->shift;
        job->output[c + 2 * pair + i] = fw_dsp_requantise(&job->requantise, doubled[i], multiplier, shift);
      }
    }
    if (job->is_per_channel) w += 5;
  }
}

#endif

#endif
