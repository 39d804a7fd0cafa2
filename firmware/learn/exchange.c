#include "learn/exchange.h"

#include <stdbool.h>
#include <string.h>

#include "fw_float.h"

enum { SELECT_ALL = 0, SELECT_BITMAP = 1, SELECT_GAPS = 2, GAP = 255 };
static const uint32_t MAGNITUDE = 0x7FFFFFFFu;
static const uint32_t INFINITE = 0x7F800000u;

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* To the nearest half, ties to even; beyond the largest one: the largest one. */
static uint16_t half_of(float value) {
  const uint32_t bits = bits_of(value);
  const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
  const uint32_t magnitude = bits & MAGNITUDE;
  if (magnitude >= 0x477FE000u) return sign | 0x7BFFu; /* 65504 */
  if (magnitude < 0x33000000u) return sign;            /* below half of the smallest */
  uint32_t mantissa = magnitude;                       /* with the exponent, for normal halves */
  uint32_t shift = 13;
  uint32_t offset = 112u << 10;
  if (magnitude < 0x38800000u) { /* subnormal halves */
    mantissa = (magnitude & 0x7FFFFFu) | 0x800000u;
    shift = 126u - (magnitude >> 23);
    offset = 0;
  }
  const uint32_t kept = mantissa >> shift;
  const uint32_t rest = mantissa & ((1u << shift) - 1u);
  const uint32_t middle = 1u << (shift - 1u);
  const uint32_t up = rest > middle || (rest == middle && (kept & 1u));
  return (uint16_t)(sign | (kept + up - offset));
}

static float float_of_half(uint16_t half) {
  const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
  const uint32_t magnitude = half & 0x7FFFu;
  if (magnitude >= 0x7C00u) return float_of(sign | INFINITE | (magnitude & 0x3FFu) << 13);
  if (magnitude >= 0x400u) return float_of(sign | ((magnitude << 13) + (112u << 23)));
  const float value = (float)magnitude * float_of(0x33800000u); /* 2 to the power of -24: exact */
  return sign ? -value : value;
}

/* Steps through the parameters that a vector has values for. */
typedef struct {
  const uint8_t *at; /* in the selection */
  uint32_t next;
  uint8_t selection;
} walk_t;

static uint32_t walk(walk_t *w) {
  if (w->selection == SELECT_BITMAP) {
    while (!((uint32_t)w->at[w->next / 8] >> (w->next % 8) & 1u)) ++w->next;
  } else if (w->selection == SELECT_GAPS) {
    for (; *w->at == GAP; ++w->at) w->next += GAP;
    w->next += *w->at++;
  }
  return w->next++;
}

/* Steps through the values of a vector. */
typedef struct {
  const uint8_t *at;
  uint32_t index;
  float scale;
  uint8_t encoding;
} values_t;

static float next_value(values_t *v) {
  float value;
  uint16_t half;
  switch (v->encoding) {
    case FW_EXCHANGE_FLOAT32:
      memcpy(&value, v->at, sizeof value);
      v->at += sizeof value;
      return value;
    case FW_EXCHANGE_FLOAT16:
      memcpy(&half, v->at, sizeof half);
      v->at += sizeof half;
      return float_of_half(half);
    default:
      if (v->index++ % FW_EXCHANGE_BLOCK == 0) {
        memcpy(&v->scale, v->at, sizeof v->scale);
        v->at += sizeof v->scale;
      }
      return (float)(int8_t)*v->at++ * v->scale;
  }
}

static uint32_t value_bytes(uint8_t encoding, uint32_t kept) {
  if (encoding == FW_EXCHANGE_INT8) return kept + 4u * ((kept + FW_EXCHANGE_BLOCK - 1u) / FW_EXCHANGE_BLOCK);
  return kept * (encoding == FW_EXCHANGE_FLOAT16 ? 2u : 4u);
}

