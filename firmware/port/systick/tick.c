/* The millisecond wake-up from the core's own SysTick. */
#include "port/common/fw_port_parts.h"
#include "port/cortexm/fw_cortexm.h"

void fw_tick_start(void) {
  FW_SYST_RVR = FW_CORE_CLOCK_HZ / 1000u - 1u;
  FW_SYST_CVR = 0u;
  FW_SYST_CSR = 7u;
}

void fw_tick_isr(void) {
  fw_millis_update();
}
