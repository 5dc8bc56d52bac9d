#pragma once
// Values as bytes and back: for messages between ranks and for checkpoints.
//
// A type lists its fields once, beside its definition:
//
//   template <class Archive>
//   void fields(Archive& a, Gap& x) { a(x.target, within(x.idle_rounds, 0, 6), x.points); }
//
// and packed() and unpacked() follow. A field is a number, a bool, a text, a type with fields, or a
// vector, optional or map of such; an enum stands within its values. What is read may be anything:
// numbers are checked against what the bytes can hold before memory is taken for them, and against
// their bounds before anybody sees them. Bytes are those of this processor; nothing in them tells
// one type from another, so both sides must be the same program.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"

namespace rooflaw {

using Bytes = std::vector<std::byte>;

/// Bytes that are no such value.
class ArchiveError : public Error {
 public:
  using Error::Error;
};

/// A field whose value must lie between two others, both included; NaN lies nowhere.
template <class T>
struct Within {
  T& value;
  T low, high;
};
template <class T>
Within<T> within(T& value, std::type_identity_t<T> low, std::type_identity_t<T> high) {
  return {value, low, high};
}
inline Within<double> finite(double& value) {
  constexpr double most = std::numeric_limits<double>::max();
  return {value, -most, most};
}
/// A field that is finite and not negative.
inline Within<double> not_negative(double& value) {
  return {value, 0, std::numeric_limits<double>::max()};
}
/// A count: not negative, and so far from the largest number that sums of counts stay below it.
inline Within<std::int64_t> counted(std::int64_t& value) {
  return {value, 0, std::int64_t{1} << 56};
}

namespace archive {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_map = false;
template <class K, class V>
inline constexpr bool is_map<std::map<K, V>> = true;
template <class T>
inline constexpr bool is_list = std::is_same_v<T, std::string>;
template <class T>
inline constexpr bool is_list<std::vector<T>> = true;
template <class T>
inline constexpr bool is_within = false;
template <class T>
inline constexpr bool is_within<Within<T>> = true;
/// Copied as they lie in memory.
template <class T>
inline constexpr bool is_plain =
    (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) || std::is_same_v<T, std::byte>;

}  // namespace archive

class Writer {
 public:
  template <class... Fields>
  void operator()(const Fields&... values) {
    (put(values), ...);
  }
  Bytes take() { return std::move(bytes_); }

 private:
  template <class T>
  void put(const T& value) {
    if constexpr (archive::is_within<T>) {
      put(value.value);
    } else if constexpr (std::is_same_v<T, bool>) {
      put(std::uint8_t{value});
    } else if constexpr (archive::is_plain<T>) {
      put_raw(&value, sizeof value);
    } else if constexpr (std::is_enum_v<T>) {
      put(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (archive::is_list<T>) {
      put(std::uint64_t{value.size()});
      if constexpr (archive::is_plain<typename T::value_type>)
        put_raw(value.data(), value.size() * sizeof(typename T::value_type));
      else
        for (const auto& item : value) put(item);
    } else if constexpr (archive::is_optional<T>) {
      put(value.has_value());
      if (value) put(*value);
    } else if constexpr (archive::is_map<T>) {
      put(std::uint64_t{value.size()});
      for (const auto& [key, item] : value) (*this)(key, item);
    } else {
      fields(*this, const_cast<T&>(value));  // one list for both ways; it changes nothing here
    }
  }
  void put_raw(const void* from, std::size_t size) {
    const std::span raw(static_cast<const std::byte*>(from), size);
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
  }
  Bytes bytes_;
};

template <class... Fields>
Bytes packed(const Fields&... values) {
  Writer writer;
  writer(values...);
  return writer.take();
}

class Reader {
 public:
  /// Keeps a reference to the bytes.
  explicit Reader(std::span<const std::byte> bytes) : left_(bytes) {}

  /// @throws ArchiveError if the bytes end before, or a value cannot be
  template <class... Fields>
  void operator()(Fields&&... values) {
    (get(values), ...);
  }
  /// @throws ArchiveError unless all is read
  void end() const {
    if (!left_.empty()) throw ArchiveError(fmt::format("{} bytes too many", left_.size()));
  }

 private:
  template <class T>
  void get(T& value) {
    if constexpr (archive::is_within<T>) {
      get_within(value);
    } else if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t byte = 0;
      get(byte);
      if (byte > 1) throw ArchiveError(fmt::format("{} where yes or no stands", byte));
      value = byte == 1;
    } else if constexpr (archive::is_plain<T>) {
      get_raw(&value, sizeof value);
    } else if constexpr (archive::is_list<T>) {
      using Item = typename T::value_type;
      value.resize(count(least_bytes<Item>()));
      if constexpr (archive::is_plain<Item>)
        get_raw(value.data(), value.size() * sizeof(Item));
      else
        for (auto& item : value) get(item);
    } else if constexpr (archive::is_optional<T>) {
      bool there = false;
      get(there);
      value.reset();
      if (there) get(value.emplace());
    } else if constexpr (archive::is_map<T>) {
      value.clear();
      const auto items = count(least_bytes<typename T::key_type>());
      for (std::size_t i = 0; i < items; ++i) {
        typename T::key_type key{};
        get(key);
        get(value[key]);
      }
    } else {
      static_assert(!std::is_enum_v<T>, "an enum stands within(its first, its last value)");
      fields(*this, value);
    }
  }
  template <class T>
  void get_within(const Within<T>& field) {
    if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> number{};
      get(number);
      field.value = static_cast<T>(number);
    } else {
      get(field.value);
    }
    if (!(field.value >= field.low && field.value <= field.high))
      throw ArchiveError("a number is out of its bounds");
  }
  /// A number of items of at least so many bytes each.
  std::size_t count(std::size_t least) {
    std::uint64_t items = 0;
    get(items);
    if (items > left_.size() / least)
      throw ArchiveError(fmt::format("{} items where {} bytes are left", items, left_.size()));
    return items;
  }
  /// What the shortest value takes: lists and optionals are empty in a new one.
  template <class T>
  static std::size_t least_bytes() {
    if constexpr (archive::is_plain<T>) {
      return sizeof(T);
    } else {
      static const std::size_t least = std::max<std::size_t>(1, packed(T{}).size());
      return least;
    }
  }
  void get_raw(void* to, std::size_t size) {
    if (size > left_.size())
      throw ArchiveError(fmt::format("{} bytes where {} are left", size, left_.size()));
    if (size > 0) std::memcpy(to, left_.data(), size);
    left_ = left_.subspan(size);
  }
  std::span<const std::byte> left_;
};

/// The value that these bytes are. @throws ArchiveError
template <class T>
T unpacked(std::span<const std::byte> bytes) {
  T value{};
  Reader reader(bytes);
  reader(value);
  reader.end();
  return value;
}

}  // namespace rooflaw
