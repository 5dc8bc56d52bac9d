#pragma once
// A short list without allocation, for hot loops. (boost::container::static_vector 1.74 would do,
// but g++ 12 miscompiles it at -O3: elements are read before they are stored.)

#include <array>
#include <cstddef>
#include <initializer_list>

namespace rooflaw {

template <class T, std::size_t Capacity>
class FixedVector {
 public:
  FixedVector() = default;
  FixedVector(std::initializer_list<T> items) {
    for (const T& item : items) push_back(item);
  }

  /// @throws std::out_of_range if full
  void push_back(const T& item) {
    items_.at(size_) = item;
    ++size_;
  }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) { return items_[i]; }
  const T& operator[](std::size_t i) const { return items_[i]; }
  const T& back() const { return items_.at(size_ - 1); }
  T* begin() { return items_.data(); }
  T* end() { return items_.data() + size_; }
  const T* begin() const { return items_.data(); }
  const T* end() const { return items_.data() + size_; }

 private:
  std::array<T, Capacity> items_{};
  std::size_t size_ = 0;
};

}  // namespace rooflaw
