/* The millisecond wake-up from the machine timer. */
#include "port/common/fw_port_parts.h"
#include "port/riscv_virt/fw_virt.h"

static void arm(void) {
  const uint32_t low = FW_MTIME_LOW;
  const uint32_t high = FW_MTIME_HIGH;
  const uint32_t next = low + FW_CLOCK_TICKS_PER_MS;
  FW_MTIMECMP_HIGH = UINT32_MAX; /* no comparison may come true half-written */
  FW_MTIMECMP_LOW = next;
  FW_MTIMECMP_HIGH = high + (next < low ? 1u : 0u);
}

void fw_tick_start(void) {
  arm();
  fw_interrupts_enable(FW_MIE_TIMER);
}

void fw_tick_isr(void) {
  arm();
  fw_millis_update();
}
