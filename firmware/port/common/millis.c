/* Milliseconds from the free-running counter. Counting ticks of the interrupt would lose time whenever a
 * measurement masks interrupts; comparing with the counter catches up instead. */
#include "port/common/fw_port_parts.h"

static volatile uint32_t millis;
static uint32_t last;

void fw_millis_update(void) {
  const uint32_t mask = fw_irq_save();
  while (fw_clock_now() - last >= FW_CLOCK_TICKS_PER_MS) {
    last += FW_CLOCK_TICKS_PER_MS;
    millis++;
  }
  fw_irq_restore(mask);
}

void fw_millis_init(void) {
  last = fw_clock_now();
  fw_tick_start();
}

uint32_t fw_port_millis(void) {
  fw_millis_update();
  return millis;
}
