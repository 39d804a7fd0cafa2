/* Feature front ends: samples or sensor rows in, frames of features and the model's input out.
 *
 * One interface for all kinds. A configuration is constant data, written by the host
 * (pytool/fieldwren/features renders it, tables included); all memory belongs to the caller. The same C code
 * computes the features a model is trained on, the host's evaluation and the device's, with the same bits.
 *
 *     static uint64_t memory[(FRONTEND_BYTES + 7) / 8];
 *     fw_frontend_t frontend;
 *     fw_frontend_init(&frontend, &config, memory, sizeof memory);
 *     while (count > 0) {
 *       int ready;
 *       uint32_t used = fw_frontend_push(&frontend, samples, count, &ready);
 *       samples += used, count -= used;
 *       if (ready && fw_frontend_frame_count(&frontend) == config.window_frames)
 *         fw_frontend_write_window(&frontend, input, FW_INT8, scale, zero_point);
 *     }
 *
 * An image that uses only some kinds defines FW_FRONTEND_KINDS as the sum of their FW_FRONTEND_BIT()s: the
 * others' code is then left out. */
#ifndef FW_FRONTEND_H
#define FW_FRONTEND_H

#include <stdint.h>

#include "fw_model.h"
#include "fw_status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  FW_FRONTEND_MEL = 1,       /* log-mel or MFCC in float32 */
  FW_FRONTEND_MEL_FIXED = 2, /* the same features in integer arithmetic, for cores without FPU */
  FW_FRONTEND_MICRO = 3,     /* TensorFlow Lite Micro's fixed-point micro front end */
  FW_FRONTEND_SENSOR = 4     /* windows over rows of sensor values */
} fw_frontend_kind_t;

#define FW_FRONTEND_BIT(kind) (1u << (kind))

/* How a real value becomes an integer of the model's input, q = rule(value / scale + zero_point), clamped. */
typedef enum {
  FW_ROUND_NEAREST = 0, /* halves away from zero, before the zero point is added: TensorFlow Lite's rule */
  FW_ROUND_TRUNCATE = 1 /* towards zero, after the zero point is added: the MLPerf Tiny reference's rule */
} fw_rounding_t;

/* What is done to a window of frames as a whole when it becomes the model's input; FW_NORMALISE_RUNNING_MEAN: to each
 * frame when it is computed, so that it stays the same in every window. */
typedef enum {
  FW_NORMALISE_NONE = 0,
  FW_NORMALISE_WINDOW_MEAN = 1, /* each value minus its mean over the frames of the window */
  FW_NORMALISE_WINDOW_MAX = 2,  /* as if the PCM had been divided by its largest (not largest absolute) sample, taken
                                   from the oldest frame's first sample to the newest sample pushed; a maximum of 0
                                   divides by 1, the value of a full-scale sample; needs hop <= window */
  FW_NORMALISE_RUNNING_MEAN = 3 /* each value x of frame number t, from 1 after a reset, minus m(t) = m(t-1) +
                                   (x - m(t-1)) / min(t, running_frames), m(0) = 0 */
} fw_normalisation_t;

typedef enum { FW_SPECTRUM_MAGNITUDE = 0, FW_SPECTRUM_POWER = 1 } fw_spectrum_t;

/* Log-mel / MFCC:
 *   y[i]   = x[i] - pre_emphasis * x[i-1], x = sample / 32768
 *   X      = FFT(window * y), padded with zeros to fft_size
 *   E[m]   = energy_scale * sum over bins of mel weight * |X| (or |X|^2)
 *   L[m]   = clamp(log_scale * ln(max(E, energy_floor) + energy_offset) + log_offset, clip_low, clip_high)
 *   C[k]   = sum over m of dct[k][m] * L[m], when coefficient_count > 0 (then the values are C, else L)
 * Mel triangles overlap so that each bin lies between two neighbouring centres: one weight a bin says how
 * much goes to the upper band, the rest goes to the lower one. */
