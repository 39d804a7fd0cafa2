/* Time on the nRF51 and nRF52: TIMER0 counts at 8 MHz with 32 bits. */
#include "port/common/fw_port_parts.h"
#include "port/nrf/fw_nrf.h"

enum { BITMODE_32 = 3, PRESCALER_8_MHZ = 1 };

void fw_clock_init(void) {
  FW_TIMER_BITMODE(FW_TIMER0_BASE) = BITMODE_32;
  FW_TIMER_PRESCALER(FW_TIMER0_BASE) = PRESCALER_8_MHZ;
  FW_TIMER_START(FW_TIMER0_BASE) = 1u;
}

uint32_t fw_clock_now(void) {
  /* Capture and read belong together: an interrupt between them would capture a later time for the first
   * reader. */
  const uint32_t mask = fw_irq_save();
  FW_TIMER_CAPTURE0(FW_TIMER0_BASE) = 1u;
  const uint32_t now = FW_TIMER_CC0(FW_TIMER0_BASE);
  fw_irq_restore(mask);
  return now;
}
