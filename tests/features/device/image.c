/* Bare-metal test image: runs front ends over a recording and rows, and prints numbers: a CRC-32 over the elementary
 * functions, then for each front end a CRC-32 over all frames and windows, the instructions of a frame and those of
 * writing one quantised window. Configurations and input come from generated files. */
#include "image.h"

#include <stddef.h>

#include "fw_frontend.h"
#include "fw_math.h"
#include "image_input.h"

extern const fw_frontend_config_t *const image_configs[];
extern const uint32_t image_config_count;

static uint64_t memory[65536 / 8];
static float frame[1024];
static float window[8192];

static void print_number(uint32_t value) {
  char text[12];
  char *at = text + sizeof text;
  *--at = 0;
  *--at = ' ';
  do {
    *--at = (char)('0' + value % 10u);
    value /= 10u;
  } while (value != 0u);
  image_write(at);
}

static uint32_t crc32(uint32_t crc, const void *bytes, uint32_t count) {
  const uint8_t *b = bytes;
  crc = ~crc;
  while (count-- > 0u) {
    crc ^= *b++;
    for (int i = 0; i < 8; i++) crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
  }
  return ~crc;
}

static uint32_t window_crc(const fw_frontend_t *fe, uint32_t crc, uint32_t *instructions) {
  const uint32_t elements = fe->config->window_frames * fe->config->frame_values;
  (void)fw_frontend_write_window(fe, window, FW_FLOAT32, 0.0f, 0);
  crc = crc32(crc, window, elements * 4u);
  const uint32_t begin = image_instructions();
  (void)fw_frontend_write_window(fe, window, FW_INT8, 0.1f, -3);
  *instructions = image_instructions() - begin;
  return crc32(crc, window, elements);
}

static void run(const fw_frontend_config_t *config) {
  fw_frontend_t fe;
  uint32_t crc = 0, frames = 0, instructions = 0, window_instructions = 0;
  if (fw_frontend_init(&fe, config, memory, sizeof memory) != FW_OK) {
    image_write("init failed ");
    return;
  }
  for (uint32_t at = 0; at < IMAGE_SAMPLES;) {
    int ready = 0;
    const uint32_t begin = image_instructions();
    at += fw_frontend_push(&fe, image_samples + at, IMAGE_SAMPLES - at, &ready);
    const uint32_t end = image_instructions();
    if (!ready) continue;
    /* The first one also fills the window. */
    if (frames++ > 0u) instructions += end - begin;
    (void)fw_frontend_read_frame(&fe, frame);
    crc = crc32(crc, frame, config->frame_values * (fw_frontend_dtype(config) == FW_FLOAT32 ? 4u : 2u));
  }
  for (uint32_t row = 0; row != IMAGE_ROWS; row++) {
    int ready = 0;
    if (fw_frontend_push_row(&fe, image_rows[row], IMAGE_CHANNELS, &ready) == FW_OK && ready) {
      crc = window_crc(&fe, crc, &window_instructions);
    }
  }
  if (fw_frontend_frame_count(&fe) == config->window_frames) crc = window_crc(&fe, crc, &window_instructions);
  print_number(crc);
  print_number(frames > 1u ? instructions / (frames - 1u) : 0u);
  print_number(window_instructions);
}

static uint32_t math_crc(void) {
  uint32_t crc = 0;
  union {
    uint32_t bits;
    float value;
  } x, y[3];
  for (x.bits = 1; x.bits < 0x7f800000u; x.bits += IMAGE_MATH_STEP) {
    y[0].value = fw_logf(x.value);
    y[1].value = fw_expf(x.bits & 1u ? -x.value : x.value);
    y[2].value = fw_sqrtf(x.value);
    crc = crc32(crc, y, sizeof y);
  }
  return crc;
}

int main(void) {
  print_number(math_crc());
  for (uint32_t i = 0; i < image_config_count; i++) run(image_configs[i]);
  return 0;
}
