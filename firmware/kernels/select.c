#include "kernels/select.h"

void fw_select(const void *params, void *const *operands) {
  fw_select_body(params, operands[0], operands[1], operands[2], operands[3]);
}
