/* Registers of the nRF52840 as plain memory, for its drivers compiled on this computer (tests/port/nrf52.c). */
#include <stdint.h>
volatile uint32_t *model_register(uint32_t address);
#define FW_REGISTER(address) (*model_register(address))
