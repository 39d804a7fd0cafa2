#include "learn/recursive.h"

#include <string.h>

#include "fw_float.h"

#if defined(FW_RECURSIVE)

/* Of the diagonal: where it starts, and where forgetting stops, so that silence in a feature does not make it grow. */
static const float START = 1.0f;
static const float LARGEST = 100.0f;

/* The lower triangle of the matrix, row after row; then the step of a lesson, [features + 1], and its spread. */
static uint32_t triangle(uint32_t row) {
  return row * (row + 1u) / 2u;
}

float *fw_recursive_matrix(const fw_learner_t *l) {
  return l->target + FW_LEARNER_VALUES_BYTES(l->config.classes_most, l->config.guard_samples) / sizeof(float);
}

void fw_recursive_reset(fw_learner_t *l) {
  float *const matrix = fw_recursive_matrix(l);
  const uint32_t size = l->config.features + 1u;
  memset(matrix, 0, sizeof(float) * triangle(size));
  for (uint32_t i = 0; i < size; ++i) matrix[triangle(i) + i] = START;
}

void fw_recursive_update(fw_learner_t *l) {
  const uint32_t features = l->config.features;
  const uint32_t size = features + 1u; /* the bias sees 1 */
  float *const matrix = fw_recursive_matrix(l);
  float *const gain = matrix + triangle(size);
  float spread = l->config.forgetting;
  for (uint32_t i = 0; i < size; ++i) {
    float sum = 0.0f;
    for (uint32_t j = 0; j < size; ++j) {
      const float entry = j <= i ? matrix[triangle(i) + j] : matrix[triangle(j) + i];
      sum += entry * (j < features ? l->z[j] : 1.0f);
    }
    gain[i] = sum;
    spread += sum * (i < features ? l->z[i] : 1.0f);
  }
  gain[size] = spread;
  /* Rounding must not turn it into something that is no covariance. */
  if (!(spread >= 0.5f * l->config.forgetting && spread < 1e9f)) {
    fw_recursive_reset(l);
    gain[size] = 0.0f;
    return;
  }
  const float share = 1.0f / spread;
  float *const bias = l->head + (uint32_t)l->config.classes_most * features;
  for (uint32_t c = 0; c < l->classes; ++c) {
    const float step = l->y[c] * share;
    for (uint32_t f = 0; f < features; ++f) l->head[c * features + f] -= step * gain[f];
    bias[c] -= step * gain[features];
  }
}

/* matrix = (matrix - step step' / spread) * grow */
static void downdate(float *matrix, uint32_t size, const float *step, float spread, float grow) {
  const float share = 1.0f / spread;
  for (uint32_t i = 0; i < size; ++i) {
    float *const row = matrix + triangle(i);
    const float scaled = step[i] * share;
    for (uint32_t j = 0; j <= i; ++j) row[j] = (row[j] - scaled * step[j]) * grow;
  }
}

void fw_recursive_keep(fw_learner_t *l) {
  const uint32_t size = l->config.features + 1u;
  const float forgetting = l->config.forgetting;
  float *const matrix = fw_recursive_matrix(l);
  float *const step = matrix + triangle(size);
  float largest = 0.0f;
  if (step[size] == 0.0f) return; /* it began anew */
  for (uint32_t i = 0; i < size; ++i) {
    const float diagonal = matrix[triangle(i) + i];
    if (diagonal > largest) largest = diagonal;
  }
  downdate(matrix, size, step, step[size], largest < LARGEST ? 1.0f / forgetting : 1.0f);
  /* What is forgotten gives way to what was known at the start, that no weight is far from where it is: one weight
   * after the other, as if it had been observed. Else the matrix would grow without end where the embeddings say
   * nothing. */
  const float observed = (1.0f - forgetting) * (float)size / START;
  if (!(observed > 0.0f)) return;
  const uint32_t weight = l->updates % size;
  for (uint32_t i = 0; i < size; ++i)
    step[i] = i <= weight ? matrix[triangle(weight) + i] : matrix[triangle(i) + weight];
  downdate(matrix, size, step, step[weight] + 1.0f / observed, 1.0f);
}

#endif
