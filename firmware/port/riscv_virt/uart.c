/* The 16550 UART of QEMU's `virt`, and its way through the interrupt controller (PLIC). */
#include "port/common/fw_port_parts.h"
#include "port/common/fw_uart.h"
#include "port/riscv_virt/fw_virt.h"

enum { INT_RECEIVED = 1 };
enum { STATUS_RECEIVED = 0x01, STATUS_TX_EMPTY = 0x20 };

void fw_uart_start(void) {
  /* The FIFO stays off: switching it on would throw away a byte that is there already. */
  FW_PLIC_PRIORITY = 1u;
  FW_PLIC_THRESHOLD = 0u;
  FW_PLIC_ENABLE = 1u << FW_UART_IRQ;
  fw_interrupts_enable(FW_MIE_LINK);
}

void fw_uart_interrupt(uint32_t on) {
  FW_UART_INTERRUPTS = on != 0u ? INT_RECEIVED : 0u;
}

uint32_t fw_uart_received(void) {
  return FW_UART_LINE_STATUS & STATUS_RECEIVED;
}

uint8_t fw_uart_take(void) {
  return FW_UART_DATA;
}

uint32_t fw_uart_can_send(void) {
  return FW_UART_LINE_STATUS & STATUS_TX_EMPTY;
}

void fw_uart_send(uint8_t byte) {
  FW_UART_DATA = byte;
}
