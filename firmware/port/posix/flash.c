/* Learned state of a process: the file store.bin in its working folder stands for flash, and is changed word by word.
 */
#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fw_flash.h"

enum { PAGE_BYTES = 4096, PAGES = 64 };

static int file = -1;
static uint32_t pages[PAGES * PAGE_BYTES / sizeof(uint32_t)];

static fw_status_t put(uint32_t offset, uint32_t count) {
  const uint8_t *const from = (const uint8_t *)pages + offset;
  return pwrite(file, from, count, (off_t)offset) == (ssize_t)count ? FW_OK : FW_E_STATE;
}

fw_status_t fw_flash_open(fw_flash_t *flash) {
  memset(pages, 0xFF, sizeof pages);
  if (file < 0) file = open("store.bin", O_RDWR | O_CREAT, 0644);
  if (file < 0) return FW_E_UNKNOWN;
  const ssize_t count = pread(file, pages, sizeof pages, 0);
  if (count < 0 || ((size_t)count < sizeof pages && put(0, sizeof pages) != FW_OK)) return FW_E_UNKNOWN;
  flash->bytes = (const uint8_t *)pages;
  flash->page_bytes = PAGE_BYTES;
  flash->pages = PAGES;
  return FW_OK;
}

fw_status_t fw_flash_write(uint32_t offset, uint32_t word) {
  pages[offset / sizeof word] &= word;
  return put(offset, sizeof word);
}

int32_t fw_flash_erase(uint32_t page) {
  memset((uint8_t *)pages + page * PAGE_BYTES, 0xFF, PAGE_BYTES);
  const fw_status_t status = put(page * PAGE_BYTES, PAGE_BYTES);
  return status == FW_OK ? 1 : (int32_t)status;
}
