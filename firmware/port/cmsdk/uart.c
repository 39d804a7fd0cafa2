/* The CMSDK APB UART (Arm DDI 0479, chapter 4.3): one byte of buffer in each direction. */
#include "port/common/fw_port_parts.h"
#include "port/common/fw_uart.h"
#include "port/cortexm/fw_cortexm.h"

#define UART_DATA     FW_REGISTER(FW_UART_BASE + 0x00u)
#define UART_STATE    FW_REGISTER(FW_UART_BASE + 0x04u)
#define UART_CTRL     FW_REGISTER(FW_UART_BASE + 0x08u)
#define UART_INTCLEAR FW_REGISTER(FW_UART_BASE + 0x0Cu)
#define UART_BAUDDIV  FW_REGISTER(FW_UART_BASE + 0x10u)

enum { STATE_TX_FULL = 1, STATE_RX_FULL = 2 };
enum { CTRL_TX = 1, CTRL_RX = 2, CTRL_RX_INTERRUPT = 8 };
enum { INT_RX = 2 };

void fw_uart_start(void) {
  UART_BAUDDIV = FW_CORE_CLOCK_HZ / FW_LINK_BAUD;
  UART_CTRL = CTRL_TX | CTRL_RX;
  fw_nvic_enable(FW_LINK_IRQ);
}

void fw_uart_interrupt(uint32_t on) {
  UART_CTRL = CTRL_TX | CTRL_RX | (on != 0u ? CTRL_RX_INTERRUPT : 0u);
  if (on == 0u) UART_INTCLEAR = INT_RX; /* one that has been raised stays raised otherwise */
}

uint32_t fw_uart_received(void) {
  return UART_STATE & STATE_RX_FULL;
}

uint8_t fw_uart_take(void) {
  UART_INTCLEAR = INT_RX; /* before the read: a byte that arrives in between raises the interrupt again */
  return (uint8_t)UART_DATA;
}

uint32_t fw_uart_can_send(void) {
  return (UART_STATE & STATE_TX_FULL) == 0u;
}

void fw_uart_send(uint8_t byte) {
  UART_DATA = byte;
}
