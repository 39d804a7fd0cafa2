#include "kernels/dynamic_update_slice.h"

void fw_dynamic_update_slice(const void *params, void *const *operands) {
  fw_dynamic_update_slice_body(params, operands[0], operands[1], operands[2]);
}
