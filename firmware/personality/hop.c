/* The `hop` image: what the front end does for one hop of an app, for counting. Built with FW_HOP_FRAMES, the frames
 * from one inference to the next. Noise goes in, because silence may take another way through the features. */
#include "frontend.h"
#include "fw_port.h"
#include "personality/memory.h"

enum { EXIT_FRONT_END = 2, HOP_SAMPLES_MOST = 1 << 15 };

static uint64_t memory[(FRONTEND_MEMORY_BYTES + 7u) / 8u];
static fw_frontend_t frontend;
static uint32_t noise = 1;

static uint32_t push_frame(void) {
  int16_t samples[64];
  int is_ready = 0;
  uint32_t count = 0;
  while (!is_ready && count < HOP_SAMPLES_MOST) {
    for (uint32_t i = 0; i < 64u; ++i) {
      noise = noise * 1664525u + 1013904223u;
      samples[i] = (int16_t)((int32_t)(noise >> 18) - 8192);
    }
    for (uint32_t used = 0; used < 64u && !is_ready;) {
      used += fw_frontend_push(&frontend, samples + used, 64u - used, &is_ready);
    }
    count += 64u;
  }
  return count;
}

/* Frames of one hop, and the window that they complete as the model's input. */
__attribute__((noinline)) fw_status_t fw_hop_features(void) {
  const fw_tensor_info_t *input = &fw_model.inputs[0];
  for (uint32_t i = 0; i < FW_HOP_FRAMES; ++i) (void)push_frame();
  return fw_frontend_write_window(&frontend, arena + input->offset, (fw_dtype_t)input->dtype, input->scale,
                                  input->zero_point);
}

int main(void) {
  fw_port_init();
  fw_model_reset(state);
  fw_status_t status = fw_frontend_init(&frontend, &fw_frontend_config, memory, sizeof memory);
  if (status != FW_OK) fw_port_exit(EXIT_FRONT_END);
  fw_frontend_fill(&frontend);
  (void)push_frame(); /* the first frame waits for a whole window of samples */
  status = fw_hop_features();
  fw_port_exit(status == FW_OK ? 0 : EXIT_FRONT_END);
}
