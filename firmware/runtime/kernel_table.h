/* The kernels that fw_run can call. kernel_table.c lists all of them; a size-optimised project brings its own list. */
#ifndef FW_KERNEL_TABLE_H
#define FW_KERNEL_TABLE_H

#include "kernels/fw_kernel.h"

typedef struct {
  fw_kernel_t function;
  uint16_t id;
} fw_kernel_entry_t;

/* Sorted by id. */
extern const fw_kernel_entry_t fw_kernel_table[];
extern const uint32_t fw_kernel_table_size;

#endif
