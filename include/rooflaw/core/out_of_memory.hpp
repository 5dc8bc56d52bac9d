#pragma once
// What operator new throws in this program.

#include <new>

namespace rooflaw {

class OutOfMemory : public std::bad_alloc {
 public:
  explicit OutOfMemory(std::size_t bytes) noexcept;
  const char* what() const noexcept override { return text_; }

 private:
  char text_[80];
};

}  // namespace rooflaw
