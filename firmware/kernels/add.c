#include "kernels/add.h"

void fw_add_s8(const void *params, void *const *operands) {
  fw_add_s8_body(params, operands[0], operands[1], operands[2]);
}

void fw_add_s16(const void *params, void *const *operands) {
  fw_add_s16_body(params, operands[0], operands[1], operands[2]);
}

void fw_add_s32(const void *params, void *const *operands) {
  fw_add_s32_body(params, operands[0], operands[1], operands[2]);
}

void fw_add_f32(const void *params, void *const *operands) {
  fw_add_f32_body(params, operands[0], operands[1], operands[2]);
}
