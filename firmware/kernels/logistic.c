#include "kernels/logistic.h"

void fw_logistic_s16(const void *params, void *const *operands) {
  fw_logistic_s16_body(params, operands[0], operands[1], operands[2]);
}
