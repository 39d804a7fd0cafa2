#include "link/cobs.h"

int32_t fw_cobs_decode(uint8_t *bytes, uint32_t count) {
  uint32_t in = 0;
  uint32_t out = 0;
  while (in < count) {
    const uint32_t code = bytes[in++];
    if (code == 0u || code - 1u > count - in) return -1;
    for (uint32_t i = 1; i < code; i++) {
      if (bytes[in] == 0u) return -1;
      bytes[out++] = bytes[in++];
    }
    if (code < 255u && in < count) bytes[out++] = 0u;
  }
  return count == 0u ? -1 : (int32_t)out;
}

static void append(fw_cobs_encoder_t *encoder, uint8_t byte) {
  if (encoder->count < encoder->size) {
    encoder->out[encoder->count++] = byte;
  } else {
    encoder->overflow = 1;
  }
}

static void open_block(fw_cobs_encoder_t *encoder) {
  encoder->code_index = encoder->count;
  encoder->code = 1;
  append(encoder, 0);
}

static void close_block(fw_cobs_encoder_t *encoder) {
  if (encoder->code_index < encoder->size) encoder->out[encoder->code_index] = encoder->code;
}

void fw_cobs_begin(fw_cobs_encoder_t *encoder, uint8_t *out, uint32_t size) {
  encoder->out = out;
  encoder->size = size;
  encoder->count = 0;
  encoder->overflow = 0;
  open_block(encoder);
}

void fw_cobs_put(fw_cobs_encoder_t *encoder, const void *bytes, uint32_t count) {
  const uint8_t *next = (const uint8_t *)bytes;
  for (uint32_t i = 0; i < count; i++) {
    /* A full block is closed only when something follows: 254 bytes at the end need no second code byte. */
    if (encoder->code == 255u) {
      close_block(encoder);
      open_block(encoder);
    }
    if (next[i] == 0u) {
      close_block(encoder);
      open_block(encoder);
    } else {
      append(encoder, next[i]);
      encoder->code++;
    }
  }
}

uint32_t fw_cobs_end(fw_cobs_encoder_t *encoder) {
  close_block(encoder);
  return encoder->overflow != 0u ? 0u : encoder->count;
}
