#include "kernels/extremum.h"

void fw_extremum(const void *params, void *const *operands) {
  fw_extremum_body(params, operands[0], operands[1], operands[2]);
}
