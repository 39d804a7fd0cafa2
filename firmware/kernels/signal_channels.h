/* TensorFlow Lite Micro's signal operators on the channels of a filter bank: SignalFilterBank and its SquareRoot,
 * SpectralSubtraction and Log, SignalPCAN. */
#ifndef FW_SIGNAL_CHANNELS_H
#define FW_SIGNAL_CHANNELS_H

#include "features/channel_math.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t channels;
} fw_signal_filter_bank_params_t;

/* Overlapping filters: what `weights` leave of a bin's energy, `unweights` give to the next channel. The tables of
 * channels have one entry more in front, whose weighted part is dropped. */
FW_KERNEL_BODY void fw_signal_filter_bank_body(const fw_signal_filter_bank_params_t *p, const uint32_t *input,
                                               const int16_t *weights, const int16_t *unweights,
                                               const int16_t *bin_starts, const int16_t *weight_starts,
                                               const int16_t *widths, uint64_t *output) {
  uint64_t carried = 0;
  for (int32_t c = 0; c <= p->channels; ++c) {
    uint64_t weighted = carried;
    carried = 0;
    for (int32_t i = 0; i < widths[c]; ++i) {
      const uint64_t energy = input[bin_starts[c] + i];
      weighted += energy * (uint64_t)weights[weight_starts[c] + i];
      carried += energy * (uint64_t)unweights[weight_starts[c] + i];
    }
    if (c > 0) output[c - 1] = weighted;
  }
}

typedef struct {
  int32_t channels;
} fw_signal_square_root_params_t;

/* The root to the nearest integer; one of 32 or 64 bits stays within 16 or 32. */
FW_INLINE uint32_t fw_rounded_root(uint64_t value) {
  uint64_t rest = value;
  uint64_t root = 0;
  for (uint64_t bit = (uint64_t)1 << 62; bit != 0; bit >>= 2) {
    if (rest >= root + bit) {
      rest -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  const uint64_t largest = value >> 32 ? UINT32_MAX : UINT16_MAX;
  return (uint32_t)(rest > root && root != largest ? root + 1 : root);
}

/* shift [1]: by how many bits the samples had been shifted up. */
FW_KERNEL_BODY void fw_signal_square_root_body(const fw_signal_square_root_params_t *p, const uint64_t *input,
                                               const int32_t *shift, uint32_t *output) {
  for (int32_t c = 0; c < p->channels; ++c) output[c] = fw_rounded_root(input[c]) >> ((uint32_t)*shift & 31u);
}

typedef struct {
  int32_t channels;
  int32_t smoothing_bits;
  int32_t subtraction_bits;
  int32_t even_smoothing; /* weights of the new value and of the old estimate, for channels 0, 2, … and 1, 3, … */
  int32_t even_keeping;
  int32_t odd_smoothing;
  int32_t odd_keeping;
  int32_t least_signal; /* share of the signal that is always left */
  int32_t is_clamped;   /* 1: an estimate above the signal is lowered to it */
} fw_signal_subtraction_params_t;

/* Takes off an estimate of stationary noise, which follows the signal slowly; estimate [channels] is kept. */
FW_KERNEL_BODY void fw_signal_subtraction_body(const fw_signal_subtraction_params_t *p, const uint32_t *input,
                                               uint32_t *output, uint32_t *noise, uint32_t *estimate) {
  for (int32_t c = 0; c < p->channels; ++c) {
    const uint32_t smoothing = (uint32_t)(c % 2 == 0 ? p->even_smoothing : p->odd_smoothing);
    const uint32_t keeping = (uint32_t)(c % 2 == 0 ? p->even_keeping : p->odd_keeping);
    const uint32_t scaled = input[c] << p->smoothing_bits;
    const uint64_t mixed = (uint64_t)scaled * smoothing + (uint64_t)estimate[c] * keeping;
    estimate[c] = (uint32_t)(mixed >> p->subtraction_bits);
    const uint32_t taken = estimate[c] < scaled ? estimate[c] : scaled;
    if (p->is_clamped) estimate[c] = taken;
    const uint32_t least = (uint32_t)(((uint64_t)input[c] * (uint32_t)p->least_signal) >> p->subtraction_bits);
    const uint32_t rest = (scaled - taken) >> p->smoothing_bits;
    output[c] = rest > least ? rest : least;
    noise[c] = estimate[c];
  }
}

typedef struct {
  int32_t channels;
  int32_t shift;
} fw_signal_pcan_params_t;

/* Gain control by the noise estimate; gain [125], see fw_channel_gain(). */
FW_KERNEL_BODY void fw_signal_pcan_body(const fw_signal_pcan_params_t *p, const uint32_t *input, const uint32_t *noise,
                                        const int16_t *gain, uint32_t *output) {
  for (int32_t c = 0; c < p->channels; ++c) {
    const uint64_t product = (uint64_t)input[c] * (uint32_t)fw_channel_gain(gain, noise[c]);
    output[c] = fw_channel_shrink((uint32_t)(product >> p->shift));
  }
}

typedef struct {
  int32_t channels;
  int32_t scale;
  int32_t correction_bits;
} fw_signal_log_params_t;

/* table [129], see fw_channel_logarithm(). */
FW_KERNEL_BODY void fw_signal_log_body(const fw_signal_log_params_t *p, const uint32_t *input, const uint16_t *table,
                                       int16_t *output) {
  for (int32_t c = 0; c < p->channels; ++c) {
    const uint32_t value = input[c] << p->correction_bits;
    const uint32_t result = value > 1u ? fw_channel_logarithm(table, (uint32_t)p->scale, value) : 0u;
    output[c] = (int16_t)(result < INT16_MAX ? result : INT16_MAX);
  }
}

#endif
