/* The nRF51's UART: six bytes of buffer on reception, one on transmission. */
#include "port/common/fw_port_parts.h"
#include "port/common/fw_uart.h"
#include "port/nrf51/fw_nrf51.h"

enum { UART_ENABLED = 4, INT_RXDRDY = 1 << 2 };

void fw_uart_start(void) {
  FW_GPIO_OUTSET = 1u << FW_UART_TX_PIN; /* the line idles high */
  FW_GPIO_DIRSET = 1u << FW_UART_TX_PIN;
  FW_UART_PSELTXD = FW_UART_TX_PIN;
  FW_UART_PSELRXD = FW_UART_RX_PIN;
  FW_UART_BAUDRATE = FW_UART_BAUD_REGISTER;
  FW_UART_ENABLE = UART_ENABLED;
  FW_UART_STARTTX = 1u;
  FW_UART_STARTRX = 1u;
  fw_nvic_enable(FW_LINK_IRQ);
}

void fw_uart_interrupt(uint32_t on) {
  if (on != 0u) {
    FW_UART_INTENSET = INT_RXDRDY;
  } else {
    FW_UART_INTENCLR = INT_RXDRDY;
  }
}

uint32_t fw_uart_received(void) {
  return FW_UART_RXDRDY;
}

uint8_t fw_uart_take(void) {
  FW_UART_RXDRDY = 0u; /* before the read, which lets the next byte in */
  return (uint8_t)FW_UART_RXD;
}

/* TXDRDY tells that a byte has left; before the first one nothing has to leave. */
static uint32_t sending;

uint32_t fw_uart_can_send(void) {
  return sending == 0u || FW_UART_TXDRDY != 0u;
}

void fw_uart_send(uint8_t byte) {
  FW_UART_TXDRDY = 0u;
  FW_UART_TXD = byte;
  sending = 1u;
}
