/* The `exec` image: feeds tensors from the bulk file `inputs.bin` to the model and writes what comes out.
 *
 * inputs.bin holds steps, each all input tensors in order; outputs.bin gets all output tensors of each step. State is
 * reset before the first step and carried on. Built with FW_LAYER_HOOKS, layers.bin gets for every kernel call its
 * number and size (uint32 each) and the bytes of its first output. */
#include "fw_port.h"
#include "personality/memory.h"

enum { EXIT_INPUT = 2, EXIT_OUTPUT = 3, EXIT_MODEL = 4 };

#ifdef FW_LAYER_HOOKS
static int32_t layers;

void fw_layer_hook(uint32_t call, const void *output, uint32_t bytes) {
  const uint32_t head[2] = {call, bytes};
  fw_port_bulk_write(layers, head, sizeof head);
  fw_port_bulk_write(layers, output, bytes);
}
#endif

/* Bytes read before the end of the file, or a negative status. */
static int32_t read_all(int32_t file, uint8_t *bytes, uint32_t size) {
  uint32_t done = 0;
  while (done < size) {
    const int32_t got = fw_port_bulk_read(file, bytes + done, size - done);
    if (got < 0) return got;
    if (got == 0) break;
    done += (uint32_t)got;
  }
  return (int32_t)done;
}

/* 1: a step was read; 0: the file ended where a step would begin; negative: it ended elsewhere. */
static int read_step(int32_t file) {
  for (uint32_t i = 0; i < fw_model.input_count; ++i) {
    const fw_tensor_info_t *input = &fw_model.inputs[i];
    const int32_t got = read_all(file, arena + input->offset, input->bytes);
    if (got == 0 && i == 0) return 0;
    if (got != (int32_t)input->bytes) return -1;
  }
  return 1;
}

int main(void) {
  fw_port_init();
  const int32_t in = fw_port_bulk_open("inputs.bin", FW_BULK_READ);
  const int32_t out = fw_port_bulk_open("outputs.bin", FW_BULK_WRITE);
  if (in < 0 || out < 0) fw_port_exit(EXIT_INPUT);
#ifdef FW_LAYER_HOOKS
  layers = fw_port_bulk_open("layers.bin", FW_BULK_WRITE);
#endif
  fw_model_reset(state);
  int more;
  while ((more = read_step(in)) > 0) {
    if (fw_model_invoke(arena, state) != FW_OK) fw_port_exit(EXIT_MODEL);
    for (uint32_t i = 0; i < fw_model.output_count; ++i) {
      const fw_tensor_info_t *output = &fw_model.outputs[i];
      if (fw_port_bulk_write(out, arena + output->offset, output->bytes) < 0) fw_port_exit(EXIT_OUTPUT);
    }
  }
  fw_port_bulk_close(out);
  fw_port_exit(more < 0 ? EXIT_INPUT : 0);
}
