/* What a microphone needs before its samples are features: gain, removal of the constant part, and
 * measurements that tell a person whether it is too loud, too quiet or dead. Integer arithmetic, the same on
 * every target. */
#ifndef FW_RUNTIME_MICROPHONE_H
#define FW_RUNTIME_MICROPHONE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FW_GAIN_ONE 256u

typedef struct {
  uint32_t gain_q8;       /* FW_GAIN_ONE leaves samples as they are; at most 65535 */
  uint32_t remove_dc;     /* 1: subtract a running mean with a time constant of 1024 samples */
  uint32_t level_samples; /* a level is measured over so many samples, 1 … 65536 */
} fw_microphone_config_t;

typedef struct {
  const fw_microphone_config_t *config;
  int32_t mean_q14;
  uint64_t squares;
  uint32_t measured; /* samples in `squares` and `peak` */
  uint32_t peak;
  uint32_t level_rms; /* of the last whole measurement, 0 … 32768 */
  uint32_t level_peak;
  uint32_t clipped; /* samples at the end of the range when they came, or pushed there by the gain */
} fw_microphone_t;

void fw_microphone_init(fw_microphone_t *microphone, const fw_microphone_config_t *config);

/* Forgets mean and measurements. */
void fw_microphone_reset(fw_microphone_t *microphone);

/* out[i] = saturate((in[i] - mean) * gain); `in` and `out` may be the same. Levels are those of the output.
 */
void fw_microphone_process(fw_microphone_t *microphone, const int16_t *in, int16_t *out, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif
