/* The arithmetic of fw_measure.h; instant.c of the platform finds the instants. */
#include "fw_measure.h"
#include "port/common/fw_instant.h"
#include "port/common/fw_port_parts.h"

fw_instant_t fw_begun, fw_ended;

static uint64_t elapsed(void) {
  const uint32_t ticks = fw_ended.first - fw_begun.edge;
  const uint32_t readings_to_edge = fw_ended.edge - 1u - fw_ended.first;
  return (uint64_t)ticks * FW_INSTRUCTIONS_PER_TICK + FW_INSTRUCTIONS_PER_TICK - readings_to_edge;
}

uint64_t fw_measure_result(void) {
  const uint64_t instructions = elapsed();
  /* The same two calls with nothing between them: what they themselves add. */
  fw_instant_begin();
  fw_instant_end();
  return instructions - elapsed();
}
