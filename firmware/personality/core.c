/* The `core` image: start-up and one inference, nothing else. It is linked for its sizes. */
#include "fw_port.h"
#include "personality/memory.h"

int main(void) {
  fw_port_init();
  fw_model_reset(state);
  for (;;) {
    if (fw_model_invoke(arena, state) != FW_OK) break;
  }
  return 1;
}
