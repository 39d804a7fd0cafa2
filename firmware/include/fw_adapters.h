/* Adapters: learning reaches one layer behind the head. Each channel of the backbone's last layer gets a scale and a
 * bias, learned in float with the head and folded into that layer's integer tables, so that inference stays int8 and
 * costs nothing more. docs/learning.md has the arithmetic.
 *
 * The generated model keeps the tables of that layer in its state. Before an inference, when the parameters changed:
 *
 *     fw_model_reset(state);
 *     fw_adapters_fold(&config.adapters, fw_adapters_parameters(&learner), &tables);
 *
 * and after it, before anything is learned:
 *
 *     fw_adapters_row(&learner, embedding, map, row);
 *     fw_learner_teach(&learner, row, label);
 *
 * Only in builds with FW_ADAPTERS. */
#ifndef FW_ADAPTERS_H
#define FW_ADAPTERS_H

#include "fw_learner.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Tables of the adapted layer, [channels] each, in the state of the model. */
typedef struct {
  int32_t *bias;
  int32_t *multiplier;
  int8_t *shift;
} fw_adapter_tables_t;

/* A row from an embedding of the backbone whose tables hold the present parameters: [features] the embedding that the
 * factory's tables would have given, then the active share of each feature in four bits. `map` is the layer's output,
 * [positions][channels]; it is not looked at where the configuration has no positions, and may then be NULL. */
void fw_adapters_row(const fw_learner_t *learner, const int8_t *embedding, const int8_t *map, int8_t *row);

/* The present parameters: [channels] scales and [channels] biases, in the units of the configuration, 0 at the factory.
 */
const float *fw_adapters_parameters(const fw_learner_t *learner);

/* Folds parameters into the factory's tables. */
void fw_adapters_fold(const fw_adapter_config_t *config, const float *parameters, const fw_adapter_tables_t *tables);

#ifdef __cplusplus
}
#endif

#endif
