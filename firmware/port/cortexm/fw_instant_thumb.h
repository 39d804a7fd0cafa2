/* fw_instant_begin() and fw_instant_end() for a Cortex-M whose counter is read in FW_READ_LENGTH
 * instructions, of which the first takes the sample: FW_READ_COUNTER leaves the count in r1 and may use r0,
 * r4 and r5 as FW_READ_SETUP left them. */
#ifndef FW_INSTANT_THUMB_H
#define FW_INSTANT_THUMB_H

#define FW_TEXT_OF(macro) FW_TEXT(macro)
#define FW_TEXT(words)    #words

/* From sample to sample: the reading, FILL times nop, and three more make N + 1. */
#define FW_INSTANT_FUNCTION(name, instant)                                             \
  __asm__(".section .text." name                                                       \
          ", \"ax\", %progbits\n"                                                      \
          ".syntax unified\n"                                                          \
          ".thumb\n"                                                                   \
          ".balign 4\n"                                                                \
          ".global " name                                                              \
          "\n"                                                                         \
          ".type " name                                                                \
          ", %function\n"                                                              \
          ".thumb_func\n" name                                                         \
          ":\n"                                                                        \
          "  push {r4, r5}\n"                                                          \
          "  " FW_READ_SETUP                                                           \
          "\n"                                                                         \
          "  " FW_READ_COUNTER                                                         \
          "\n"                                                                         \
          "  adds r2, r1, #0\n" /* the first reading */                                \
          "  adds r3, r1, #0\n" /* what the next one says while no edge was skipped */ \
          "  nop\n"                                                                    \
          "1:\n"                                                                       \
          "  .rept " FW_TEXT_OF(FW_INSTRUCTIONS_PER_TICK) " + 1 - 3 - " FW_READ_LENGTH \
                                                          "\n"                         \
                                                          "  nop\n"                    \
                                                          "  .endr\n"                  \
                                                          "  " FW_READ_COUNTER         \
                                                          "\n"                         \
                                                          "  adds r3, #1\n"            \
                                                          "  cmp r1, r3\n"             \
                                                          "  beq 1b\n"                 \
                                                          "  ldr r0, =" instant        \
                                                          "\n"                         \
                                                          "  str r2, [r0]\n"           \
                                                          "  str r1, [r0, #4]\n"       \
                                                          "  pop {r4, r5}\n"           \
                                                          "  bx lr\n"                  \
                                                          "  .pool\n"                  \
                                                          ".size " name ", . - " name  \
                                                          "\n"                         \
                                                          ".text\n")

#endif
