/* The ESP32-C3's peripherals as far as this port uses them (ESP32-C3 Technical Reference Manual 1.1). */
#ifndef FW_ESP32C3_H
#define FW_ESP32C3_H

#include <stdint.h>

#define FW_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* UART0, which the boot ROM leaves at 115200 baud on the module's pins. */
#define FW_UART_FIFO    FW_REGISTER(0x60000000u)
#define FW_UART_INT_ENA FW_REGISTER(0x6000000Cu)
#define FW_UART_INT_CLR FW_REGISTER(0x60000010u)
#define FW_UART_STATUS  FW_REGISTER(0x6000001Cu)
#define FW_UART_CONF1   FW_REGISTER(0x60000024u)
#define FW_UART_ID      FW_REGISTER(0x60000080u)

/* System timer: 16 MHz, whatever the processor's clock. */
#define FW_SYSTIMER_CONF         FW_REGISTER(0x60023000u)
#define FW_SYSTIMER_UNIT0_OP     FW_REGISTER(0x60023004u)
#define FW_SYSTIMER_TARGET0_CONF FW_REGISTER(0x60023034u)
#define FW_SYSTIMER_UNIT0_LOW    FW_REGISTER(0x60023044u)
#define FW_SYSTIMER_COMP0_LOAD   FW_REGISTER(0x60023050u)
#define FW_SYSTIMER_INT_ENA      FW_REGISTER(0x60023064u)
#define FW_SYSTIMER_INT_CLR      FW_REGISTER(0x6002306Cu)

/* Watchdogs that the boot ROM leaves running. */
#define FW_RTC_OPTIONS0   FW_REGISTER(0x60008000u)
#define FW_RTC_WDT_CONFIG FW_REGISTER(0x60008090u)
#define FW_RTC_WDT_KEY    FW_REGISTER(0x600080A8u)
#define FW_SWD_CONFIG     FW_REGISTER(0x600080ACu)
#define FW_SWD_KEY        FW_REGISTER(0x600080B0u)
#define FW_TIMG0_CONFIG   FW_REGISTER(0x6001F048u)
#define FW_TIMG0_KEY      FW_REGISTER(0x6001F064u)
#define FW_WDT_UNLOCK     0x50D83AA1u
#define FW_SWD_UNLOCK     0x8F1D312Au

/* Pins: what they read, and what each is connected to. */
#define FW_GPIO_IN     FW_REGISTER(0x6000403Cu)
#define FW_IO_MUX(pin) FW_REGISTER(0x60009004u + 4u * (pin))

#define FW_SYSTEM_CLOCK FW_REGISTER(0x600C0058u)

/* Interrupt matrix: a peripheral's source is mapped to one of the processor's 31 lines. */
#define FW_INT_MAP_UART0   FW_REGISTER(0x600C2054u)
#define FW_INT_MAP_TARGET0 FW_REGISTER(0x600C2094u)
#define FW_INT_ENABLE      FW_REGISTER(0x600C2104u)
#define FW_INT_TYPE        FW_REGISTER(0x600C2108u)
#define FW_INT_PRIORITY(n) FW_REGISTER(0x600C2114u + 4u * (n))
#define FW_INT_THRESHOLD   FW_REGISTER(0x600C2194u)
#define FW_LINE_LINK       1u
#define FW_LINE_TICK       2u

/* Enables a line, level-triggered. */
static inline void fw_line_enable(uint32_t line) {
  FW_INT_TYPE &= ~(1u << line);
  FW_INT_PRIORITY(line) = 1u;
  FW_INT_THRESHOLD = 1u;
  FW_INT_ENABLE |= 1u << line;
}

#endif
