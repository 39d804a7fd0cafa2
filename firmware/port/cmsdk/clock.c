/* Time on Arm's MPS2 and MPS3 boards: the FPGAIO block's up-counter, which runs from reset at 20 MHz on the
 * emulated boards, whatever the core clock. */
#include "port/common/fw_port_parts.h"
#include "port/cortexm/fw_cortexm.h"

#define FPGAIO_COUNTER FW_REGISTER(FW_FPGAIO_BASE + 0x18u)

uint32_t fw_clock_now(void) {
  return FPGAIO_COUNTER;
}
