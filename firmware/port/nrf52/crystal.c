/* The 32 MHz crystal. Until it runs, and if it never does, the internal oscillator (1.5 %) clocks everything. */
#include "port/nrf52/fw_nrf52.h"

/* It starts within 0.4 ms; a turn takes at least three clocks of 64 MHz. */
enum { WAITS_MOST = 200000 };

fw_status_t fw_crystal_start(void) {
  static uint32_t runs;
  if (runs != 0u) return FW_OK;
  FW_CLOCK_HFCLKSTARTED = 0u;
  FW_CLOCK_HFCLKSTART = 1u;
  for (uint32_t i = 0; i < WAITS_MOST; i++) {
    if (FW_CLOCK_HFCLKSTARTED != 0u) {
      runs = 1u;
      return FW_OK;
    }
  }
  return FW_E_TIMEOUT;
}
