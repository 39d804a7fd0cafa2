// Buttons between their pins and ground, with the pull-ups of the pins.
#include <Arduino.h>

#include "fw_board.h"
#include "fw_port.h"

#ifdef FW_BUTTON_PINS
extern "C" uint32_t fw_port_buttons(void) {
  static const uint8_t pins[] = FW_BUTTON_PINS;
  static bool ready = false;
  uint32_t held = 0;
  for (uint32_t i = 0; i < sizeof pins; i++) {
    if (!ready) {
      pinMode(pins[i], INPUT_PULLUP);
    } else if (digitalRead(pins[i]) == LOW) {
      held |= 1u << i;
    }
  }
  ready = true;
  return held;
}
#endif
