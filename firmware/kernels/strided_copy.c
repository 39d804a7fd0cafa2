#include "kernels/strided_copy.h"

void fw_strided_copy(const void *params, void *const *operands) {
  fw_strided_copy_body(params, operands[0], operands[1]);
}
