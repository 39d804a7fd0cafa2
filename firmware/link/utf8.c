#include "link/utf8.h"

uint32_t fw_utf8_length(const uint8_t *bytes, uint32_t count) {
  const uint8_t lead = bytes[0];
  uint32_t length;
  uint8_t second_low = 0x80;
  uint8_t second_high = 0xBF;
  if (lead < 0x80u) return 1;
  if (lead >= 0xC2u && lead <= 0xDFu) {
    length = 2;
  } else if (lead >= 0xE0u && lead <= 0xEFu) {
    length = 3;
    if (lead == 0xE0u) second_low = 0xA0;
    if (lead == 0xEDu) second_high = 0x9F;
  } else if (lead >= 0xF0u && lead <= 0xF4u) {
    length = 4;
    if (lead == 0xF0u) second_low = 0x90;
    if (lead == 0xF4u) second_high = 0x8F;
  } else {
    return 0;
  }
  if (length > count || bytes[1] < second_low || bytes[1] > second_high) return 0;
  for (uint32_t i = 2; i < length; i++) {
    if ((bytes[i] & 0xC0u) != 0x80u) return 0;
  }
  return length;
}
