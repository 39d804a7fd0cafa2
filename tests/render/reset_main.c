/* Runs all steps of the file argv[1] after a reset, then again after another one, and writes the outputs to argv[2]. */
#include <stdio.h>

#include "model.h"
#include "personality/memory.h"

static int run(FILE *in, FILE *out) {
  fw_model_reset(state);
  for (;;) {
    for (uint32_t i = 0; i < fw_model.input_count; ++i) {
      const fw_tensor_info_t *input = &fw_model.inputs[i];
      if (fread(arena + input->offset, 1, input->bytes, in) != input->bytes) return 0;
    }
    if (fw_model_invoke(arena, state) != FW_OK) return 1;
    for (uint32_t i = 0; i < fw_model.output_count; ++i) {
      const fw_tensor_info_t *output = &fw_model.outputs[i];
      fwrite(arena + output->offset, 1, output->bytes, out);
    }
  }
}

int main(int argc, char **argv) {
  FILE *in = argc == 3 ? fopen(argv[1], "rb") : 0;
  FILE *out = argc == 3 ? fopen(argv[2], "wb") : 0;
  if (!in || !out) return 2;
  const int first = run(in, out);
  rewind(in);
  const int second = run(in, out);
  return first || second || fclose(out) != 0;
}
