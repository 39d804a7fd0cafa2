/* Sleep without losing a wake-up: interrupts are masked between the test and the sleep, and a masked
 * interrupt still ends the sleep. */
#include "port/common/fw_port_parts.h"

void fw_port_idle(void) {
  const uint32_t mask = fw_irq_save();
  const uint32_t bytes = fw_link_pending ? fw_link_pending() : 0u;
  const uint32_t samples = fw_audio_pending ? fw_audio_pending() : 0u;
  if (bytes == 0u && samples == 0u) fw_wait_for_interrupt();
  fw_irq_restore(mask);
}
