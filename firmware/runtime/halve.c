#include "runtime/halve.h"

enum { CENTRE = 16384, CENTRE_TAP = 15, SIDE_TAPS = 8 };

/* At distances 1, 3, 5 … from the centre; all others are zero. Twice their sum and the centre are 32768. */
static const int16_t side[SIDE_TAPS] = {10303, -3113, 1527, -795, 393, -171, 58, -10};

/* The sample `age` before the newest. */
static int32_t sample(const fw_halver_t *halver, uint32_t age) {
  const uint32_t newest = halver->at + FW_HALVE_TAPS - 1u;
  return halver->before[(newest - age) % FW_HALVE_TAPS];
}

/* The sizes of all taps add up to 49124: 32768 of each is within 32 bits. */
static int16_t filtered(const fw_halver_t *halver) {
  int32_t sum = CENTRE * sample(halver, CENTRE_TAP);
  for (uint32_t i = 0; i < SIDE_TAPS; i++) {
    const uint32_t distance = 2u * i + 1u;
    sum += side[i] * (sample(halver, CENTRE_TAP - distance) + sample(halver, CENTRE_TAP + distance));
  }
  const int32_t value = (sum + 16384) >> 15;
  return (int16_t)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
}

uint32_t fw_halve(fw_halver_t *halver, const int16_t *samples, uint32_t count, int16_t *halved) {
  uint32_t made = 0;
  for (uint32_t i = 0; i < count; i++) {
    halver->before[halver->at] = samples[i];
    halver->at = (halver->at + 1u) % FW_HALVE_TAPS;
    halver->odd ^= 1u;
    if (halver->odd == 0u) halved[made++] = filtered(halver);
  }
  return made;
}
