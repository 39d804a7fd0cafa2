#include "learn/adapters.h"

#include <string.h>

#include "fw_float.h"

#if defined(FW_ADAPTERS)

static const float SMALLEST_SCALE = 0.5f;
static const float LARGEST_SCALE = 2.0f;
static const float LARGEST_BIAS = 1.0f; /* in bias units: farther out the stored shares say nothing */

static bool within(float value, float least, float most) {
  return value >= least && value <= most; /* false for NaN */
}

bool fw_adapters_are_sound(const fw_adapter_config_t *c, uint32_t features) {
  if (c->channels == 0) return true;
  return features % c->channels == 0 && (c->positions == 0 || features == c->channels) && c->zero_point >= -128 &&
         c->zero_point <= 127 && c->floor >= -128 && c->floor <= 127 && within(c->rate, 0.0f, 10.0f) &&
         within(c->scale_unit, 0.001f, 1.0f) && within(c->bias_unit, 0.01f, 64.0f) && within(c->ratio, 1e-3f, 1e3f);
}

/* Parameters lie behind the head, like their velocities and their copy. */
static float *parameters_of(const fw_learner_t *l, float *head) {
  return head + FW_LEARNER_HEAD_FLOATS(l->config.features, l->config.classes_most);
}

const float *fw_adapters_parameters(const fw_learner_t *l) {
  return parameters_of(l, l->head);
}

static float scale_of(const fw_adapter_config_t *c, const float *parameters, uint32_t channel) {
  return 1.0f + c->scale_unit * parameters[channel];
}

static float bias_of(const fw_adapter_config_t *c, const float *parameters, uint32_t channel) {
  return c->bias_unit * parameters[c->channels + channel];
}

/* Shares are kept in four bits each, as levels whose square counts: most features are active in few pixels. */
enum { LEVEL_MOST = 15 };

static float active_share(const fw_learner_t *l, const int8_t *row, uint32_t f) {
  const uint32_t pair = (uint8_t)row[l->config.features + f / 2u];
  const uint32_t level = f % 2u ? pair >> 4 : pair & 15u;
  return (float)(level * level) * (1.0f / (LEVEL_MOST * LEVEL_MOST));
}

/* The nearest level of `active` pixels out of `all`. */
static uint32_t level_of(uint32_t active, uint32_t all) {
  uint32_t level = 0;
  while (level < LEVEL_MOST &&
         2u * LEVEL_MOST * LEVEL_MOST * active > (level * level + (level + 1u) * (level + 1u)) * all) {
    ++level;
  }
  return level;
}

void fw_adapters_reset(fw_learner_t *l) {
  memset(parameters_of(l, l->head), 0, sizeof(float) * 2u * l->config.adapters.channels);
}

static float feature_of(const fw_learner_t *l, const float *parameters, const int8_t *row, uint32_t f) {
  const fw_adapter_config_t *const c = &l->config.adapters;
  const uint32_t channel = f % c->channels;
  const float above = scale_of(c, parameters, channel) * (float)(row[f] - c->zero_point);
  return (float)c->zero_point + (above + bias_of(c, parameters, channel) * active_share(l, row, f));
}

float fw_adapters_feature(const fw_learner_t *l, const int8_t *row, uint32_t f) {
  return l->config.adapters.channels ? feature_of(l, parameters_of(l, l->head), row, f) : (float)row[f];
}

void fw_adapters_standardise(fw_learner_t *l, const float *parameters, const int8_t *row) {
  for (uint32_t f = 0; f < l->config.features; ++f) {
    l->z[f] = (feature_of(l, parameters, row, f) - l->mean[f]) * l->gain[f];
  }
}

static float least_scale(const fw_adapter_config_t *c) {
  return (SMALLEST_SCALE - 1.0f) / c->scale_unit;
}

static float largest_scale(const fw_adapter_config_t *c) {
  return (LARGEST_SCALE - 1.0f) / c->scale_unit;
}

bool fw_adapters_are_within(const fw_adapter_config_t *c, const float *parameters) {
  for (uint32_t channel = 0; channel < c->channels; ++channel) {
    if (!within(parameters[channel], least_scale(c), largest_scale(c)) ||
        !within(parameters[c->channels + channel], -LARGEST_BIAS, LARGEST_BIAS)) {
      return false;
    }
  }
  return true;
}

static float confined(float value, float least, float most) {
  return within(value, least, most) ? value : value < least ? least : value > most ? most : 0.0f;
}

void fw_adapters_confine(const fw_adapter_config_t *c, float *parameters) {
  for (uint32_t channel = 0; channel < c->channels; ++channel) {
    float *const bias = parameters + c->channels + channel;
    parameters[channel] = confined(parameters[channel], least_scale(c), largest_scale(c));
    *bias = confined(*bias, -LARGEST_BIAS, LARGEST_BIAS);
  }
}

