/* Registers that every Cortex-M has, by their architectural addresses. */
#ifndef FW_CORTEXM_H
#define FW_CORTEXM_H

#include <stdint.h>

#ifndef FW_REGISTER /* tests of drivers put a model of the silicon here */
#define FW_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))
#endif

#define FW_SYST_CSR  FW_REGISTER(0xE000E010u) /* SysTick control: 4 core clock, 2 interrupt, 1 on */
#define FW_SYST_RVR  FW_REGISTER(0xE000E014u)
#define FW_SYST_CVR  FW_REGISTER(0xE000E018u)
#define FW_SCB_VTOR  FW_REGISTER(0xE000ED08u)
#define FW_SCB_AIRCR FW_REGISTER(0xE000ED0Cu)
#define FW_SCB_CCR   FW_REGISTER(0xE000ED14u)
#define FW_SCB_CPACR FW_REGISTER(0xE000ED88u)

static inline void fw_nvic_enable(uint32_t irq) {
  FW_REGISTER(0xE000E100u + (irq >> 5) * 4u) = 1u << (irq & 31u); /* NVIC_ISER */
}

#endif
