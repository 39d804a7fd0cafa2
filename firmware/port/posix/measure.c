/* The host does not count instructions. */
#include "fw_measure.h"

void fw_instant_begin(void) {
}

void fw_instant_end(void) {
}

uint64_t fw_measure_result(void) {
  return 0;
}
