/* CRC-32 as in Ethernet, zlib and PNG (polynomial 0xEDB88320, reflected). */
#ifndef FW_CRC32_H
#define FW_CRC32_H

#include <stdint.h>

/* Continues `crc` (0 at the start) over `bytes`. */
uint32_t fw_crc32(uint32_t crc, const void *data, uint32_t bytes);

#endif
