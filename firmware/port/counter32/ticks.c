/* fw_port_ticks() from the 32-bit counter. The upper half is kept here: it stays right as long as calls are
 * less than one turn of the counter apart (minutes; fw_port.h measures shorter things). */
#include "port/common/fw_port_parts.h"

const uint32_t fw_port_instructions_per_tick_q8 = 256u * FW_INSTRUCTIONS_PER_TICK;
const uint32_t fw_port_ticks_per_second = FW_CLOCK_HZ;

uint64_t fw_port_ticks(void) {
  static uint32_t turns, before;
  const uint32_t mask = fw_irq_save();
  const uint32_t now = fw_clock_now();
  if (now < before) turns++;
  before = now;
  const uint64_t ticks = ((uint64_t)turns << 32) | now;
  fw_irq_restore(mask);
  return ticks;
}
