#include "runtime/debounce.h"

void fw_debounce_init(fw_debounce_t *switches, uint32_t level) {
  switches->held = level;
  switches->level = level;
  switches->since_ms = 0;
}

uint32_t fw_debounce(fw_debounce_t *switches, uint32_t level, uint32_t now_ms) {
  if (level != switches->level) {
    switches->level = level;
    switches->since_ms = now_ms;
    return 0;
  }
  if (level == switches->held || now_ms - switches->since_ms < FW_DEBOUNCE_MS) return 0;
  const uint32_t pressed = level & ~switches->held;
  switches->held = level;
  return pressed;
}
