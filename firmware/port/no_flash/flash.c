/* A board whose flash this port cannot write: what is learned lasts until the next start. */
#include "fw_flash.h"

fw_status_t fw_flash_open(fw_flash_t *flash) {
  (void)flash;
  return FW_E_UNKNOWN;
}

fw_status_t fw_flash_write(uint32_t offset, uint32_t word) {
  (void)offset;
  (void)word;
  return FW_E_UNKNOWN;
}

int32_t fw_flash_erase(uint32_t page) {
  (void)page;
  return (int32_t)FW_E_UNKNOWN;
}
