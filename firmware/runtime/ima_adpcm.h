/* IMA ADPCM (Interactive Multimedia Association, "Recommended Practices for Enhancing Digital Audio Compatibility in
 * Multimedia Systems", 1992): 16-bit samples as 4-bit codes, each the difference to a prediction. */
#ifndef FW_RUNTIME_IMA_ADPCM_H
#define FW_RUNTIME_IMA_ADPCM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int32_t predictor; /* what a decoder has for the last sample */
  uint32_t index;    /* of the step, 0 … 88 */
} fw_ima_adpcm_t;

/* The code of the next sample, 0 … 15. */
uint8_t fw_ima_adpcm_encode(fw_ima_adpcm_t *state, int16_t sample);

#ifdef __cplusplus
}
#endif

#endif
