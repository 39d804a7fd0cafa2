#include "runtime/capture.h"

uint32_t fw_capture_block_samples(const fw_capture_memory_t *memory) {
  if (memory->encoding == FW_CAPTURE_PCM) return memory->block_bytes / 2u;
  return 1u + 2u * (memory->block_bytes - FW_CAPTURE_ADPCM_HEADER_BYTES);
}

void fw_capture_start(fw_capture_t *capture, const fw_capture_memory_t *memory) {
  const fw_capture_t none = {0};
  *capture = none;
  capture->memory = memory;
  capture->running = 1;
}

void fw_capture_stop(fw_capture_t *capture) {
  capture->running = 0;
}

static uint8_t *block_at(const fw_capture_t *capture, uint32_t number) {
  return capture->memory->blocks + number % capture->memory->block_count * capture->memory->block_bytes;
}

static void write_i16(uint8_t *bytes, int16_t value) {
  bytes[0] = (uint8_t)((uint16_t)value & 0xFFu);
  bytes[1] = (uint8_t)((uint16_t)value >> 8);
}

static void put_adpcm(fw_capture_t *capture, uint8_t *block, int16_t sample) {
  const uint32_t code_number = capture->samples - 1u;
  uint8_t *const codes = block + FW_CAPTURE_ADPCM_HEADER_BYTES;
  if (capture->samples == 0u) {
    write_i16(block, sample);
    block[2] = (uint8_t)capture->coder.index;
    block[3] = 0;
    capture->coder.predictor = sample;
  } else if (code_number % 2u == 0u) {
    codes[code_number / 2u] = fw_ima_adpcm_encode(&capture->coder, sample);
  } else {
    codes[code_number / 2u] |= (uint8_t)(fw_ima_adpcm_encode(&capture->coder, sample) << 4);
  }
}

void fw_capture_push(fw_capture_t *capture, const int16_t *samples, uint32_t count) {
  if (capture->running == 0u) return;
  for (uint32_t i = 0; i < count; i++) {
    uint8_t *const block = block_at(capture, capture->complete);
    if (capture->memory->encoding == FW_CAPTURE_PCM) {
      write_i16(block + 2u * capture->samples, samples[i]);
    } else {
      put_adpcm(capture, block, samples[i]);
    }
    if (++capture->samples < fw_capture_block_samples(capture->memory)) continue;
    capture->samples = 0;
    capture->complete++;
  }
}

uint32_t fw_capture_oldest(const fw_capture_t *capture) {
  const uint32_t kept = capture->memory == 0 ? 0u : capture->memory->block_count - 1u;
  return capture->complete > kept ? capture->complete - kept : 0u;
}

const uint8_t *fw_capture_block(const fw_capture_t *capture, uint32_t number) {
  return block_at(capture, number);
}
