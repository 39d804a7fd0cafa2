/* Flash of emulated boards that have none: pages in memory behind the image, and in the file store.bin of the
 * emulator's working folder, so that what was learned outlives the emulator. Word by word: ended at any time, the file
 * holds what flash would. */
#include "fw_flash.h"
#include "port/common/fw_port_parts.h"

enum { SYS_OPEN = 0x01, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_SEEK = 0x0A };
enum { MODE_UPDATE = 3, MODE_CREATE = 7, NAME_BYTES = 9 };

static int32_t file = -1;
static uint8_t *const pages = (uint8_t *)FW_STORE_ORIGIN;

static int32_t open_file(uint32_t mode) {
  const uint32_t parameters[3] = {(uint32_t)(uintptr_t) "store.bin", mode, NAME_BYTES};
  return fw_semihost(SYS_OPEN, parameters);
}

/* Bytes that were not transferred, or negative. */
static int32_t transfer(uint32_t operation, uint32_t offset, uint32_t count) {
  const uint32_t place[2] = {(uint32_t)file, offset};
  const uint32_t parameters[3] = {(uint32_t)file, (uint32_t)(uintptr_t)(pages + offset), count};
  if (file < 0 || fw_semihost(SYS_SEEK, place) != 0) return -1;
  return fw_semihost(operation, parameters);
}

fw_status_t fw_flash_open(fw_flash_t *flash) {
  flash->bytes = pages;
  flash->page_bytes = FW_STORE_PAGE_BYTES;
  flash->pages = FW_STORE_BYTES / FW_STORE_PAGE_BYTES;
  if (file < 0) file = open_file(MODE_UPDATE);
  if (file >= 0 && transfer(SYS_READ, 0, FW_STORE_BYTES) == 0) return FW_OK;
  for (uint32_t i = 0; i < FW_STORE_BYTES; i++) pages[i] = 0xFFu;
  if (file < 0) file = open_file(MODE_CREATE);
  (void)transfer(SYS_WRITE, 0, FW_STORE_BYTES);
  return FW_OK;
}

fw_status_t fw_flash_write(uint32_t offset, uint32_t word) {
  uint32_t *const at = (uint32_t *)(void *)(pages + offset);
  *at &= word;
  (void)transfer(SYS_WRITE, offset, sizeof *at);
  return FW_OK;
}

int32_t fw_flash_erase(uint32_t page) {
  const uint32_t offset = page * FW_STORE_PAGE_BYTES;
  for (uint32_t i = 0; i < FW_STORE_PAGE_BYTES; i++) pages[offset + i] = 0xFFu;
  (void)transfer(SYS_WRITE, offset, FW_STORE_PAGE_BYTES);
  return 1;
}
