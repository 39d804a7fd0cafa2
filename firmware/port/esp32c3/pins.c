/* Buttons between their pins and ground, with the pull-ups of the pins. */
#include "fw_board.h"
#include "fw_port.h"
#include "port/esp32c3/fw_esp32c3.h"

#ifdef FW_BUTTON_PINS
enum { FUNCTION_GPIO = 1 << 12, INPUT_ENABLED = 1 << 9, PULL_UP = 1 << 8 };

uint32_t fw_port_buttons(void) {
  static const uint8_t pins[] = FW_BUTTON_PINS;
  static uint32_t ready;
  uint32_t held = 0;
  for (uint32_t i = 0; i < sizeof pins; i++) {
    if (ready == 0u) FW_IO_MUX(pins[i]) = FUNCTION_GPIO | INPUT_ENABLED | PULL_UP;
    if (ready != 0u && (FW_GPIO_IN >> pins[i] & 1u) == 0u) held |= 1u << i;
  }
  ready = 1;
  return held;
}
#endif
