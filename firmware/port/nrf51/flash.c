/* Pages for learned state in the nRF51's own flash (NVMC). A word takes 46 µs, a page 22 ms, and the processor stands
 * still meanwhile; the UART's and the timers' registers go on. */
#include "fw_flash.h"
#include "port/common/fw_port_parts.h"
#include "port/nrf51/fw_nrf51.h"

enum { READ_ONLY = 0, WRITE_ENABLED = 1, ERASE_ENABLED = 2, WAITS_MOST = 1000000 };

fw_status_t fw_flash_open(fw_flash_t *flash) {
  flash->bytes = (const uint8_t *)FW_STORE_ORIGIN;
  flash->page_bytes = FW_STORE_PAGE_BYTES;
  flash->pages = FW_STORE_BYTES / FW_STORE_PAGE_BYTES;
  return FW_OK;
}

static fw_status_t wait(void) {
  for (uint32_t i = 0; i < WAITS_MOST; i++) {
    if (FW_NVMC_READY != 0u) return FW_OK;
  }
  return FW_E_TIMEOUT;
}

static fw_status_t change(uint32_t mode, volatile uint32_t *where, uint32_t what) {
  fw_status_t status;
  FW_NVMC_CONFIG = mode;
  status = wait();
  if (status == FW_OK) *where = what;
  if (status == FW_OK) status = wait();
  FW_NVMC_CONFIG = READ_ONLY;
  return status;
}

fw_status_t fw_flash_write(uint32_t offset, uint32_t word) {
  return change(WRITE_ENABLED, &FW_REGISTER(FW_STORE_ORIGIN + offset), word);
}

int32_t fw_flash_erase(uint32_t page) {
  const uint32_t address = FW_STORE_ORIGIN + page * FW_STORE_PAGE_BYTES;
  const fw_status_t status = change(ERASE_ENABLED, &FW_NVMC_ERASEPAGE, address);
  return status == FW_OK ? 1 : (int32_t)status;
}
