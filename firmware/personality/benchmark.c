/* The `benchmark` image: a model behind the MLPerf Tiny device protocol. dut_config.h is generated. */
#include "benchmark/dut.h"
#include "dut_config.h"
#include "fw_port.h"
#include "personality/memory.h"

enum { BYTES_AT_ONCE = 64 };

static uint8_t bytes[FW_DUT_BYTES] __attribute__((aligned(4)));
#if FW_DUT_STAGED_BYTES
static uint8_t staged_memory[FW_DUT_STAGED_BYTES] __attribute__((aligned(4)));
#define STAGED staged_memory
#else
#define STAGED 0
#endif

/* In the order of the members: `state` may be a macro, which a member's name must not meet. */
static const fw_dut_config_t config = {FW_DUT_NAME,  FW_DUT_MODEL, FW_DUT_INPUT, FW_DUT_RESULT, bytes,
                                       sizeof bytes, STAGED,       arena,        state};

int main(void) {
  static fw_dut_t dut;
  uint8_t received[BYTES_AT_ONCE];
  fw_port_init();
  fw_model_reset(state);
  fw_dut_init(&dut, &config);
  fw_dut_boot(&dut);
  for (;;) {
    const uint32_t count = fw_port_read(received, sizeof received);
    for (uint32_t i = 0; i < count; i++) fw_dut_receive(&dut, (char)received[i]);
    if (count == 0u) fw_port_idle();
  }
}
