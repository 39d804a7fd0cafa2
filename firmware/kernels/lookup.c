#include "kernels/lookup.h"

void fw_lookup_8(const void *params, void *const *operands) {
  fw_lookup_8_body(params, operands[0], operands[1], operands[2]);
}
