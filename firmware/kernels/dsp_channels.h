/* The heart of the DSP convolutions: all output channels of three pixels, two channels at a time.
 *
 * Two int8 weights travel in one 16-bit lane, mixed = 256 * odd + even, so that one load, one SXTB16 and two SMLAD per
 * pixel serve two channels: SMLAD on the mixed word sums 256 * odd + even, SXTB16 leaves `even`, and the difference of
 * the two sums is 256 * the odd channel's. Four elements of depth cost 17 instructions for 24 multiply-accumulates.
 * Lowering checks that every mixed weight fits its lane and that the odd channel's sums stay below 2^23. */
#ifndef FW_DSP_CHANNELS_H
#define FW_DSP_CHANNELS_H

#include "kernels/dsp.h"
#include "kernels/dsp_requantise.h"

/* What one call works on. The assembly below knows these offsets.
 *
 * `x` holds, for every two elements of depth, one word of each pixel. `weights` is one stream: for each channel pair
 * the start values of the mixed and the even sum, depth / 2 words, the even and the odd multiplier, and the two shifts
 * as halves of a word. A pixel that does not exist is the one before it again, at distance 0. */
typedef struct {
  const uint32_t *x;
  const uint32_t *weights;
  int8_t *output;
  int32_t to_second; /* bytes from the first pixel's output to the second's */
  int32_t to_third;  /* from the second's to the third's */
  int32_t channels;  /* even, not 0 */
  int32_t depth;     /* a multiple of 4 */
  fw_dsp_output_t requantise;
} fw_dsp_channels_t;

#if FW_HAS_DSP

/* r0 weights, r1 x, r2-r4 mixed sums, r5-r7 even sums, r8-r9 weights, r10-r12 pixels, lr chunks of 64 left.
 * On the stack: 0 x, 4 chunks, 8 entry into the unrolled loop, 12 output, 16 its end, 20 to_second, 24 to_third,
 * 28 2 * zero point + 1, 32 requantisation, 36 min, 40 max. */
