/* Ways to go wrong, chosen by TROUBLE. */
#include "fw_port.h"

#if TROUBLE == 2
static volatile uint32_t depth = 1000000;

static __attribute__((noinline)) uint32_t deeper(uint32_t n) {
  volatile uint32_t here[64];
  here[0] = n;
  return n < depth ? deeper(n + 1u) + here[0] : n;
}
#endif

int main(void) {
  fw_port_init();
#if TROUBLE == 1 /* hangs */
  for (;;) {
  }
#elif TROUBLE == 2 /* runs out of stack */
  return (int)deeper(0);
#elif TROUBLE == 3 /* an undefined instruction */
  __builtin_trap();
#endif
}
