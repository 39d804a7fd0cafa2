/* The `frontend` image: how many instructions a front end takes for one frame.
 *
 * Pushes the samples of the bulk file `pcm.bin` (int16) and writes frontend.bin: the frames and the instructions that
 * they took together (uint64 each), without the first frame, which also fills the window. */
#include "frontend.h"

#include "fw_measure.h"
#include "fw_port.h"

enum { EXIT_INPUT = 2, EXIT_OUTPUT = 3, EXIT_FRONT_END = 4, SAMPLES_MOST = 16384 };

static uint64_t memory[(FRONTEND_MEMORY_BYTES + 7u) / 8u];
static int16_t samples[SAMPLES_MOST];

int main(void) {
  fw_frontend_t frontend;
  fw_port_init();
  const int32_t in = fw_port_bulk_open("pcm.bin", FW_BULK_READ);
  const int32_t bytes = in < 0 ? -1 : fw_port_bulk_read(in, samples, sizeof samples);
  if (bytes <= 0) fw_port_exit(EXIT_INPUT);
  const uint32_t count = (uint32_t)bytes / 2u;
  if (fw_frontend_init(&frontend, &fw_frontend_config, memory, sizeof memory) != FW_OK) fw_port_exit(EXIT_FRONT_END);
  uint64_t result[2] = {0, 0};
  int is_first = 1;
  for (uint32_t at = 0; at < count;) {
    int ready = 0;
    fw_measure_begin();
    at += fw_frontend_push(&frontend, samples + at, count - at, &ready);
    const uint64_t instructions = fw_measure_end();
    if (!ready) continue;
    if (!is_first) {
      result[0] += 1;
      result[1] += instructions;
    }
    is_first = 0;
  }
  const int32_t out = fw_port_bulk_open("frontend.bin", FW_BULK_WRITE);
  const int32_t written = fw_port_bulk_write(out, result, sizeof result);
  fw_port_bulk_close(out);
  fw_port_exit(written < 0 ? EXIT_OUTPUT : 0);
}
