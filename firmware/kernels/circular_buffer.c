#include "kernels/circular_buffer.h"

void fw_circular_buffer(const void *params, void *const *operands) {
  fw_circular_buffer_body(params, operands[0], operands[1], operands[2]);
}
