#include "kernels/cast.h"

void fw_cast(const void *params, void *const *operands) {
  fw_cast_body(params, operands[0], operands[1]);
}
