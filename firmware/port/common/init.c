/* Start of the optional parts, in the order in which they may depend on each other. */
#include "port/common/fw_port_parts.h"

void fw_port_init(void) {
  if (fw_clock_init) fw_clock_init();
  if (fw_millis_init) fw_millis_init();
  if (fw_link_init) fw_link_init();
  fw_port_irq_on();
}
