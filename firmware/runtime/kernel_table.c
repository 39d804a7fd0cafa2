#include "runtime/kernel_table.h"

const fw_kernel_entry_t fw_kernel_table[] = {
#define FW_KERNEL(id, name, header) {fw_##name, (id)},
#include "kernels/kernels.def"
#undef FW_KERNEL
};

const uint32_t fw_kernel_table_size = sizeof fw_kernel_table / sizeof fw_kernel_table[0];
