#pragma once
// Plain values into messages and out of them again.

#include <cstring>
#include <type_traits>

#include "rooflaw/cluster/communicator.hpp"
#include "rooflaw/core/error.hpp"

namespace rooflaw::cluster {

class Packer {
 public:
  template <class T>
  void put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    const Bytes bytes = to_bytes(std::span<const T>(&value, 1));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  /// With their number in front.
  template <class T>
  void put_all(std::span<const T> values) {
    put(std::uint64_t{values.size()});
    const Bytes bytes = to_bytes(values);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void put_text(const std::string& text) { put_all(std::span<const char>(text)); }
  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

class Unpacker {
 public:
  /// Keeps a reference to the bytes.
  explicit Unpacker(const Bytes& bytes) : bytes_(bytes) {}
  /// @throws MpiError if the message ends before
  template <class T>
  T get() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    copy(&value, sizeof value);
    return value;
  }
  template <class T>
  std::vector<T> get_all() {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto size = get<std::uint64_t>();
    if (size > (bytes_.size() - place_) / sizeof(T)) throw MpiError("a message is cut short");
    std::vector<T> values(size);
    copy(values.data(), size * sizeof(T));
    return values;
  }
  std::string get_text() {
    const auto text = get_all<char>();
    return {text.begin(), text.end()};
  }
  bool at_end() const { return place_ == bytes_.size(); }

 private:
  void copy(void* to, std::size_t size) {
    if (size > bytes_.size() - place_) throw MpiError("a message is cut short");
    if (size > 0) std::memcpy(to, bytes_.data() + place_, size);
    place_ += size;
  }
  const Bytes& bytes_;
  std::size_t place_ = 0;
};

template <class T>
std::vector<T> values_from(const Bytes& bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (bytes.size() % sizeof(T) != 0) throw MpiError("a message has an odd size");
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

}  // namespace rooflaw::cluster