/* Bytes of a selection, or more than `bytes` if it does not fit the header. */
static uint32_t selection_bytes(const uint8_t *at, uint32_t bytes, uint8_t selection, uint32_t count, uint32_t kept) {
  if (selection == SELECT_ALL) return kept == count ? 0 : bytes + 1u;
  if (selection == SELECT_BITMAP) {
    const uint32_t size = (count + 7u) / 8u;
    uint32_t found = 0;
    for (uint32_t i = 0; size <= bytes && i < 8u * size; ++i) {
      const bool is_set = (uint32_t)at[i / 8] >> (i % 8) & 1u;
      if (is_set && i >= count) return bytes + 1u;
      found += is_set;
    }
    return found == kept ? size : bytes + 1u;
  }
  if (selection != SELECT_GAPS) return bytes + 1u;
  uint32_t places = 0;
  uint32_t place = 0;
  uint32_t i = 0;
  for (; places < kept && i < bytes && place < count; ++i) {
    place += at[i];
    if (at[i] == GAP) continue;
    if (place >= count) return bytes + 1u;
    ++places;
    ++place;
  }
  return places == kept ? i : bytes + 1u;
}

static void header_of(const uint8_t *vector, uint32_t *count, uint32_t *kept) {
  memcpy(count, vector + 4, 4);
  memcpy(kept, vector + 8, 4);
}

fw_status_t fw_exchange_check(const uint8_t *vector, uint32_t bytes, uint32_t *count) {
  if (bytes < FW_VECTOR_HEADER) return FW_E_FORMAT;
  uint32_t kept;
  header_of(vector, count, &kept);
  const uint8_t encoding = vector[0];
  const uint8_t selection = vector[1];
  if (encoding > FW_EXCHANGE_INT8 || vector[2] || vector[3] || *count > 1u << 22 || kept > *count) return FW_E_FORMAT;
  const uint8_t *const at = vector + FW_VECTOR_HEADER;
  const uint32_t left = bytes - FW_VECTOR_HEADER;
  const uint32_t selected = selection_bytes(at, left, selection, *count, kept);
  if (selected > left || left - selected != value_bytes(encoding, kept)) return FW_E_FORMAT;
  values_t values = {at + selected, 0, 0.0f, encoding};
  for (uint32_t i = 0; i < kept; ++i) {
    if ((bits_of(next_value(&values)) & MAGNITUDE) >= INFINITE) return FW_E_FORMAT;
  }
  return FW_OK;
}

void fw_exchange_apply(const uint8_t *vector, const float *base, float *head, const fw_shared_t *shared) {
  uint32_t count;
  uint32_t kept;
  header_of(vector, &count, &kept);
  const uint8_t *const at = vector + FW_VECTOR_HEADER;
  const uint32_t selected = selection_bytes(at, UINT32_MAX - 1u, vector[1], count, kept);
  walk_t w = {at, 0, vector[1]};
  values_t values = {at + selected, 0, 0.0f, vector[0]};
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t p = fw_shared_index(shared, i);
    head[p] = base[p];
  }
  for (uint32_t i = 0; i < kept; ++i) {
    const uint32_t p = fw_shared_index(shared, walk(&w));
    head[p] = base[p] + next_value(&values);
  }
}

/* The smallest magnitude, as bits, among the `kept` largest; `*equal` of those with it are among them. Bit by bit: no
 * memory is needed to sort in. */
static uint32_t threshold_of(const float *change, const fw_shared_t *shared, uint32_t kept, uint32_t *equal) {
  uint32_t threshold = 0;
  for (uint32_t bit = 1u << 30; bit; bit >>= 1) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < shared->count; ++i) {
      found += (bits_of(change[fw_shared_index(shared, i)]) & MAGNITUDE) >= (threshold | bit);
    }
    if (found >= kept) threshold |= bit;
  }
  uint32_t above = 0;
  for (uint32_t i = 0; i < shared->count; ++i) {
    above += (bits_of(change[fw_shared_index(shared, i)]) & MAGNITUDE) > threshold;
  }
  *equal = kept - above;
  return threshold;
}

static uint32_t kept_count(uint32_t count, float share) {
  const float product = share * (float)count;
  uint32_t kept = product >= (float)count ? count : (uint32_t)product;
  if ((float)kept < product && kept < count) ++kept;
  return kept == 0 && count ? 1u : kept;
}

/* The parameters to send, one after the other: those above the threshold, and the first `equal` that are at it. */
typedef struct {
  const float *change;
  const fw_shared_t *shared;
  uint32_t threshold;
  uint32_t equal;
  uint32_t next;
} chosen_t;

/* The caller asks no more often than there are any. */
static uint32_t next_chosen(chosen_t *c) {
  for (;; ++c->next) {
    const uint32_t bits = bits_of(c->change[fw_shared_index(c->shared, c->next)]) & MAGNITUDE;
    if (bits > c->threshold) break;
    if (bits == c->threshold && c->equal) {
      --c->equal;
      break;
    }
  }
  return c->next++;
}

