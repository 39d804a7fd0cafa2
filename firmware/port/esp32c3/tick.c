/* The wake-up from the system timer's comparator 0, every millisecond. */
#include "port/common/fw_port_parts.h"
#include "port/esp32c3/fw_esp32c3.h"

#define PERIODIC   (1u << 30)
#define TARGET0_ON (1u << 24)

void fw_tick_start(void) {
  FW_SYSTIMER_TARGET0_CONF = FW_CLOCK_TICKS_PER_MS; /* the period first, then the mode, then the load */
  FW_SYSTIMER_TARGET0_CONF = FW_CLOCK_TICKS_PER_MS | PERIODIC;
  FW_SYSTIMER_COMP0_LOAD = 1u;
  FW_SYSTIMER_CONF |= TARGET0_ON;
  FW_SYSTIMER_INT_CLR = 1u;
  FW_SYSTIMER_INT_ENA = 1u;
  FW_INT_MAP_TARGET0 = FW_LINE_TICK;
  fw_line_enable(FW_LINE_TICK);
}

void fw_tick_isr(void) {
  FW_SYSTIMER_INT_CLR = 1u;
  fw_millis_update();
}
