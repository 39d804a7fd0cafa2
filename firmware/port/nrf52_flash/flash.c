/* Pages for learned state in the nRF52840's own flash (NVMC, Product Specification 1.7). A word takes 41 µs; a page
 * takes 87.5 ms, in which the processor stands still, so it is erased in ten slices of 9 ms (at most 9.8 ms each). */
#include "fw_board.h"
#include "fw_flash.h"
#include "port/nrf/fw_nrf.h"

#define NVMC_PARTIAL     FW_REGISTER(0x4001E518u) /* ERASEPAGEPARTIAL */
#define NVMC_PARTIAL_CFG FW_REGISTER(0x4001E51Cu) /* a slice in milliseconds */

enum { READ_ONLY = 0, WRITE_ENABLED = 1, ERASE_ENABLED = 2, WAITS_MOST = 1000000, SLICE_MS = 9, SLICES = 10 };

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
  FW_NVMC_CONFIG = mode;
  fw_status_t status = wait();
  if (status == FW_OK) *where = what;
  if (status == FW_OK) status = wait();
  FW_NVMC_CONFIG = READ_ONLY;
  return status;
}

fw_status_t fw_flash_write(uint32_t offset, uint32_t word) {
  return change(WRITE_ENABLED, &FW_REGISTER(FW_STORE_ORIGIN + offset), word);
}

int32_t fw_flash_erase(uint32_t page) {
  static uint32_t erasing, slices; /* how far the page is; another page begins anew */
  if (page != erasing) slices = 0;
  erasing = page;
  NVMC_PARTIAL_CFG = SLICE_MS;
  const fw_status_t status = change(ERASE_ENABLED, &NVMC_PARTIAL, FW_STORE_ORIGIN + page * FW_STORE_PAGE_BYTES);
  if (status != FW_OK) return (int32_t)status;
  slices++;
  if (slices < SLICES) return 0;
  slices = 0;
  return 1;
}
