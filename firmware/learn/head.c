#include "learn/head.h"

#include "fw_float.h"
#include "fw_math.h"
#include "learn/learner.h"

void fw_head_standardise(const int8_t *embedding, const float *mean, const float *gain, float *z, uint32_t features) {
  for (uint32_t f = 0; f < features; ++f) z[f] = ((float)embedding[f] - mean[f]) * gain[f];
}

/* Four rows at a time: each z is loaded once for four products. The order of every sum stays the same. */
enum { ROWS = 4 };

static void forward_rows(const float *w, const float *z, const float *bias, float *y, uint32_t features) {
  const float *w1 = w + features;
  const float *w2 = w1 + features;
  const float *w3 = w2 + features;
  float y0 = bias[0];
  float y1 = bias[1];
  float y2 = bias[2];
  float y3 = bias[3];
  for (uint32_t f = 0; f < features; ++f) {
    const float x = z[f];
    y0 += w[f] * x;
    y1 += w1[f] * x;
    y2 += w2[f] * x;
    y3 += w3[f] * x;
  }
  y[0] = y0;
  y[1] = y1;
  y[2] = y2;
  y[3] = y3;
}

void fw_head_forward(const float *head, const float *z, float *y, uint32_t classes, uint32_t classes_stride,
                     uint32_t features) {
  const float *bias = head + classes_stride * features;
  uint32_t c = 0;
  for (; c + ROWS <= classes; c += ROWS) forward_rows(head + c * features, z, bias + c, y + c, features);
  for (; c < classes; ++c) {
    const float *w = head + c * features;
    float sum = bias[c];
    for (uint32_t f = 0; f < features; ++f) sum += w[f] * z[f];
    y[c] = sum;
  }
}

FW_COLD void fw_head_activate(float *y, uint32_t classes, fw_loss_t loss) {
  if (loss == FW_LOSS_LOGISTIC) {
    for (uint32_t c = 0; c < classes; ++c) y[c] = 1.0f / (1.0f + fw_expf(-y[c]));
  } else if (loss == FW_LOSS_SOFTMAX) {
    float largest = y[0];
    for (uint32_t c = 1; c < classes; ++c) largest = y[c] > largest ? y[c] : largest;
    float sum = 0.0f;
    for (uint32_t c = 0; c < classes; ++c) {
      y[c] = fw_expf(y[c] - largest);
      sum += y[c];
    }
    const float scale = 1.0f / sum;
    for (uint32_t c = 0; c < classes; ++c) y[c] *= scale;
  }
}

/* Four features at a time: a loop's own instructions are a fifth of one weight's. */
static void descend_row(float *w, float *v, const float *z, uint32_t features, float step, float momentum) {
  uint32_t f = 0;
  for (; f + 4 <= features; f += 4) {
    const float v0 = momentum * v[f] + step * z[f];
    const float v1 = momentum * v[f + 1] + step * z[f + 1];
    const float v2 = momentum * v[f + 2] + step * z[f + 2];
    const float v3 = momentum * v[f + 3] + step * z[f + 3];
    v[f] = v0;
    v[f + 1] = v1;
    v[f + 2] = v2;
    v[f + 3] = v3;
    w[f] -= v0;
    w[f + 1] -= v1;
    w[f + 2] -= v2;
    w[f + 3] -= v3;
  }
  for (; f < features; ++f) {
    v[f] = momentum * v[f] + step * z[f];
    w[f] -= v[f];
  }
}

void fw_head_descend(float *head, float *velocity, const float *z, const float *error, uint32_t classes,
                     uint32_t classes_stride, uint32_t features, float rate, float momentum) {
  float *bias = head + classes_stride * features;
  float *bias_velocity = velocity + classes_stride * features;
  for (uint32_t c = 0; c < classes; ++c) {
    const float step = rate * error[c];
    descend_row(head + c * features, velocity + c * features, z, features, step, momentum);
    bias_velocity[c] = momentum * bias_velocity[c] + step;
    bias[c] -= bias_velocity[c];
  }
}

FW_COLD void fw_head_pull(float *w, float *bias, const float *anchor, float anchor_bias, uint32_t features,
                          float strength) {
  for (uint32_t f = 0; f < features; ++f) w[f] -= strength * (w[f] - anchor[f]);
  *bias -= strength * (*bias - anchor_bias);
}