typedef struct {
  uint16_t window_samples;    /* at most fft_size */
  uint16_t hop_samples;       /* may exceed window_samples */
  uint16_t fft_size;          /* a power of two, 64 … 1024 */
  uint16_t mel_count;         /* bands, 1 … fft_size / 2 */
  uint16_t coefficient_count; /* 0: log-mel; else at most mel_count */
  uint16_t first_bin;         /* of the FFT with a weight in mel_weights, at least 1 */
  uint16_t bin_count;         /* of mel_weights; the last one lies below fft_size / 2 */
  uint8_t spectrum;           /* fw_spectrum_t */
  uint8_t normalisation;      /* fw_normalisation_t */
  uint16_t running_frames;    /* FW_NORMALISE_RUNNING_MEAN: at least 1 */
  float pre_emphasis;         /* 0: none */
  float energy_scale;
  float energy_floor;  /* at least 0 */
  float energy_offset; /* floor + offset must be above 0 */
  float log_scale;
  float log_offset;
  float clip_low; /* -FLT_MAX and FLT_MAX: no clipping */
  float clip_high;
  const float *window;      /* [window_samples], divided by 65536: 1/32768 for the samples, 1/2 for the real FFT */
  const float *sine;        /* [3 * fft_size / 4 + 1], sin(2 pi k / fft_size) */
  const float *mel_weights; /* [bin_count], share of the upper band, of the bins first_bin, first_bin + 1 … in turn */
  const uint16_t *mel_bins; /* [mel_count + 1]: bins between centre m - 1 (0: lower edge) and centre m (last:
                               upper edge) */
  const float *dct;         /* [coefficient_count][(mel_count + 1) / 2]: left halves of the rows, see mel.c */
} fw_mel_config_t;

/* The same in integers (FW_FRONTEND_MEL_FIXED); of the normalisations there are none and the window's mean. Values of a
 * frame are int16 with fraction_bits fraction bits. Energies are 64-bit integers in a unit that the host has put into
 * log_offset, energy_floor and energy_offset. */
typedef struct {
  uint16_t window_samples, hop_samples, fft_size, mel_count, coefficient_count, first_bin, bin_count; /* as above */
  uint8_t spectrum;      /* fw_spectrum_t */
  uint8_t normalisation; /* fw_normalisation_t */
  uint8_t fraction_bits; /* at most 15 */
  uint8_t sample_shift;  /* what samples are shifted up by: 12, or 11 with pre-emphasis, */
  uint8_t headroom_most; /* and by how much more at most when they are faint; at most 15 */
  int32_t log_scale;     /* of the logarithm to base 2, 24 fraction bits */
  int32_t log_offset;    /* 16 fraction bits, as the next two */
  int32_t clip_low;
  int32_t clip_high;
  int32_t pre_emphasis; /* 31 fraction bits */
  int32_t dct_scale;    /* sqrt(2 / mel_count), 31 fraction bits */
  uint64_t energy_floor;
  uint64_t energy_offset;      /* floor + offset must be above 0 */
  const int32_t *window;       /* [window_samples], 31 fraction bits */
  const int32_t *sine;         /* [3 * fft_size / 4 + 1], 31 fraction bits */
  const uint16_t *mel_weights; /* [bin_count], 15 fraction bits */
  const uint16_t *mel_bins;    /* [mel_count + 1] */
  const int16_t *dct;          /* [coefficient_count][(mel_count + 1) / 2], cosines with 15 fraction bits */
  const uint16_t *logarithm;   /* [129]: (log2(1 + i / 128) - i / 128) * 65536 */
  const uint16_t *roots;       /* [225], see integer_root.h */
} fw_mel_fixed_config_t;

/* What stands in for a value that is NaN or infinite. */
typedef enum {
  FW_MISSING_HOLD = 0, /* the channel's last value */
  FW_MISSING_FILL = 1  /* the channel's `fill`, usually its mean in the training data */
} fw_missing_t;

/* Rows of sensor values:
 *   x[c]      = clamp(reading[c], input_low, input_high)
 *   z[c]      = clamp((x[c] - offset[c]) * gain[c], clip_low, clip_high)
 *   d[k][c]   = clamp((x[c] - x[c] difference_rows[k] rows ago) * difference_gain[k][c], clip_low, clip_high)
 *   a[k][c]   = clamp((ln(mean |x[c] - x[c] the row before| over activity_rows[k] rows + activity_floor[c])
 *               - activity_offset[k][c]) * activity_gain[k][c], clip_low, clip_high)
 * A frame is z, then d[0], d[1] …, then a[0], a[1] …; a window is window_frames consecutive frames. A channel that
 * misses more than missing_limit values in a row (or has had none yet, with FW_MISSING_HOLD) makes rows unusable:
 * windows and differences begin anew behind them, so none spans the gap. */