FW_DSP_ROUTINE void fw_dsp_channels_3(const fw_dsp_channels_t *job FW_DSP_IN_ASSEMBLY) {
  __asm__(
      ".macro fw_step\n\t"
      "ldmia.w r0!, {r8, r9}\n\t"
      "ldmia.w r1!, {r10, r11, r12}\n\t"
      "smlad r2, r8, r10, r2\n\t"
      "smlad r3, r8, r11, r3\n\t"
      "smlad r4, r8, r12, r4\n\t"
      "sxtb16 r8, r8\n\t"
      "smlad r5, r8, r10, r5\n\t"
      "smlad r6, r8, r11, r6\n\t"
      "smlad r7, r8, r12, r7\n\t"
      "ldmia.w r1!, {r10, r11, r12}\n\t"
      "sxtb16 r8, r9\n\t"
      "smlad r2, r9, r10, r2\n\t"
      "smlad r3, r9, r11, r3\n\t"
      "smlad r4, r9, r12, r4\n\t"
      "smlad r5, r8, r10, r5\n\t"
      "smlad r6, r8, r11, r6\n\t"
      "smlad r7, r8, r12, r7\n\t"
      ".endm\n\t"
      /* Both channels of one pixel: twice the sums in, int8 out; the variant with ties away from zero needs lr. */
      ".macro fw_scale_relu odd, even\n\t"
      "sub \\odd, \\odd, \\even\n\t"
      "lsl \\even, \\even, #1\n\t"
      "asr \\odd, \\odd, #7\n\t"
      "smmlar \\even, \\even, r8, r1\n\t"
      "smmlar \\odd, \\odd, r9, r12\n\t"
      "asr \\even, \\even, r11\n\t"
      "asr \\odd, \\odd, r10\n\t"
      "ssat \\even, #8, \\even, asr #1\n\t"
      "ssat \\odd, #8, \\odd, asr #1\n\t"
      ".endm\n\t"
      ".macro fw_scale odd, even\n\t"
      "sub \\odd, \\odd, \\even\n\t"
      "lsl \\even, \\even, #1\n\t"
      "asr \\odd, \\odd, #7\n\t"
      "smmlar lr, \\even, r8, r1\n\t"
      "add \\even, lr, \\even, asr #31\n\t"
      "smmlar lr, \\odd, r9, r12\n\t"
      "add \\odd, lr, \\odd, asr #31\n\t"
      "asr \\even, \\even, r11\n\t"
      "asr \\odd, \\odd, r10\n\t"
      "ssat \\even, #8, \\even, asr #1\n\t"
      "ssat \\odd, #8, \\odd, asr #1\n\t"
      ".endm\n\t"
      ".macro fw_clamp value\n\t"
      "cmp \\value, r8\n\t"
      "it lt\n\t"
      "movlt \\value, r8\n\t"
      "cmp \\value, r9\n\t"
      "it gt\n\t"
      "movgt \\value, r9\n\t"
      ".endm\n\t"
      "push {r4-r11, lr}\n\t"
      "sub sp, sp, #44\n\t"
      "ldmia r0!, {r1, r2, r3, r4, r5, r6, r7}\n\t" /* x, weights, output, to_second, to_third, channels, depth */
      "str r1, [sp, #0]\n\t"
      "add r8, r3, r6\n\t"
      "strd r3, r8, [sp, #12]\n\t"
      "strd r4, r5, [sp, #20]\n\t"
      /* chunks = ceil(depth / 64); the first one is entered where the rest of the depth begins. */
      "adds r3, r7, #63\n\t"
      "lsrs r3, r3, #6\n\t"
      "rsb r4, r7, r3, lsl #6\n\t" /* elements to skip */
      "lsrs r4, r4, #2\n\t"
      "adr r5, 2f\n\t"
      "adds r5, r5, #1\n\t"
      "movs r6, #68\n\t" /* bytes of a step */
      "mla r5, r4, r6, r5\n\t"
      "strd r3, r5, [sp, #4]\n\t"
      "ldmia r0, {r3, r4, r5, r6}\n\t" /* mode, zero_point, min, max */
      "lsls r4, r4, #1\n\t"
      "adds r4, r4, #1\n\t"
      "str r4, [sp, #28]\n\t"
      "strd r5, r6, [sp, #36]\n\t"
      "sub r6, r6, r5\n\t"
      "cmp r6, #255\n\t"
      "adr r4, 5f\n\t"
      "bne 8f\n\t"
      "cmp r3, #2\n\t" /* FW_REQUANTISE_RELU */
      "adr r4, 3f\n\t"
      "it ne\n\t"
      "addne r4, r4, #(4f - 3f)\n\t"
      "8: adds r4, r4, #1\n\t"
      "str r4, [sp, #32]\n\t"
      "mov r0, r2\n\t"
      "1:\n\t" /* a channel pair */
      "ldmia r0!, {r2, r5}\n\t"
      "ldrd r1, lr, [sp, #0]\n\t"
      "mov r3, r2\n\t"
      "mov r4, r2\n\t"
      "mov r6, r5\n\t"
      "mov r7, r5\n\t"
      "ldr pc, [sp, #8]\n\t"
      ".balign 4\n\t"
      "2:\n\t"
      ".rept 16\n\t"
      "fw_step\n\t"
      ".endr\n\t"
      "subs lr, lr, #1\n\t"
      "bne 2b\n\t"
      "ldmia r0!, {r8, r9, r10}\n\t"
      "ldr r12, [sp, #28]\n\t"
      "uxth r11, r10\n\t"
      "lsr r10, r10, #16\n\t"
      "lsl r1, r12, r11\n\t"
      "lsl r12, r12, r10\n\t"
      "ldr pc, [sp, #32]\n\t"
      ".balign 4\n\t"
      "3:\n\t"
      "fw_scale_relu r2, r5\n\t"
      "fw_scale_relu r3, r6\n\t"
      "fw_scale_relu r4, r7\n\t"
      "6: ldrd lr, r12, [sp, #12]\n\t" /* stores */
      "ldrd r10, r11, [sp, #20]\n\t"
      "strb r5, [lr], #1\n\t"
      "strb r2, [lr], #1\n\t"
      "str lr, [sp, #12]\n\t"
      "cmp lr, r12\n\t"
      "add lr, lr, r10\n\t"
      "strb r6, [lr, #-2]\n\t"
      "strb r3, [lr, #-1]\n\t"
      "add lr, lr, r11\n\t"
      "strb r7, [lr, #-2]\n\t"
      "strb r4, [lr, #-1]\n\t"
      "bne 1b\n\t"
      "add sp, sp, #44\n\t"
      "pop {r4-r11, pc}\n\t"
      ".balign 4\n\t"
      "4:\n\t"
      "fw_scale r2, r5\n\t"
      "fw_scale r3, r6\n\t"
      "fw_scale r4, r7\n\t"
      "b 6b\n\t"
      ".balign 4\n\t"
      "5:\n\t"
      "fw_scale r2, r5\n\t"
      "fw_scale r3, r6\n\t"
      "fw_scale r4, r7\n\t"
      "ldrd r8, r9, [sp, #36]\n\t"
      "fw_clamp r2\n\t"
      "fw_clamp r3\n\t"
      "fw_clamp r4\n\t"
      "fw_clamp r5\n\t"
      "fw_clamp r6\n\t"
      "fw_clamp r7\n\t"
      "b 6b\n\t"
      ".purgem fw_step\n\t"
      ".purgem fw_scale\n\t"
      ".purgem fw_scale_relu\n\t"
      ".purgem fw_clamp\n\t");
}

