#include "kernels/resize.h"

void fw_resize_nearest(const void *params, void *const *operands) {
  fw_resize_nearest_body(params, operands[0], operands[1], operands[2], operands[3]);
}

void fw_resize_bilinear_s8(const void *params, void *const *operands) {
  fw_resize_bilinear_s8_body(params, operands[0], operands[1], operands[2], operands[3]);
}

void fw_resize_bilinear_f32(const void *params, void *const *operands) {
  fw_resize_bilinear_f32_body(params, operands[0], operands[1], operands[2], operands[3], operands[4], operands[5]);
}