typedef struct {
  uint16_t channel_count;
  uint16_t hop_rows;      /* rows from one window to the next */
  uint16_t missing_limit; /* at most 65534 */
  uint8_t missing;        /* fw_missing_t */
  uint8_t difference_count;
  float input_low; /* what the sensor can read; -FLT_MAX and FLT_MAX: anything */
  float input_high;
  float clip_low; /* -FLT_MAX and FLT_MAX: no clipping */
  float clip_high;
  const float *offset;             /* [channel_count] */
  const float *gain;               /* [channel_count] */
  const float *fill;               /* [channel_count] or null */
  const uint16_t *difference_rows; /* [difference_count], 1 … 4096 */
  const float *difference_gain;    /* [difference_count][channel_count] */
  uint8_t activity_count;
  const uint16_t *activity_rows; /* [activity_count], 1 … 4096 */
  const float *activity_floor;   /* [channel_count], above 0 */
  const float *activity_offset;  /* [activity_count][channel_count], as the next */
  const float *activity_gain;
} fw_sensor_config_t;

/* TensorFlow Lite Micro's micro front end, in its fixed point:
 *   window, 512-point FFT with automatic scaling, energies, mel triangles, square root,
 *   spectral subtraction: N += s * (E - N), E = max(E - N, min_signal * E), s by even and odd channel,
 *   gain control: E * gain(N), shrunk to x^2 / 4 below 2 and x - 1 above,
 *   64 * ln. A value is uint16; a model input of int8 is clamp((value * 256 + 333) / 666 - 128), the form all
 * published models were trained with: scale and zero point of the tensor are not used. FW_FLOAT32 is value * 10 / 256,
 * FW_UINT16 the value itself; other types are not supported. */
typedef struct {
  uint16_t window_samples; /* even, at most 512 */
  uint16_t hop_samples;
  uint16_t channel_count; /* 1 … 128 */
  uint16_t first_bin;
  uint16_t smoothing_even; /* 14 fraction bits, as the next three */
  uint16_t smoothing_odd;
  uint16_t min_signal;
  uint16_t smoothing_bits;  /* fraction bits of the noise estimates */
  uint16_t snr_shift;       /* from energy times gain to 12 fraction bits */
  uint16_t correction_bits; /* of the logarithm's argument */
  uint16_t log_scale;
  uint16_t restart_at_lowest; /* what the search for the largest sample does at -32768, see micro.c */
  const int16_t *window;      /* [window_samples], 12 fraction bits */
  const uint32_t *twiddles;   /* [192] and [128] of rfft_q15.h */
  const uint32_t *split;
  const uint16_t *weights;      /* two a bin, 12 fraction bits: for the channel below and the one above */
  const uint16_t *channel_bins; /* [channel_count + 1]: bins of each interval between centres */
  const int16_t *gain;          /* [125]: gain over the noise estimate, a parabola per power of two */
  const uint16_t *logarithm;    /* [129]: (log2(1 + i / 128) - i / 128) * 65536 */
  const uint16_t *roots;        /* [97], see integer_root.h */
} fw_micro_config_t;

typedef struct {
  uint32_t kind;              /* fw_frontend_kind_t */
  uint32_t window_frames;     /* frames that make one model input */
  uint32_t frame_values;      /* values of a frame as the model sees it */
  uint32_t rounding;          /* fw_rounding_t */
  const fw_mel_config_t *mel; /* the one of the kind; the others are null */
  const fw_mel_fixed_config_t *mel_fixed;
  const fw_micro_config_t *micro;
  const fw_sensor_config_t *sensor;
} fw_frontend_config_t;

