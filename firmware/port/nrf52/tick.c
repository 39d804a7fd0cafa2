/* The wake-up from RTC1, eight times a second: it keeps the milliseconds, which TIMER0 counts, up to date; 64 times
 * where an app looks at buttons. The 32 kHz clock needs no waiting: it runs from its RC oscillator until the crystal
 * does. */
#include "port/common/fw_port_parts.h"
#include "port/nrf52/fw_nrf52.h"

enum { SOURCE_CRYSTAL = 1, PRESCALER_8_HZ = 4095, PRESCALER_64_HZ = 511, INT_TICK = 1 };

__attribute__((weak)) uint32_t fw_port_buttons(void);

void fw_tick_start(void) {
  FW_CLOCK_LFCLKSRC = SOURCE_CRYSTAL;
  FW_CLOCK_LFCLKSTART = 1u;
  FW_RTC_PRESCALER = fw_port_buttons ? PRESCALER_64_HZ : PRESCALER_8_HZ;
  FW_RTC_START = 1u;
  FW_RTC_INTENSET = INT_TICK; /* after the start: Renode's model ignores it before */
  fw_nvic_enable(FW_TICK_IRQ);
}

void fw_tick_isr(void) {
  FW_EVENT_CLEAR(FW_RTC_TICK);
  fw_millis_update();
}
