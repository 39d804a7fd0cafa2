// The microphone of Arduino's nRF52840 boards through the core's PDM library, whose callback runs in the interrupt.
#include <PDM.h>

#include "fw_board.h"
#include "fw_port.h"

static int16_t samples[FW_MICROPHONE_BLOCK];

static void receive() {
  const int bytes = PDM.available();
  const int most = (int)sizeof samples;
  const int count = PDM.read(samples, (size_t)(bytes < most ? bytes : most));
  if (count > 0) fw_port_audio(samples, (uint32_t)count / 2u);
}

extern "C" fw_status_t fw_port_audio_start(void) {
  PDM.onReceive(receive);
  PDM.setBufferSize((int)sizeof samples);
  return PDM.begin(1, (int)FW_MICROPHONE_RATE_HZ) ? FW_OK : FW_E_TIMEOUT;
}
