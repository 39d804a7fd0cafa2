/* What the start-up of each processor family gives to image.c. */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdint.h>

/* A free-running counter of executed instructions under -icount shift=0, with its step; 0 where there is none. */
uint32_t image_instructions(void);

void image_write(const char *text);

int main(void);

#endif
