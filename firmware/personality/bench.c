/* The `bench` image: how many instructions one inference takes, from entering to leaving fw_model_invoke().
 *
 * Writes bench.bin: the instructions and the deepest stack use of one inference (uint64 each); built with
 * FW_LAYER_HOOKS also the instructions of every kernel call (uint64 each). */
#include "fw_measure.h"
#include "fw_port.h"
#include "personality/memory.h"

enum { EXIT_OUTPUT = 3 };

/* What a call costs without its body; the return instruction is the function's own. */
static __attribute__((noinline)) fw_status_t nothing(void *activations, void *persistent) {
  __asm__ volatile("" : : "r"(activations), "r"(persistent) : "memory");
  return FW_OK;
}

enum { RETURN_INSTRUCTIONS = 1 };

#ifdef FW_LAYER_HOOKS
static uint64_t layers[FW_MODEL_CALLS];

void fw_layer_hook(uint32_t call, const void *output, uint32_t bytes) {
  (void)output;
  (void)bytes;
  layers[call] = fw_measure_end();
  fw_measure_begin();
}

static void measure_layers(void) {
  /* Twice without a layer in between: what the hook itself adds. */
  fw_measure_begin();
  FW_LAYER_HOOK(0, arena, 0);
  FW_LAYER_HOOK(0, arena, 0);
  fw_measure_end();
  const uint64_t hook = layers[0];
  fw_measure_begin();
  fw_model_invoke(arena, state);
  fw_measure_end();
  for (uint32_t i = 0; i < FW_MODEL_CALLS; ++i) layers[i] = layers[i] > hook ? layers[i] - hook : 0;
}
#endif

int main(void) {
  fw_port_init();
  fw_model_reset(state);
  fw_port_stack_paint();
  fw_model_invoke(arena, state); /* the first call may differ: it is not counted */
  uint64_t result[2] = {0, fw_port_stack_used()};

#ifdef FW_LAYER_HOOKS
  measure_layers();
#else
  fw_measure_begin();
  nothing(arena, state);
  const uint64_t call = fw_measure_end();
  fw_measure_begin();
  fw_model_invoke(arena, state);
  result[0] = fw_measure_end() - call + RETURN_INSTRUCTIONS;
#endif

  const int32_t out = fw_port_bulk_open("bench.bin", FW_BULK_WRITE);
  int32_t written = fw_port_bulk_write(out, result, sizeof result);
#ifdef FW_LAYER_HOOKS
  if (written >= 0) written = fw_port_bulk_write(out, layers, sizeof layers);
#endif
  fw_port_bulk_close(out);
  fw_port_exit(written < 0 ? EXIT_OUTPUT : 0);
}
