/* The link over a UART: reception by interrupt into a ring, transmission by waiting for the transmitter.
 *
 * When the ring is full the interrupt is switched off and the byte stays in the UART until there is room
 * again. So nothing is lost where the sender can be made to wait (emulators, flow control); elsewhere the
 * UART drops bytes and the link's checksums notice. */
#include "port/common/fw_port_parts.h"
#include "port/common/fw_ring.h"
#include "port/common/fw_uart.h"

/* Longest wait for the transmitter: far more than a byte takes, enough for a computer that is busy with other things.
 */
#define TX_WAIT_TICKS (2u * FW_CLOCK_HZ)

static fw_ring_t ring;
static volatile uint32_t held; /* the interrupt is off because the ring was full */

void fw_link_isr(void) {
  while (fw_uart_received() != 0u) {
    if (fw_ring_used(&ring) == FW_RING_BYTES) {
      fw_uart_interrupt(0u);
      held = 1u;
      return;
    }
    fw_ring_put(&ring, fw_uart_take());
  }
}

/* Interrupt on; a byte that came before raises none of its own, so what is there is taken now. */
static void listen(void) {
  const uint32_t mask = fw_irq_save();
  held = 0u;
  fw_uart_interrupt(1u);
  fw_link_isr();
  fw_irq_restore(mask);
}

void fw_link_init(void) {
  fw_uart_start();
  listen();
}

uint32_t fw_link_pending(void) {
  return fw_ring_used(&ring);
}

uint32_t fw_port_read(uint8_t *bytes, uint32_t size) {
  const uint32_t count = fw_ring_take(&ring, bytes, size);
  if (held != 0u && count != 0u) listen();
  return count;
}

static uint32_t wait_to_send(void) {
  if (fw_uart_can_send() != 0u) return 1;
  const uint32_t start = fw_clock_now();
  while (fw_clock_now() - start < TX_WAIT_TICKS) {
    if (fw_uart_can_send() != 0u) return 1;
  }
  return 0;
}

/* Nobody takes the bytes: the rest is dropped, so that one call never waits for more than two seconds. */
void fw_port_write(const uint8_t *bytes, uint32_t size) {
  for (uint32_t i = 0; i < size && wait_to_send() != 0u; i++) fw_uart_send(bytes[i]);
}
