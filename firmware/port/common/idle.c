/* Sleep without losing a wake-up: interrupts are masked between the test and the sleep, and a masked
 * interrupt still ends the sleep. */
#include "port/common/fw_port_parts.h"

void fw_port_idle(void) {
  const uint32_t mask = fw_irq_save();
  if (!(fw_link_pending && fw_link_pending() != 0u)) fw_wait_for_interrupt();
  fw_irq_restore(mask);
}
