/* The nRF52840's drivers against a model of its registers: argv[1] names the scenario. What the silicon does between
 * calls (events, EasyDMA) is written out here from the product specification; what Renode's model does otherwise is a
 * scenario of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fw_flash.h"
#include "port/common/fw_port_parts.h"
#include "port/common/fw_uart.h"
#include "port/nrf52/fw_nrf52.h"

static uint32_t words[0x3000][64]; /* pages of 256 bytes of 0x40000000 … and 0x50000000 …, and the NVIC */
static uint32_t dead;              /* the crystal never starts */

volatile uint32_t *model_register(uint32_t address) {
  uint32_t page = (address & 0xFFFFFFu) >> 8;
  if (address >= 0xE0000000u)
    page = 0x2000u;
  else if (address >= 0x50000000u)
    page = 0x2100u + (page & 0xFFu);
  else if (page >= 0x2000u)
    abort();
  if (address == 0x40000100u && dead == 0u) words[page][0] = 1u; /* HFCLKSTARTED */
  return &words[page][(address & 0xFFu) / 4u];
}

uint32_t fw_irq_save(void) {
  return 0;
}
void fw_irq_restore(uint32_t mask) {
  (void)mask;
}
void fw_link_isr(void);
void fw_millis_update(void) {
}

static int heard[64], heard_count;
void fw_port_audio(const int16_t *samples, uint32_t count) {
  for (uint32_t i = 1; i < count; i++) {
    if (samples[i] != samples[0]) abort(); /* a block that was being filled */
  }
  heard[heard_count++] = samples[0];
}

static int16_t *block(void) {
  return (int16_t *)(uintptr_t)FW_PDM_PTR;
}
static void fill(int16_t *into, int value) {
  for (uint32_t i = 0; i < FW_MICROPHONE_BLOCK; i++) into[i] = (int16_t)value;
}
static void show_heard(void) {
  for (int i = 0; i < heard_count; i++) printf("%d ", heard[i]);
  printf("\n");
}

/* The silicon latches PTR at STARTED; a block's END and the next one's STARTED come together, or one after the other.
 */
static void microphone(int together, int stall_at) {
  int16_t *filling;
  if (fw_port_audio_start() != FW_OK) abort();
  if (FW_PDM_START != 1u || FW_PDM_ENABLE != 1u || FW_PDM_INTENSET != 5u) abort();
  filling = block();
  FW_PDM_STARTED = 1u;
  fw_audio_isr();
  for (int n = 1; n <= 8; n++) {
    fill(filling, n);
    FW_PDM_END = 1u;
    if (!together) fw_audio_isr();
    filling = block();
    FW_PDM_STARTED = 1u;
    if (n != stall_at) fw_audio_isr();
  }
  show_heard();
}

/* Renode: STARTED, the samples and END at once, into what PTR says then. */
static void microphone_renode(void) {
  if (fw_port_audio_start() != FW_OK) abort();
  for (int n = 1; n <= 8; n++) {
    fill(block(), n);
    FW_PDM_STARTED = 1u;
    FW_PDM_END = 1u;
    fw_audio_isr();
  }
  show_heard();
}

static void sent(void) {
  fwrite((const void *)(uintptr_t)FW_UARTE_TXDPTR, 1, FW_UARTE_TXDMAXCNT, stdout);
  FW_UARTE_STARTTX = 0u;
}

static void transmit(int at_once) {
  const char *text = "The quick brown fox jumps over the lazy dog, and once more: the quick brown fox jumps.";
  fw_uart_start();
  for (const char *c = text; *c != '\0'; c++) {
    while (fw_uart_can_send() == 0u) { /* the silicon ends a transmission */
      sent();
      FW_UARTE_ENDTX = 1u;
      (void)fw_uart_received(); /* as the interrupt does */
    }
    fw_uart_send((uint8_t)*c);
    if (at_once && FW_UARTE_STARTTX != 0u) {
      sent();
      FW_UARTE_ENDTX = 1u;
    }
  }
  while (FW_UARTE_STARTTX != 0u) {
    sent();
    FW_UARTE_ENDTX = 1u;
    (void)fw_uart_received();
  }
  printf("\n");
}

static void receive(void) {
  fw_uart_start();
  for (int i = 0; i < 5; i++) {
    if (FW_UARTE_STARTRX != 1u || FW_UARTE_RXDMAXCNT != 1u || fw_uart_received() != 0u) abort();
    FW_UARTE_STARTRX = 0u;
    *(uint8_t *)(uintptr_t)FW_UARTE_RXDPTR = (uint8_t)("hello"[i]);
    FW_UARTE_ENDRX = 1u;
    if (fw_uart_received() == 0u) abort();
    printf("%c", fw_uart_take());
  }
  printf("\n");
}

/* A page takes ten slices, another page begins anew, and writing is off again after each of them. */
static void flash_pages(void) {
  fw_flash_t flash;
  int calls = 1;
  FW_NVMC_READY = 1u;
  if (fw_flash_open(&flash) != FW_OK || flash.page_bytes != 4096u || flash.pages != 16u) abort();
  for (int i = 0; i < 3; i++) {
    if (fw_flash_erase(0) != 0) abort();
  }
  while (fw_flash_erase(1) == 0) calls++;
  if (FW_REGISTER(0x4001E518u) != FW_STORE_ORIGIN + 4096u || FW_REGISTER(0x4001E51Cu) != 9u) abort();
  if (FW_NVMC_CONFIG != 0u) abort();
  if (fw_flash_write(8u, 0x12345678u) != FW_OK || FW_NVMC_CONFIG != 0u) abort();
  printf("%d %x ", calls, (unsigned)FW_REGISTER(FW_STORE_ORIGIN + 8u));
  FW_NVMC_READY = 0u; /* never ready: a bounded wait, and nothing is written */
  printf("%d %d\n", fw_flash_write(8u, 0u), (int)fw_flash_erase(0));
}

/* Active low, with the pull-ups on; the first call sets the pins up and looks at none. */
static void buttons(void) {
  printf("%u ", (unsigned)fw_port_buttons());
  if (FW_REGISTER(FW_GPIO_BASE + 0x700u + 4u * 11u) != 0xCu) abort();
  FW_REGISTER(FW_GPIO_BASE + 0x510u) = ~0u;
  printf("%u ", (unsigned)fw_port_buttons());
  FW_REGISTER(FW_GPIO_BASE + 0x510u) = ~(1u << 12 | 1u << 25);
  printf("%u\n", (unsigned)fw_port_buttons());
}

int main(int count, char **arguments) {
  const char *what = count > 1 ? arguments[1] : "";
  if (strcmp(what, "together") == 0) microphone(1, 0);
  if (strcmp(what, "apart") == 0) microphone(0, 0);
  if (strcmp(what, "stall") == 0) microphone(1, 4);
  if (strcmp(what, "renode") == 0) microphone_renode();
  if (strcmp(what, "transmit") == 0) transmit(0);
  if (strcmp(what, "transmit_at_once") == 0) transmit(1);
  if (strcmp(what, "receive") == 0) receive();
  if (strcmp(what, "buttons") == 0) buttons();
  if (strcmp(what, "flash") == 0) flash_pages();
  if (strcmp(what, "no_crystal") == 0) {
    dead = 1u;
    printf("%d %d\n", fw_crystal_start(), fw_port_audio_start());
  }
  return 0;
}
