/* What Zephyr's documentation says of the kernel services that the example uses. */
#pragma once
#include <stddef.h>
#include <stdint.h>
typedef struct {
  int64_t ticks;
} k_timeout_t;
#define K_FOREVER ((k_timeout_t){-1})
#define K_NO_WAIT ((k_timeout_t){0})
struct k_sem {
  unsigned count, limit;
};
struct k_thread {
  int unused;
};
typedef struct {
  char data;
} k_thread_stack_t;
typedef struct k_thread *k_tid_t;
typedef void (*k_thread_entry_t)(void *, void *, void *);
#define K_SEM_DEFINE(name, initial, most) struct k_sem name = {initial, most}
#define K_THREAD_STACK_DEFINE(name, size) k_thread_stack_t name[size]
#define K_THREAD_STACK_SIZEOF(name)       sizeof(name)
int k_sem_take(struct k_sem *sem, k_timeout_t timeout);
void k_sem_give(struct k_sem *sem);
int32_t k_msleep(int32_t ms);
uint32_t k_uptime_get_32(void);
void printk(const char *format, ...);
k_tid_t k_thread_create(struct k_thread *thread, k_thread_stack_t *stack, size_t size, k_thread_entry_t entry, void *a,
                        void *b, void *c, int priority, uint32_t options, k_timeout_t delay);