/* Writes what is sent of up to a block of values, and takes it off the change. */
static uint8_t *write_block(float *change, const fw_shared_t *shared, fw_exchange_encoding_t encoding, chosen_t *chosen,
                            uint32_t kept, uint8_t *at) {
  uint32_t places[FW_EXCHANGE_BLOCK];
  float largest = 0.0f;
  for (uint32_t i = 0; i < kept; ++i) {
    places[i] = fw_shared_index(shared, next_chosen(chosen));
    const float magnitude = float_of(bits_of(change[places[i]]) & MAGNITUDE);
    if (magnitude > largest) largest = magnitude;
  }
  const float scale = largest / 127.0f;
  const float inverse = scale > 1e-30f ? 1.0f / scale : 0.0f;
  if (encoding == FW_EXCHANGE_INT8) {
    memcpy(at, &scale, sizeof scale);
    at += sizeof scale;
  }
  for (uint32_t i = 0; i < kept; ++i) {
    float *const value = &change[places[i]];
    float sent = *value;
    if (encoding == FW_EXCHANGE_FLOAT32) {
      memcpy(at, &sent, 4);
      at += 4;
    } else if (encoding == FW_EXCHANGE_FLOAT16) {
      const uint16_t half = half_of(*value);
      memcpy(at, &half, 2);
      at += 2;
      sent = float_of_half(half);
    } else {
      const float rounded = *value * inverse + (bits_of(*value) >> 31 ? -0.5f : 0.5f);
      const float clamped = rounded > 127.0f ? 127.0f : (rounded < -127.0f ? -127.0f : rounded);
      const int8_t step = (int8_t)clamped;
      *at++ = (uint8_t)step;
      sent = (float)step * scale;
    }
    *value -= sent;
  }
  return at;
}

/* Marks or counts the gaps of a selection; returns the bytes that gaps take. `at` NULL: only counts. */
static uint32_t write_gaps(chosen_t chosen, uint32_t kept, uint8_t *at) {
  uint32_t bytes = 0;
  uint32_t before = 0;
  for (uint32_t i = 0; i < kept; ++i) {
    const uint32_t place = next_chosen(&chosen);
    uint32_t gap = place - before;
    for (; gap >= GAP; gap -= GAP, ++bytes) {
      if (at) at[bytes] = GAP;
    }
    if (at) at[bytes] = (uint8_t)gap;
    ++bytes;
    before = place + 1u;
  }
  return bytes;
}

uint32_t fw_exchange_encode(float *change, const fw_shared_t *shared, fw_exchange_encoding_t encoding, float share,
                            uint8_t *vector) {
  const uint32_t count = shared->count;
  const uint32_t kept = kept_count(count, share);
  chosen_t chosen = {change, shared, 0, count, 0};
  if (kept < count) chosen.threshold = threshold_of(change, shared, kept, &chosen.equal);
  uint8_t *at = vector + FW_VECTOR_HEADER;
  uint8_t selection = SELECT_ALL;
  if (kept < count) {
    const uint32_t bitmap = (count + 7u) / 8u;
    const uint32_t gaps = write_gaps(chosen, kept, 0);
    selection = gaps < bitmap ? SELECT_GAPS : SELECT_BITMAP;
    if (selection == SELECT_GAPS) {
      at += write_gaps(chosen, kept, at);
    } else {
      memset(at, 0, bitmap);
      chosen_t marked = chosen;
      for (uint32_t i = 0; i < kept; ++i) {
        const uint32_t place = next_chosen(&marked);
        at[place / 8] = (uint8_t)(at[place / 8] | 1u << (place % 8));
      }
      at += bitmap;
    }
  }
  const uint8_t head[4] = {(uint8_t)encoding, selection, 0, 0};
  memcpy(vector, head, 4);
  memcpy(vector + 4, &count, 4);
  memcpy(vector + 8, &kept, 4);
  for (uint32_t done = 0; done < kept; done += FW_EXCHANGE_BLOCK) {
    const uint32_t size = kept - done < FW_EXCHANGE_BLOCK ? kept - done : (uint32_t)FW_EXCHANGE_BLOCK;
    at = write_block(change, shared, encoding, &chosen, size, at);
  }
  return (uint32_t)(at - vector);
}
