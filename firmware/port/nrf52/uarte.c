/* The nRF52's UART with EasyDMA, which reads and writes RAM only.
 *
 * Reception: one byte a transfer, so that each byte is there when it came; the receiver's FIFO holds those that come
 * before the next transfer is started. Transmission: bytes gather in one buffer while the other is sent; the interrupt
 * at its end sends what has gathered. */
#include "port/common/fw_port_parts.h"
#include "port/common/fw_uart.h"
#include "port/nrf52/fw_nrf52.h"

enum { UARTE_ENABLED = 8, INT_ENDRX = 1 << 4, INT_ENDTX = 1 << 8, SEND_BYTES = 64 };

#define DISCONNECTED 0xFFFFFFFFu

static volatile uint8_t received_byte;
static uint8_t to_send[2][SEND_BYTES];
static uint32_t gathered; /* bytes in to_send[gathering] */
static uint32_t gathering;
static uint32_t sending;

static void send_gathered(void) {
  if (sending != 0u && FW_UARTE_ENDTX != 0u) {
    FW_EVENT_CLEAR(FW_UARTE_ENDTX);
    sending = 0u;
  }
  if (sending == 0u && gathered != 0u) {
    FW_UARTE_TXDPTR = (uint32_t)(uintptr_t)to_send[gathering];
    FW_UARTE_TXDMAXCNT = gathered;
    gathering ^= 1u;
    gathered = 0u;
    sending = 1u;
    __asm__ volatile("dmb" ::: "memory"); /* the bytes are in RAM before they are fetched from there */
    FW_UARTE_STARTTX = 1u;
  }
}

void fw_uart_start(void) {
  (void)fw_crystal_start(); /* without it the baud rate is off by 1.5 %, which still is received */
  FW_PIN_SET(FW_UART_TX_PIN) = FW_PIN_BIT(FW_UART_TX_PIN); /* the line idles high */
  FW_PIN_OUTPUT(FW_UART_TX_PIN) = FW_PIN_BIT(FW_UART_TX_PIN);
  FW_UARTE_PSELTXD = FW_UART_TX_PIN;
  FW_UARTE_PSELRXD = FW_UART_RX_PIN;
  FW_UARTE_PSELRTS = DISCONNECTED;
  FW_UARTE_PSELCTS = DISCONNECTED;
  FW_UARTE_CONFIG = 0u; /* no parity, one stop bit, no flow control */
  FW_UARTE_BAUDRATE = FW_UART_BAUD_REGISTER;
  FW_UARTE_ENABLE = UARTE_ENABLED;
  FW_UARTE_RXDPTR = (uint32_t)(uintptr_t)&received_byte;
  FW_UARTE_RXDMAXCNT = 1u;
  FW_EVENT_CLEAR(FW_UARTE_ENDRX);
  FW_EVENT_CLEAR(FW_UARTE_ENDTX);
  FW_UARTE_STARTRX = 1u;
  FW_UARTE_INTENSET = INT_ENDTX;
  fw_nvic_enable(FW_LINK_IRQ);
}

void fw_uart_interrupt(uint32_t on) {
  if (on != 0u) {
    FW_UARTE_INTENSET = INT_ENDRX;
  } else {
    FW_UARTE_INTENCLR = INT_ENDRX;
  }
}

/* Called by the interrupt, which is also the one at the end of a transmission. */
uint32_t fw_uart_received(void) {
  const uint32_t mask = fw_irq_save();
  send_gathered();
  fw_irq_restore(mask);
  return FW_UARTE_ENDRX;
}

uint8_t fw_uart_take(void) {
  const uint8_t byte = received_byte;
  FW_EVENT_CLEAR(FW_UARTE_ENDRX);
  FW_UARTE_STARTRX = 1u;
  return byte;
}

uint32_t fw_uart_can_send(void) {
  return *(volatile uint32_t *)&gathered < SEND_BYTES;
}

void fw_uart_send(uint8_t byte) {
  const uint32_t mask = fw_irq_save();
  to_send[gathering][gathered++] = byte;
  send_gathered();
  fw_irq_restore(mask);
}