#else

FW_INLINE void fw_dsp_channels_3(const fw_dsp_channels_t *job) {
  const uint32_t *w = job->weights;
  for (int32_t c = 0; c < job->channels; c += 2) {
    int32_t mixed[3], even[3];
    for (int i = 0; i < 3; ++i) {
      mixed[i] = (int32_t)w[0];
      even[i] = (int32_t)w[1];
    }
    w += 2;
    const uint32_t *x = job->x;
    for (int32_t k = 0; k < job->depth; k += 2, ++w, x += 3) {
      for (int i = 0; i < 3; ++i) {
        mixed[i] = fw_smlad(*w, x[i], mixed[i]);
        even[i] = fw_smlad(fw_sxtb16(*w), x[i], even[i]);
      }
    }
    const int32_t shifts[2] = {fw_low_lane(w[2]), fw_high_lane(w[2])};
    int8_t *to = job->output + c;
    for (int i = 0; i < 3; ++i) {
      const int32_t odd = fw_subtract_wrap(mixed[i], even[i]) >> 7;
      to[0] = fw_dsp_requantise(&job->requantise, 2 * even[i], (int32_t)w[0], shifts[0]);
      to[1] = fw_dsp_requantise(&job->requantise, odd, (int32_t)w[1], shifts[1]);
      to += i == 0 ? job->to_second : job->to_third;
    }
    w += 3;
  }
}

#endif

/* Words of weights for one channel pair. */
FW_INLINE int32_t fw_dsp_pair_words(int32_t depth) {
  return 2 + depth / 2 + 3;
}

/* Any number of channels: the last of an odd number is paired with one of zeros, which goes nowhere. */
FW_INLINE void fw_dsp_any_channels_3(const fw_dsp_channels_t *job, int32_t channels) {
  if (channels > 1) fw_dsp_channels_3(job);
  if (channels & 1) {
    int8_t pairs[6];
    fw_dsp_channels_t last = *job;
    last.weights += channels / 2 * fw_dsp_pair_words(job->depth);
    last.output = pairs;
    last.to_second = last.to_third = last.channels = 2;
    fw_dsp_channels_3(&last);
    int8_t *to = job->output + channels - 1;
    to[0] = pairs[0];
    to[job->to_second] = pairs[2];
    to[job->to_second + job->to_third] = pairs[4];
  }
}

#endif
