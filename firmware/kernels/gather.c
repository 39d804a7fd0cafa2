#include "kernels/gather.h"

void fw_gather(const void *params, void *const *operands) {
  fw_gather_body(params, operands[0], operands[1], operands[2]);
}

void fw_gather_nd(const void *params, void *const *operands) {
  fw_gather_nd_body(params, operands[0], operands[1], operands[2]);
}
