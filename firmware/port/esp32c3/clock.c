/* Time on the ESP32-C3: the system timer, 16 MHz. */
#include "port/common/fw_port_parts.h"
#include "port/esp32c3/fw_esp32c3.h"

enum { UPDATE = 1 << 30, VALID = 1 << 29, WAITS_MOST = 100 };

uint32_t fw_clock_now(void) {
  const uint32_t mask = fw_irq_save();
  FW_SYSTIMER_UNIT0_OP = UPDATE;
  for (uint32_t i = 0; i < WAITS_MOST && (FW_SYSTIMER_UNIT0_OP & VALID) == 0u; i++) {
  }
  const uint32_t now = FW_SYSTIMER_UNIT0_LOW;
  fw_irq_restore(mask);
  return now;
}
