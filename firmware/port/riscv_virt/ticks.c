/* Measuring on RISC-V: the counter of retired instructions itself. Without -icount QEMU counts something of
 * the emulating computer instead. */
#include "port/common/fw_port_parts.h"

__asm__(".option arch, +zicsr");

const uint32_t fw_port_instructions_per_tick_q8 = 256u * FW_INSTRUCTIONS_PER_TICK;
/* Retired instructions are nanoseconds under -icount, and no time at all without it. */
const uint32_t fw_port_ticks_per_second = 1000000000u;

uint64_t fw_port_ticks(void) {
  uint32_t high, low, again;
  do {
    __asm__ volatile("csrr %0, minstreth\n\tcsrr %1, minstret\n\tcsrr %2, minstreth"
                     : "=r"(high), "=r"(low), "=r"(again));
  } while (high != again);
  return ((uint64_t)high << 32) | low;
}
