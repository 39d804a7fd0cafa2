/* Time on an Xtensa core: its count of cycles, which QEMU derives from executed instructions under -icount. */
#include "port/common/fw_port_parts.h"

const uint32_t fw_port_instructions_per_tick_q8 = 256u * FW_INSTRUCTIONS_PER_TICK;
const uint32_t fw_port_ticks_per_second = FW_CLOCK_HZ;

uint32_t fw_clock_now(void) {
  uint32_t now;
  __asm__ volatile("rsr %0, ccount" : "=r"(now));
  return now;
}

uint64_t fw_port_ticks(void) {
  static uint32_t turns, before;
  const uint32_t now = fw_clock_now();
  if (now < before) turns++;
  before = now;
  return (uint64_t)turns << 32 | now;
}
