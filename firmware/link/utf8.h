/* UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef FW_LINK_UTF8_H
#define FW_LINK_UTF8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Length (1 … 4) of the character that the `count` >= 1 bytes begin with, or 0 if they begin with none. */
uint32_t fw_utf8_length(const uint8_t *bytes, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif
