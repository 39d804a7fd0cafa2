/* UART0 with its FIFOs of 128 bytes, at the boot ROM's 115200 baud. */
#include "port/common/fw_port_parts.h"
#include "port/common/fw_uart.h"
#include "port/esp32c3/fw_esp32c3.h"

#define REG_UPDATE (1u << 31)

enum { INT_RX_FULL = 1, RX_COUNT_MASK = 0x3FF, TX_COUNT_SHIFT = 16, TX_MOST = 120, UPDATE_WAITS_MOST = 10000 };

void fw_uart_start(void) {
  FW_UART_CONF1 = (FW_UART_CONF1 & ~0x1FFu) | 1u; /* an interrupt for each byte */
  FW_UART_ID |= REG_UPDATE;
  for (uint32_t i = 0; i < UPDATE_WAITS_MOST && (FW_UART_ID & REG_UPDATE) != 0u; i++) {
  }
  FW_INT_MAP_UART0 = FW_LINE_LINK;
  fw_line_enable(FW_LINE_LINK);
}

void fw_uart_interrupt(uint32_t on) {
  FW_UART_INT_ENA = on != 0u ? INT_RX_FULL : 0u;
}

uint32_t fw_uart_received(void) {
  return FW_UART_STATUS & RX_COUNT_MASK;
}

uint8_t fw_uart_take(void) {
  const uint8_t byte = (uint8_t)FW_UART_FIFO;
  FW_UART_INT_CLR = INT_RX_FULL; /* after the read: it stays raised while the FIFO holds a byte */
  return byte;
}

uint32_t fw_uart_can_send(void) {
  return (FW_UART_STATUS >> TX_COUNT_SHIFT & RX_COUNT_MASK) < TX_MOST;
}

void fw_uart_send(uint8_t byte) {
  FW_UART_FIFO = byte;
}
