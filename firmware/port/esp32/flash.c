/* Pages for learned state in the partition `fieldwren` (partitions.csv), mapped for reading. ESP-IDF stalls both caches
 * while a sector is erased (about 45 ms); the microphone's DMA goes on. */
#include <esp_idf_version.h>
#include <esp_partition.h>

#include "fw_board.h"
#include "fw_flash.h"

#if ESP_IDF_VERSION_MAJOR >= 5
#define MAPPED_DATA ESP_PARTITION_MMAP_DATA
typedef esp_partition_mmap_handle_t mapping_t;
#else
#define MAPPED_DATA SPI_FLASH_MMAP_DATA
typedef spi_flash_mmap_handle_t mapping_t;
#endif

static const esp_partition_t *store;

fw_status_t fw_flash_open(fw_flash_t *flash) {
  static const void *mapped;
  if (store == NULL) {
    mapping_t handle;
    const esp_partition_t *found =
        esp_partition_find_first(ESP_PARTITION_TYPE_DATA, (esp_partition_subtype_t)0x40, "fieldwren");
    if (found == NULL || found->size < FW_STORE_BYTES) return FW_E_UNKNOWN;
    if (esp_partition_mmap(found, 0, FW_STORE_BYTES, MAPPED_DATA, &mapped, &handle) != ESP_OK) {
      return FW_E_UNKNOWN;
    }
    store = found;
  }
  flash->bytes = (const uint8_t *)mapped;
  flash->page_bytes = FW_STORE_PAGE_BYTES;
  flash->pages = FW_STORE_BYTES / FW_STORE_PAGE_BYTES;
  return FW_OK;
}

fw_status_t fw_flash_write(uint32_t offset, uint32_t word) {
  return esp_partition_write(store, offset, &word, sizeof word) == ESP_OK ? FW_OK : FW_E_STATE;
}

int32_t fw_flash_erase(uint32_t page) {
  const size_t bytes = FW_STORE_PAGE_BYTES;
  return esp_partition_erase_range(store, page * bytes, bytes) == ESP_OK ? 1 : (int32_t)FW_E_STATE;
}
