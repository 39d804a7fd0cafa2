/* Flash pages that a platform sets aside for learned state (port/<platform>/flash.c). */
#ifndef FW_FLASH_H
#define FW_FLASH_H

#include <stdint.h>

#include "fw_status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const uint8_t *bytes; /* the pages, readable like memory, aligned to 4 */
  uint32_t page_bytes;  /* a multiple of 4 */
  uint32_t pages;
} fw_flash_t;

/* FW_E_UNKNOWN: this board has none. */
fw_status_t fw_flash_open(fw_flash_t *flash);

/* Sets one word, `offset` bytes from the first page; it has been erased (0xFFFFFFFF) before. */
fw_status_t fw_flash_write(uint32_t offset, uint32_t word);

/* Erases a page to 0xFF, or a slice of that which stalls the processor for no longer than 10 ms where the part can do
 * so: 1 when it is done, 0 to be called again, negative when it failed. */
int32_t fw_flash_erase(uint32_t page);

#ifdef __cplusplus
}
#endif

#endif
