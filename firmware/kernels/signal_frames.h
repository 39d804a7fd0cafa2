/* TensorFlow Lite Micro's signal operators that keep samples from one inference to the next: SignalDelay, SignalFramer,
 * SignalStacker, SignalOverlapAdd. */
#ifndef FW_SIGNAL_FRAMES_H
#define FW_SIGNAL_FRAMES_H

#include <string.h>

#include "fw_float.h"
#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t rows;
  int32_t frame;
  int32_t delay;
} fw_signal_delay_params_t;

/* input and output [rows][frame]; held [rows][delay]: the samples that come next, the oldest first. */
FW_KERNEL_BODY void fw_signal_delay_body(const fw_signal_delay_params_t *p, const int16_t *input, int16_t *output,
                                         int16_t *held) {
  const int32_t passed = p->frame < p->delay ? p->frame : p->delay; /* samples that come from `held` */
  for (int32_t row = 0; row < p->rows; ++row, input += p->frame, output += p->frame, held += p->delay) {
    memcpy(output, held, (size_t)passed * sizeof *held);
    memcpy(output + passed, input, (size_t)(p->frame - passed) * sizeof *input);
    memmove(held, held + passed, (size_t)(p->delay - passed) * sizeof *held);
    memcpy(held + p->delay - passed, input + p->frame - passed, (size_t)passed * sizeof *held);
  }
}

typedef struct {
  int32_t rows;
  int32_t frames; /* steps per row of the input */
  int32_t frame_size;
  int32_t frame_step;
  int32_t capacity; /* of a row's queue: frame_size rounded up to a multiple of frame_step */
} fw_signal_framer_params_t;

/* input [rows][frames · frame_step], output [rows][frames][frame_size], valid [1]; queue [rows][capacity], queued
 * [rows]. While too few samples are queued, frames are 0 (the reference leaves them as they are) and not valid. */
FW_KERNEL_BODY void fw_signal_framer_body(const fw_signal_framer_params_t *p, const int16_t *input, int16_t *output,
                                          uint8_t *valid, int16_t *queue, int32_t *queued) {
  *valid = 1;
  for (int32_t row = 0; row < p->rows; ++row, queue += p->capacity) {
    for (int32_t f = 0; f < p->frames; ++f, input += p->frame_step, output += p->frame_size) {
      memcpy(queue + queued[row], input, (size_t)p->frame_step * sizeof *input);
      queued[row] += p->frame_step;
      if (queued[row] < p->frame_size) {
        memset(output, 0, (size_t)p->frame_size * sizeof *output);
        *valid = 0;
        continue;
      }
      memcpy(output, queue, (size_t)p->frame_size * sizeof *output);
      queued[row] -= p->frame_step;
      memmove(queue, queue + p->frame_step, (size_t)queued[row] * sizeof *queue);
    }
  }
}

typedef struct {
  int32_t channels;
  int32_t left;  /* how many times more the first frame counts */
  int32_t stack; /* frames in the output */
  int32_t step;
} fw_signal_stacker_params_t;

/* input [channels], output [stack][channels], valid [1]; queue [stack][channels], queued [2]: frames, and whether the
 * first one has come. */
FW_KERNEL_BODY void fw_signal_stacker_body(const fw_signal_stacker_params_t *p, const int16_t *input, int16_t *output,
                                           uint8_t *valid, int16_t *queue, int32_t *queued) {
  const int32_t copies = queued[1] ? 1 : 1 + p->left;
  for (int32_t i = 0; i < copies; ++i) {
    memcpy(queue + (queued[0] + i) * p->channels, input, (size_t)p->channels * sizeof *input);
  }
  queued[0] += copies;
  queued[1] = 1;
  *valid = queued[0] >= p->stack;
  const size_t bytes = (size_t)(p->stack * p->channels) * sizeof *output;
  if (!*valid) {
    memset(output, 0, bytes);
    return;
  }
  memcpy(output, queue, bytes);
  queued[0] -= p->step;
  memmove(queue, queue + p->step * p->channels, (size_t)(queued[0] * p->channels) * sizeof *queue);
}

typedef struct {
  int32_t rows;
  int32_t frames;
  int32_t frame_size;
  int32_t frame_step; /* at most frame_size */
} fw_signal_overlap_add_s16_params_t;

typedef fw_signal_overlap_add_s16_params_t fw_signal_overlap_add_f32_params_t;

/* input [rows][frames][frame_size], output [rows][frames][frame_step]; sums [rows][frame_size]: what is still to come
 * of earlier frames. */
FW_KERNEL_BODY void fw_signal_overlap_add_s16_body(const fw_signal_overlap_add_s16_params_t *p, const int16_t *input,
                                                   int16_t *output, int16_t *sums) {
  const int32_t rest = p->frame_size - p->frame_step;
  for (int32_t row = 0; row < p->rows; ++row, sums += p->frame_size) {
    for (int32_t f = 0; f < p->frames; ++f, input += p->frame_size, output += p->frame_step) {
      for (int32_t i = 0; i < p->frame_size; ++i) {
        sums[i] = (int16_t)fw_clamp(sums[i] + input[i], INT16_MIN, INT16_MAX);
      }
      memcpy(output, sums, (size_t)p->frame_step * sizeof *output);
      memmove(sums, sums + p->frame_step, (size_t)rest * sizeof *sums);
      memset(sums + rest, 0, (size_t)p->frame_step * sizeof *sums);
    }
  }
}

FW_KERNEL_BODY void fw_signal_overlap_add_f32_body(const fw_signal_overlap_add_f32_params_t *p, const float *input,
                                                   float *output, float *sums) {
  const int32_t rest = p->frame_size - p->frame_step;
  for (int32_t row = 0; row < p->rows; ++row, sums += p->frame_size) {
    for (int32_t f = 0; f < p->frames; ++f, input += p->frame_size, output += p->frame_step) {
      for (int32_t i = 0; i < p->frame_size; ++i) sums[i] += input[i];
      memcpy(output, sums, (size_t)p->frame_step * sizeof *output);
      memmove(sums, sums + p->frame_step, (size_t)rest * sizeof *sums);
      memset(sums + rest, 0, (size_t)p->frame_step * sizeof *sums);
    }
  }
}

#endif
