/* Time on QEMU's `virt`: the machine timer, which runs at 10 MHz from reset. */
#include "port/common/fw_port_parts.h"
#include "port/riscv_virt/fw_virt.h"

uint32_t fw_clock_now(void) {
  return FW_MTIME_LOW;
}
