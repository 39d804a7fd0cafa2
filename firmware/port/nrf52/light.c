/* A light between the supply and its pin: low is on. */
#include "fw_board.h"
#include "fw_port.h"
#include "port/nrf52/fw_nrf52.h"

void fw_port_light(uint32_t on) {
  FW_PIN_OUTPUT(FW_LIGHT_PIN) = FW_PIN_BIT(FW_LIGHT_PIN);
  if (on != 0u) {
    FW_PIN_CLEAR(FW_LIGHT_PIN) = FW_PIN_BIT(FW_LIGHT_PIN);
  } else {
    FW_PIN_SET(FW_LIGHT_PIN) = FW_PIN_BIT(FW_LIGHT_PIN);
  }
}