/* Private to firmware/features; the type is public so that callers can place it. */
typedef struct {
  const fw_frontend_config_t *config;
  uint32_t window_samples;
  uint32_t hop_samples;
  int16_t *samples;     /* the newest window of PCM, oldest first */
  void *work;           /* scratch of one frame */
  void *frames;         /* ring of window_frames frames */
  int16_t *peaks;       /* window-max: ring like `frames`, the largest of each frame's first hop_samples samples */
  uint16_t *gaps;       /* sensor: values in a row that were missing, a channel */
  float *mean;          /* running mean: of each value */
  uint32_t filled;      /* samples in `samples`; sensor: rows in the history */
  uint32_t skip;        /* samples to drop before the next window begins; sensor: rows before the next is ready */
  uint32_t next_frame;  /* ring slot of the next frame */
  uint32_t frame_count; /* frames in the ring, up to window_frames */
  uint32_t next_row;    /* sensor: ring slot of the next row in the history */
  uint32_t mean_frames; /* running mean: frames that it is of, up to running_frames */
  uint32_t repeats;     /* newest frames in a row that equal the one before */
  int16_t before;       /* the sample before samples[0], for pre-emphasis */
} fw_frontend_t;

/* Bytes that fw_frontend_init() needs, 0 for a configuration that is out of range or of a kind this image
 * lacks. */
uint32_t fw_frontend_memory_bytes(const fw_frontend_config_t *config);

/* `config` and `memory` must outlive `fe`; `memory` is aligned to 8 bytes. FW_E_UNKNOWN: kind not in this
 * image; FW_E_ARGUMENT: a value out of range or misaligned memory; FW_E_SPACE: memory_bytes is too small. */
fw_status_t fw_frontend_init(fw_frontend_t *fe, const fw_frontend_config_t *config, void *memory,
                             uint32_t memory_bytes);

/* Forgets all samples and frames, as after fw_frontend_init(). */
void fw_frontend_reset(fw_frontend_t *fe);

/* From now on the window counts as full: of zeros, until frames take their place. For models that want the newest
 * frames before there is a window of them. */
void fw_frontend_fill(fw_frontend_t *fe);

/* Takes 16-bit PCM up to and including the sample that completes a frame (*frame_ready = 1), or all of it
 * (*frame_ready = 0). Returns how many samples were taken. One call computes at most one frame. */
uint32_t fw_frontend_push(fw_frontend_t *fe, const int16_t *samples, uint32_t count, int *frame_ready);

/* Takes one row of a sensor front end; `count` is its channel_count, else FW_E_ARGUMENT. NaN and infinity
 * mean missing. *frame_ready = 1 when a window is complete: for the first time when window_frames usable rows
 * are there, then every hop_rows rows. */
fw_status_t fw_frontend_push_row(fw_frontend_t *fe, const float *row, uint32_t count, int *frame_ready);

/* Frames in the ring: grows to window_frames and stays there (a sensor's gap empties it). */
uint32_t fw_frontend_frame_count(const fw_frontend_t *fe);

/* 1 if the window is bit by bit the one of `frames` frames ago, because all frames of both are the same: a quiet room,
 * a sensor that stands still. 0 also where that cannot be told from the frames (FW_NORMALISE_WINDOW_MAX, windows of one
 * frame). */
int fw_frontend_stands_still(const fw_frontend_t *fe, uint32_t frames);

/* Data type of the values that fw_frontend_read_frame() gives. */
fw_dtype_t fw_frontend_dtype(const fw_frontend_config_t *config);

/* Copies the newest frame (frame_values values), as it is before any normalisation over the window: FW_INT16 has the
 * configuration's fraction_bits. FW_E_STATE when there is none yet. */
fw_status_t fw_frontend_read_frame(const fw_frontend_t *fe, void *values);

/* Writes the newest window_frames frames, oldest first, normalised, as the model's input of window_frames *
 * frame_values elements: FW_FLOAT32, or FW_INT8 / FW_UINT8 / FW_INT16 quantised with the tensor's scale and
 * zero point. FW_E_STATE until the ring is full; FW_E_ARGUMENT for another data type or a scale that is not
 * positive. */
fw_status_t fw_frontend_write_window(const fw_frontend_t *fe, void *model_input, fw_dtype_t dtype, float scale,
                                     int32_t zero_point);

/* Whole recordings, for the host: resets, pushes everything, and copies each finished frame to
 * frames[max_frames][frame_values] while there is room. Returns the number of frames the recording has. */
uint32_t fw_frontend_process(fw_frontend_t *fe, const int16_t *samples, uint32_t count, void *frames,
                             uint32_t max_frames);

#ifdef __cplusplus
}
#endif

#endif
