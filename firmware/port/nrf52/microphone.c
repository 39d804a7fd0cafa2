/* The PDM microphone: 1.28 MHz / 80 = 16 kHz exactly, two buffers.
 *
 * STARTED says that the buffer in PTR is being filled, so PTR may name the other one; END says that the buffer before
 * is full. The two may be found together, since a new buffer begins where the old one ends. After a block that nobody
 * fetched in time (a page of flash is being erased), the buffer in PTR is filled once more: a block is lost, never
 * mixed. Where the first STARTED comes only with the first END (Renode), blocks are delivered one block later. */
#include "port/common/fw_port_parts.h"
#include "port/nrf52/fw_nrf52.h"

enum { CLOCK_1280_KHZ = 0x0A000000, RATIO_80 = 1, MONO_LEFT_FALLING = 1, INT_STARTED = 1 << 0, INT_END = 1 << 2 };

#if FW_MICROPHONE_BLOCK & 1
#error "FW_MICROPHONE_BLOCK must be even"
#endif

static int16_t blocks[2][FW_MICROPHONE_BLOCK];
static uint32_t filling; /* the block that STARTED was about last */
static uint32_t next;    /* the block in PTR */
static uint32_t begun;   /* there was a STARTED */
static volatile uint32_t delivered;

fw_status_t fw_port_audio_start(void) {
  const fw_status_t status = fw_crystal_start();
  if (status != FW_OK) return status;
#ifdef FW_MICROPHONE_POWER_PIN
  FW_PIN_SET(FW_MICROPHONE_POWER_PIN) = FW_PIN_BIT(FW_MICROPHONE_POWER_PIN);
  FW_PIN_OUTPUT(FW_MICROPHONE_POWER_PIN) = FW_PIN_BIT(FW_MICROPHONE_POWER_PIN);
#endif
  FW_PIN_CLEAR(FW_PDM_CLOCK_PIN) = FW_PIN_BIT(FW_PDM_CLOCK_PIN);
  FW_PIN_OUTPUT(FW_PDM_CLOCK_PIN) = FW_PIN_BIT(FW_PDM_CLOCK_PIN);
  FW_PDM_PSELCLK = FW_PDM_CLOCK_PIN;
  FW_PDM_PSELDIN = FW_PDM_DATA_PIN;
  FW_PDM_PDMCLKCTRL = CLOCK_1280_KHZ;
  FW_PDM_RATIO = RATIO_80;
  FW_PDM_MODE = MONO_LEFT_FALLING;
  FW_PDM_PTR = (uint32_t)(uintptr_t)blocks[0];
  FW_PDM_MAXCNT = FW_MICROPHONE_BLOCK;
  FW_PDM_STARTED = 0u;
  FW_PDM_END = 0u;
  FW_PDM_INTENSET = INT_STARTED | INT_END;
  FW_PDM_ENABLE = 1u;
  fw_nvic_enable(FW_AUDIO_IRQ);
  FW_PDM_START = 1u;
  return FW_OK;
}

void fw_audio_isr(void) {
  const uint32_t full = filling;
  const uint32_t is_full = begun;
  if (FW_PDM_STARTED != 0u) {
    FW_EVENT_CLEAR(FW_PDM_STARTED);
    filling = next;
    next ^= 1u;
    begun = 1u;
    FW_PDM_PTR = (uint32_t)(uintptr_t)blocks[next];
  }
  if (FW_PDM_END != 0u) {
    FW_EVENT_CLEAR(FW_PDM_END);
    delivered = 1u;
    if (is_full != 0u) fw_port_audio(blocks[full], FW_MICROPHONE_BLOCK);
  }
}

uint32_t fw_audio_pending(void) {
  const uint32_t came = delivered;
  delivered = 0u;
  return came;
}
