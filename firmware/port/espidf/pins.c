/* Buttons between their pins and ground, with the pull-ups of the pins. */
#include <driver/gpio.h>

#include "fw_board.h"
#include "fw_port.h"

#ifdef FW_BUTTON_PINS
uint32_t fw_port_buttons(void) {
  static const uint8_t pins[] = FW_BUTTON_PINS;
  static uint32_t ready;
  uint32_t held = 0;
  for (uint32_t i = 0; i < sizeof pins; i++) {
    const gpio_num_t pin = (gpio_num_t)pins[i];
    if (ready == 0u) {
      (void)gpio_set_direction(pin, GPIO_MODE_INPUT);
      (void)gpio_set_pull_mode(pin, GPIO_PULLUP_ONLY);
    } else if (gpio_get_level(pin) == 0) {
      held |= 1u << i;
    }
  }
  ready = 1;
  return held;
}
#endif
