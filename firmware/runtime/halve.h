/* Half the sample rate, for front ends that hear half of what a microphone gives: a 31-tap half-band low-pass
 * (Kaiser window, beta 6), then every other sample. Flat within 0.1 dB up to 0.39 of the new rate; what aliases to
 * below that is down by 40 dB, and to below 0.35 by 63 dB. Integers throughout. */
#ifndef FW_RUNTIME_HALVE_H
#define FW_RUNTIME_HALVE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FW_HALVED_MOST 80u
#define FW_HALVE_TAPS  31u

/* All zero is the start. */
typedef struct {
  int16_t before[FW_HALVE_TAPS]; /* the last samples, a ring */
  uint32_t at;
  uint32_t odd; /* a sample is left over */
} fw_halver_t;

/* Takes `count` (at most 2 * FW_HALVED_MOST) samples; returns how many came out, count / 2 rounded one way or the
 * other. */
uint32_t fw_halve(fw_halver_t *halver, const int16_t *samples, uint32_t count, int16_t *halved);

#ifdef __cplusplus
}
#endif

#endif