/* parameter -= velocity, within its limits; what runs against one stops. */
static void step_parameter(float *parameter, float *velocity, float step, float momentum, float pull, float least,
                           float most) {
  *velocity = momentum * *velocity + step;
  float next = *parameter - *velocity;
  next -= pull * next;
  if (!within(next, least, most)) *velocity = 0.0f;
  *parameter = confined(next, least, most);
}

void fw_adapters_descend(fw_learner_t *l, const fw_adapters_training_t *t, const int8_t *row, float rate) {
  const fw_adapter_config_t *const a = &l->config.adapters;
  const uint32_t features = l->config.features;
  const float step = rate * a->rate;
  for (uint32_t channel = 0; channel < a->channels; ++channel) {
    float by_scale = 0.0f;
    float by_bias = 0.0f;
    for (uint32_t f = channel; f < features; f += a->channels) {
      float slope = 0.0f; /* of the loss over the standardised feature */
      for (uint32_t c = 0; c < t->classes; ++c) slope += l->y[c] * t->head[c * features + f];
      slope *= l->gain[f];
      by_scale += slope * (float)(row[f] - a->zero_point);
      by_bias += slope * active_share(l, row, f);
    }
    step_parameter(t->parameters + channel, t->velocity + channel, step * a->scale_unit * by_scale, t->momentum,
                   t->pull, least_scale(a), largest_scale(a));
    step_parameter(t->parameters + a->channels + channel, t->velocity + a->channels + channel,
                   step * a->bias_unit * by_bias, t->momentum, t->pull, -LARGEST_BIAS, LARGEST_BIAS);
  }
}

static int8_t to_int8(float value) {
  if (!(value > -128.0f)) return -128;
  if (value >= 127.0f) return 127;
  return (int8_t)(int32_t)(value < 0.0f ? value - 0.5f : value + 0.5f);
}

void fw_adapters_row(const fw_learner_t *l, const int8_t *embedding, const int8_t *map, int8_t *row) {
  const fw_adapter_config_t *const a = &l->config.adapters;
  const float *const parameters = parameters_of(l, l->head);
  uint8_t *const levels = (uint8_t *)row + l->config.features;
  for (uint32_t f = 0; f < l->config.features; ++f) {
    const uint32_t channel = f % a->channels;
    uint32_t level = embedding[f] > a->floor ? LEVEL_MOST : 0u;
    if (a->positions != 0) {
      uint32_t active = 0;
      for (uint32_t p = 0; p < a->positions; ++p) active += map[p * a->channels + channel] > a->floor;
      level = level_of(active, a->positions);
    }
    levels[f / 2u] = (uint8_t)(f % 2u ? levels[f / 2u] | level << 4 : level);
    const float above =
        (float)(embedding[f] - a->zero_point) - bias_of(a, parameters, channel) * active_share(l, row, f);
    row[f] = to_int8((float)a->zero_point + above / scale_of(a, parameters, channel));
  }
}

/* 2^exponent, for normal floats. */
static float power_of_two(int32_t exponent) {
  const uint32_t bits = (uint32_t)(exponent + 127) << 23;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

enum { FRACTION_BITS = 16, SHIFT_LEAST = -31, SHIFT_MOST = 30 };
static const float LARGEST_SUM = 268435456.0f; /* 2^28: what a bias may add to sums that lowering has left room for */

void fw_adapters_fold(const fw_adapter_config_t *a, const float *parameters, const fw_adapter_tables_t *tables) {
  for (uint32_t channel = 0; channel < a->channels; ++channel) {
    const int32_t multiplier = tables->multiplier[channel];
    const int32_t shift = tables->shift[channel];
    /* A multiplier lies within [2^30, 2^31); a channel without weights may have 0. */
    if (multiplier < (1 << 30) || shift <= SHIFT_LEAST || shift >= SHIFT_MOST) continue;
    const float scale = scale_of(a, parameters, channel);
    const int64_t product = (int64_t)multiplier * (int32_t)(scale * (float)(1 << FRACTION_BITS) + 0.5f);
    int32_t right = FRACTION_BITS;
    if (product >= (int64_t)1 << (31 + FRACTION_BITS)) ++right;
    if (product < (int64_t)1 << (30 + FRACTION_BITS)) --right;
    int64_t made = (product + ((int64_t)1 << (right - 1))) >> right;
    int32_t made_shift = shift + right - FRACTION_BITS;
    if (made == (int64_t)1 << 31) {
      made >>= 1;
      ++made_shift;
    }
    if (made_shift > SHIFT_MOST) continue;
    tables->multiplier[channel] = (int32_t)made;
    tables->shift[channel] = (int8_t)made_shift;
    const float real = (float)multiplier * power_of_two(shift - 31); /* output units of one unit of the sum */
    float added = bias_of(a, parameters, channel) / (a->ratio * scale * real);
    if (added > LARGEST_SUM) added = LARGEST_SUM;
    if (added < -LARGEST_SUM) added = -LARGEST_SUM;
    tables->bias[channel] += (int32_t)(added < 0.0f ? added - 0.5f : added + 0.5f);
  }
}

#endif
