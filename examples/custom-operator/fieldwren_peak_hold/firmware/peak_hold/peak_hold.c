#include "peak_hold/peak_hold.h"

/* What fw_run calls; rendered code instantiates the body. */
void fw_peak_hold_s8(const void *params, void *const *operands) {
  fw_peak_hold_s8_body(params, operands[0], operands[1], operands[2]);
}
