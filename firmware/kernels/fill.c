#include "kernels/fill.h"

void fw_fill(const void *params, void *const *operands) {
  fw_fill_body(params, operands[0]);
}
