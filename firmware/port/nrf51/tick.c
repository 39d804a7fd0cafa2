/* The millisecond wake-up from TIMER1: 1 MHz, cleared by its own comparison with 1000. */
#include "port/common/fw_port_parts.h"
#include "port/nrf51/fw_nrf51.h"

enum { PRESCALER_1_MHZ = 4, SHORT_COMPARE0_CLEAR = 1 };

void fw_tick_start(void) {
  FW_TIMER_PRESCALER(FW_TIMER1_BASE) = PRESCALER_1_MHZ;
  FW_TIMER_CC0(FW_TIMER1_BASE) = 1000u;
  FW_TIMER_SHORTS(FW_TIMER1_BASE) = SHORT_COMPARE0_CLEAR;
  FW_TIMER_INTENSET(FW_TIMER1_BASE) = 1u << 16; /* COMPARE[0] */
  FW_TIMER_START(FW_TIMER1_BASE) = 1u;
  fw_nvic_enable(FW_TICK_IRQ);
}

void fw_tick_isr(void) {
  FW_TIMER_COMPARED0(FW_TIMER1_BASE) = 0u;
  fw_millis_update();
}
