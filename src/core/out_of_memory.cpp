// The standard's bad_alloc does not say how much was asked for, which is the one thing its reader
// wants to know. Everything that allocates through operator new gets one that does.

#include "rooflaw/core/out_of_memory.hpp"

#include <cstdio>
#include <cstdlib>
#include <new>

namespace rooflaw {

OutOfMemory::OutOfMemory(std::size_t bytes) noexcept {
  // No memory may be needed here.
  std::snprintf(text_, sizeof text_, "out of memory: %zu bytes were asked for", bytes);
}

}  // namespace rooflaw

void* operator new(std::size_t bytes) {
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw rooflaw::OutOfMemory(bytes);
}
// Replaced together: a sanitizer has forms of its own for those that are not.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return std::malloc(bytes == 0 ? 1 : bytes);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
