/* Painted stack. The linker script gives the stack a region of its own, [__fw_stack_limit, __fw_stack_top),
 * at the bottom of the RAM, so that running over its end leaves the RAM instead of overwriting data. */
#include "port/common/fw_port_parts.h"

#define PATTERN 0x5AFE57ACu

extern uint32_t __fw_stack_limit[];
extern uint32_t __fw_stack_top[];

void fw_port_stack_paint(void) {
  /* Words below this frame are free: nothing is called until the loop has ended. */
  uint32_t *const here = (uint32_t *)(uintptr_t)__builtin_frame_address(0);
  for (volatile uint32_t *word = __fw_stack_limit; word < here - 16; word++) *word = PATTERN;
}

uint32_t fw_port_stack_used(void) {
  const uint32_t *word = __fw_stack_limit;
  while (word < __fw_stack_top && *word == PATTERN) word++;
  return (uint32_t)((uintptr_t)__fw_stack_top - (uintptr_t)word);
}
