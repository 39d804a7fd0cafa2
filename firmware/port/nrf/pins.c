/* Buttons between their pins and ground, with the pull-ups of the pins: nRF51 and nRF52 have the same registers. */
#include "fw_board.h"
#include "fw_port.h"
#include "port/nrf/fw_nrf.h"

#ifdef FW_BUTTON_PINS
/* Pin 0 … 47: port 0 has 32, port 1 the rest. */
#define PORT(pin) (FW_GPIO_BASE + ((uint32_t)(pin) >> 5) * 0x300u)

enum { INPUT_WITH_PULL_UP = 3 << 2 };

uint32_t fw_port_buttons(void) {
  static const uint8_t pins[] = FW_BUTTON_PINS;
  static uint32_t ready;
  uint32_t held = 0;
  for (uint32_t i = 0; i < sizeof pins; i++) {
    const uint32_t bit = pins[i] & 31u;
    if (ready == 0u) FW_REGISTER(PORT(pins[i]) + 0x700u + 4u * bit) = INPUT_WITH_PULL_UP;
    if (ready != 0u && (FW_REGISTER(PORT(pins[i]) + 0x510u) >> bit & 1u) == 0u) held |= 1u << i;
  }
  ready = 1;
  return held;
}
#endif
