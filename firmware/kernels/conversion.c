#include "kernels/conversion.h"

void fw_requantise_s8_s8(const void *params, void *const *operands) {
  fw_requantise_s8_s8_body(params, operands[0], operands[1]);
}

void fw_requantise_s8_u8(const void *params, void *const *operands) {
  fw_requantise_s8_u8_body(params, operands[0], operands[1]);
}

void fw_requantise_u8_s8(const void *params, void *const *operands) {
  fw_requantise_u8_s8_body(params, operands[0], operands[1]);
}

void fw_requantise_s8_s16(const void *params, void *const *operands) {
  fw_requantise_s8_s16_body(params, operands[0], operands[1]);
}

void fw_requantise_s8_s32(const void *params, void *const *operands) {
  fw_requantise_s8_s32_body(params, operands[0], operands[1]);
}

void fw_requantise_s16_s8(const void *params, void *const *operands) {
  fw_requantise_s16_s8_body(params, operands[0], operands[1]);
}

void fw_requantise_s16_s16(const void *params, void *const *operands) {
  fw_requantise_s16_s16_body(params, operands[0], operands[1]);
}

void fw_requantise_s16_s32(const void *params, void *const *operands) {
  fw_requantise_s16_s32_body(params, operands[0], operands[1]);
}

void fw_requantise_s32_s8(const void *params, void *const *operands) {
  fw_requantise_s32_s8_body(params, operands[0], operands[1]);
}

void fw_requantise_s32_s16(const void *params, void *const *operands) {
  fw_requantise_s32_s16_body(params, operands[0], operands[1]);
}

void fw_quantise_f32_s8(const void *params, void *const *operands) {
  fw_quantise_f32_s8_body(params, operands[0], operands[1]);
}

void fw_quantise_f32_s16(const void *params, void *const *operands) {
  fw_quantise_f32_s16_body(params, operands[0], operands[1]);
}

void fw_dequantise_s8_f32(const void *params, void *const *operands) {
  fw_dequantise_s8_f32_body(params, operands[0], operands[1]);
}

void fw_dequantise_u8_f32(const void *params, void *const *operands) {
  fw_dequantise_u8_f32_body(params, operands[0], operands[1]);
}

void fw_dequantise_s16_f32(const void *params, void *const *operands) {
  fw_dequantise_s16_f32_body(params, operands[0], operands[1]);
}
