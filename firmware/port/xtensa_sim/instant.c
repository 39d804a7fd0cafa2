/* Instants to the tick, which is many instructions: good for saying about how many, not for comparing figures. */
#include "fw_measure.h"
#include "port/common/fw_instant.h"
#include "port/common/fw_port_parts.h"

void fw_instant_begin(void) {
  fw_begun.first = fw_clock_now();
  fw_begun.edge = fw_begun.first;
}

void fw_instant_end(void) {
  fw_ended.first = fw_clock_now();
  fw_ended.edge = fw_ended.first + 1u;
}
