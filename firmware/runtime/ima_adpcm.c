#include "runtime/ima_adpcm.h"

enum { STEPS = 89, SIGN = 8 };

static const uint16_t steps[STEPS] = {
    7,    8,     9,     10,    11,    12,    13,    14,    16,    17,    19,    21,    23,    25,    28,
    31,   34,    37,    41,    45,    50,    55,    60,    66,    73,    80,    88,    97,    107,   118,
    130,  143,   157,   173,   190,   209,   230,   253,   279,   307,   337,   371,   408,   449,   494,
    544,  598,   658,   724,   796,   876,   963,   1060,  1166,  1282,  1411,  1552,  1707,  1878,  2066,
    2272, 2499,  2749,  3024,  3327,  3660,  4026,  4428,  4871,  5358,  5894,  6484,  7132,  7845,  8630,
    9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
};

/* By the code without its sign. */
static const int8_t adaptation[SIGN] = {-1, -1, -1, -1, 2, 4, 6, 8};

uint8_t fw_ima_adpcm_encode(fw_ima_adpcm_t *state, int16_t sample) {
  uint32_t step = steps[state->index];
  const int32_t difference = sample - state->predictor;
  uint32_t left = (uint32_t)(difference < 0 ? -difference : difference);
  uint32_t change = step >> 3;
  uint32_t code = 0;
  int32_t predictor;
  int32_t index;
  for (uint32_t bit = 4; bit != 0u; bit >>= 1) {
    if (left >= step) {
      code |= bit;
      left -= step;
      change += step;
    }
    step >>= 1;
  }
  predictor = difference < 0 ? state->predictor - (int32_t)change : state->predictor + (int32_t)change;
  if (predictor > INT16_MAX) predictor = INT16_MAX;
  if (predictor < INT16_MIN) predictor = INT16_MIN;
  state->predictor = predictor;
  index = (int32_t)state->index + adaptation[code];
  if (index < 0) index = 0;
  if (index > STEPS - 1) index = STEPS - 1;
  state->index = (uint32_t)index;
  return (uint8_t)(difference < 0 ? code | SIGN : code);
}
