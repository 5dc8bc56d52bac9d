#include "hdf5_heaps.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace rooflaw::format {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view signature = "GCOL\x01"sv;  // and version
constexpr std::size_t collection_header = 16;
constexpr std::size_t object_header = 16;

std::uint64_t number_at(std::string_view text, std::size_t at, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes; i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(text[at + i]);
  return value;
}

/// @param heap  from its signature to the end of the file
bool ends(std::string_view heap) {
  if (heap.size() < collection_header) return true;  // the library finds it cut short
  const std::uint64_t size = std::min<std::uint64_t>(number_at(heap, 8, 8), heap.size());
  std::uint64_t at = collection_header;
  while (size >= object_header && at <= size - object_header) {
    const bool free = number_at(heap, at, 2) == 0;
    const std::uint64_t bytes = number_at(heap, at + 8, 8);
    if (bytes > size) return false;
    const std::uint64_t step = free ? bytes : object_header + (bytes + 7) / 8 * 8;
    if (step == 0) return false;
    at += step;
  }
  return true;
}

}  // namespace

bool heaps_end(std::span<const std::byte> file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  for (auto at = text.find(signature); at != text.npos; at = text.find(signature, at + 1))
    if (!ends(text.substr(at))) return false;
  return true;
}

}  // namespace rooflaw::format
