/* The form of a kernel.
 *
 * A kernel NAME consists of a parameter struct `fw_NAME_params_t` (int32_t and float fields only), an inlined body
 * `fw_NAME_body()` and an ordinary wrapper `fw_NAME()`. fw_run, tests and the Python binding call the wrapper; rendered
 * code instantiates the body with literal parameters, so that the compiler specialises its loops. The Python side
 * reads names, types and order from the header: see pytool/fieldwren/kernel.py. */
#ifndef FW_KERNEL_H
#define FW_KERNEL_H

#include <stdint.h>

/* Bodies are inlined into every instance, also at -Os. Not every user of a header uses every body. */
#define FW_INLINE      static inline __attribute__((always_inline, unused))
#define FW_KERNEL_BODY FW_INLINE

/* Marks parameters that differ between layers of one shape: rendered code passes them at run time. */
#define FW_PER_LAYER

/* Names a C file (relative to firmware/) that bodies of this header call into: projects get it along with the header.
 */
#define FW_LINKS_WITH(file)

/* One rendered instance of a kernel: kept out of line, because several layers share it. */
#define FW_KERNEL_INSTANCE static __attribute__((noinline))

typedef void (*fw_kernel_t)(const void *params, void *const *operands);

/* Wrapper prototypes: `params` points to the struct, `operands` holds the pointers in the body's order. */
#define FW_KERNEL(id, name, header) void fw_##name(const void *params, void *const *operands);
#include "kernels/kernels.def"
#undef FW_KERNEL

#endif
