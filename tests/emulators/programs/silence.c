/* A microphone that hears nothing (or, with FAINT, noise of one unit), where the platform asks whether samples came;
 * after two seconds the image ends and says how long it took and how much of that it slept. Linked with an app's own
 * main loop, which may also be one without a microphone, and with --wrap=fw_wait_for_interrupt. */
#include "fw_port.h"
#include "port/common/fw_port_parts.h"

enum { BLOCK_MS = 10, BLOCK = 160, END_MS = 2000 };

__attribute__((weak)) void fw_port_audio(const int16_t *samples, uint32_t count);

static uint32_t heard_ms;
static struct {
  uint64_t passed;
  uint64_t slept;
  uint32_t blocks;
  uint32_t sleeps;
} result;

void __real_fw_wait_for_interrupt(void);
void __wrap_fw_wait_for_interrupt(void);

/* Interrupts are masked here: what they do is not counted as sleep. */
void __wrap_fw_wait_for_interrupt(void) {
  const uint64_t from = fw_port_ticks();
  __real_fw_wait_for_interrupt();
  result.slept += fw_port_ticks() - from;
  result.sleeps++;
}

fw_status_t fw_port_audio_start(void) {
  return FW_OK;
}

uint32_t fw_audio_pending(void) {
  static int16_t block[BLOCK];
  const uint32_t now_ms = fw_port_millis();
  if (result.passed == 0u) {
    heard_ms = now_ms;
    result.passed = fw_port_ticks();
  }
  if (now_ms >= END_MS) {
    const int32_t file = fw_port_bulk_open("result.bin", FW_BULK_WRITE);
    result.passed = fw_port_ticks() - result.passed;
    (void)fw_port_bulk_write(file, &result, sizeof result);
    fw_port_bulk_close(file);
    fw_port_exit(0);
  }
  if (!fw_port_audio || now_ms - heard_ms < BLOCK_MS) return 0;
  heard_ms += BLOCK_MS;
  result.blocks++;
#if defined(FAINT)
  static uint32_t random = 1;
  for (uint32_t i = 0; i < BLOCK; i++) {
    random = random * 1664525u + 1013904223u;
    block[i] = (int16_t)(random >> 31);
  }
#endif
  fw_port_audio(block, BLOCK);
  return 1;
}
