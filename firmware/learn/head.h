/* The arithmetic of a trainable output layer: float32 weights over a standardised int8 embedding.
 *
 *     z[f] = (q[f] - mean[f]) * gain[f]         the embedding, standardised
 *     y[c] = bias[c] + sum_f weights[c][f] z[f] logits (or outputs of a regression)
 *
 * Every sum runs over f in ascending order with one rounding an operation, so the bits are the same on every target.
 * A weight matrix is stored as weights[class][feature], followed by the biases. */
#ifndef FW_HEAD_H
#define FW_HEAD_H

#include <stdint.h>

#include "fw_learner.h"

#ifdef __cplusplus
extern "C" {
#endif

/* z = (q - mean) * gain; all arrays [features]. */
void fw_head_standardise(const int8_t *embedding, const float *mean, const float *gain, float *z, uint32_t features);

/* y = W z + b for `classes` rows; `head` is [classes_stride][features], then [classes_stride] biases. */
void fw_head_forward(const float *head, const float *z, float *y, uint32_t classes, uint32_t classes_stride,
                     uint32_t features);

/* Logits to probabilities, in place: softmax or logistic; squared loss leaves them. */
void fw_head_activate(float *y, uint32_t classes, fw_loss_t loss);

/* One step of gradient descent with momentum:
 *     velocity = momentum * velocity + rate * error[c] * z[f];  weights -= velocity
 * `error` is probability minus target (all three losses). Biases see z = 1. */
void fw_head_descend(float *head, float *velocity, const float *z, const float *error, uint32_t classes,
                     uint32_t classes_stride, uint32_t features, float rate, float momentum);

/* row -= strength * (row - anchor), for one row and its bias: the L2 pull towards an anchor. */
void fw_head_pull(float *row, float *bias, const float *anchor, float anchor_bias, uint32_t features, float strength);

#ifdef __cplusplus
}
#endif

#endif
