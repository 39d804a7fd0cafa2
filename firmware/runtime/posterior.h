/* From a model's output tensor to posteriors: one probability a class in Q15 (32768 is 1).
 *
 * Everything behind this is integer arithmetic, so detections are the same on every target. */
#ifndef FW_RUNTIME_POSTERIOR_H
#define FW_RUNTIME_POSTERIOR_H

#include <stdint.h>

#include "fw_model.h"
#include "fw_status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FW_Q15_ONE 32768u

/* What the model's last layer gives. */
typedef enum {
  FW_POSTERIOR_PROBABILITY =
      0,                    /* probabilities, from a softmax or logistic layer: taken as they are, clamped to 0 … 1 */
  FW_POSTERIOR_SOFTMAX = 1, /* logits of classes that exclude each other */
  FW_POSTERIOR_LOGISTIC = 2,       /* logits of independent classes */
  FW_POSTERIOR_RECONSTRUCTION = 3, /* an autoencoder's copy of its input: see fw_reconstruction_posteriors() */
  FW_POSTERIOR_VALUES = 4          /* no classes at all: a regression's values, shown as they are */
} fw_posterior_t;

/* Element `index` of a tensor as a real number, 0 if it is not finite. The data type is one of FW_INT8, FW_UINT8,
 * FW_INT16, FW_FLOAT32. */
float fw_tensor_value(const void *values, const fw_tensor_info_t *tensor, uint32_t index);

/* Elements of a tensor of one of these data types; 0 for any other. */
uint32_t fw_tensor_elements(const fw_tensor_info_t *tensor);

/* A probability in Q15, clamped to 0 … 1; 0 for NaN. */
uint16_t fw_posterior_q15(float probability);

/* How far an autoencoder's copy may be from its input. */
typedef struct {
  float half_error;       /* the error that is as likely an anomaly as not */
  const float *whitening; /* [elements][elements], row by row; null: differences are taken as they are */
} fw_anomaly_t;

/* Two posteriors, normal and anomaly, from the error e between an autoencoder's input and output: the mean square of
 * the differences, or of whitening * differences, which weighs those little that are large in normal inputs too. The
 * anomaly's is e / (e + half_error). `residual` is working space, [elements]. FW_E_ARGUMENT: tensors of different
 * sizes, or half_error not positive. */
fw_status_t fw_reconstruction_posteriors(const void *input, const fw_tensor_info_t *input_tensor, const void *output,
                                         const fw_tensor_info_t *output_tensor, const fw_anomaly_t *anomaly,
                                         float *residual, uint16_t *posteriors_q15);

/* Writes `class_count` posteriors. The tensor (FW_INT8, FW_UINT8, FW_INT16 or FW_FLOAT32) has one element a
 * class; a single element p stands for one class or for two, 1 - p and p. Values that are not finite count as 0.
 * FW_E_ARGUMENT: another data type, element count or kind, or the softmax of a single element. */
fw_status_t fw_posteriors(const void *output, const fw_tensor_info_t *tensor, fw_posterior_t kind,
                          uint16_t *posteriors_q15, uint32_t class_count);

#ifdef __cplusplus
}
#endif

#endif
