/* Memory for the adapter that makes a component of the program. Without this export the adapter takes pages by memory.grow,
   which the malloc of Debian 12's wasi-libc believes to be its own. */
#include <stdlib.h>

__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *block, size_t old_size, size_t alignment, size_t new_size) {
  (void)old_size;
  if (block == NULL) block = aligned_alloc(alignment, (new_size + alignment - 1) / alignment * alignment);
  else block = realloc(block, new_size);
  if (block == NULL) abort();
  return block;
}
