#include "rooflaw/format/seal.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include <fmt/format.h>

#include "hdf5_shared.hpp"
#include "rooflaw/core/error.hpp"
#include "rooflaw/format/sha256.hpp"

namespace rooflaw::format {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t hash_digits = 64;
constexpr std::size_t line_bytes = seal_opening.size() + hash_digits + 1;

std::ifstream open(const std::string& path) {
  std::error_code unreadable;  // then opening it fails too, and says why
  const fs::file_status there = fs::status(path, unreadable);
  if (there.type() == fs::file_type::not_found) throw FileError(path, "no such file");
  if (fs::is_directory(there)) throw FileError(path, "is a folder, not a file");
  if (fs::exists(there) && !fs::is_regular_file(there)) throw FileError(path, "is no regular file");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw FileError(path, fmt::format("cannot be opened: {}", std::strerror(errno)));
  return file;
}

std::uint64_t little_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}

/// Where an HDF5 file says that it ends: "End of File Address" of the superblock (HDF5 file format
/// specification, II.A), of versions 0 to 3 with addresses of eight bytes, as files have today.
std::optional<std::uint64_t> stated_end(std::span<const std::byte> bytes) {
  constexpr std::size_t at_by_version[] = {40, 44, 28, 28};
  constexpr std::size_t version_at = 8;
  if (bytes.size() <= version_at) return std::nullopt;
  const auto version = std::to_integer<std::size_t>(bytes[version_at]);
  if (version >= std::size(at_by_version)) return std::nullopt;
  const std::size_t size_at = version < 2 ? 13 : 9;  // "Size of Offsets"
  const std::size_t at = at_by_version[version];
  if (bytes.size() < at + 8 || std::to_integer<int>(bytes[size_at]) != 8) return std::nullopt;
  return little_endian(bytes.subspan(at, 8));
}

bool is_seal(std::string_view line) {
  return line.size() == line_bytes && line.starts_with(seal_opening) && line.back() == '\n';
}

struct Ends {
  std::string head;
  std::string tail;  // of a seal's length; empty in a shorter file
};

Ends ends_of(std::ifstream& file, const std::string& path) {
  const auto part = [&](std::size_t most) {
    std::string text(most, '\0');
    file.read(text.data(), static_cast<std::streamsize>(most));
    if (file.bad()) throw FileError(path, "cannot be read");
    text.resize(static_cast<std::size_t>(file.gcount()));
    file.clear();
    return text;
  };
  constexpr std::size_t most_of_head = 64;
  Ends ends{.head = part(most_of_head), .tail = {}};
  file.seekg(-static_cast<std::streamoff>(line_bytes), std::ios::end);
  if (file) ends.tail = part(line_bytes);
  file.clear();
  return ends;
}

}  // namespace

std::string seal_line(const std::string& sha256_hex) {
  return fmt::format("{}{}\n", seal_opening, sha256_hex);
}

std::vector<std::byte> read_sealed(const std::string& path, Seal seal) {
  std::ifstream file = open(path);
  std::error_code unknown;
  const auto size = fs::file_size(path, unknown);
  if (unknown) throw FileError(path, "cannot be read: " + unknown.message());

  // A file may be of any size: first what says how much of it is worth reading.
  const Ends ends = ends_of(file, path);
  if (ends.head.starts_with(seal_opening))
    throw FileError(path, "is a result of the first format, 1.x, which this program does not read");
  if (!ends.head.starts_with(hdf5_signature)) throw FileError(path, "is no result of rooflaw");
  const auto end = stated_end(std::as_bytes(std::span<const char>(ends.head)));
  if (end && *end > size)
    throw FileError(path,
                    fmt::format("is cut short: {} of its {} bytes are missing", *end - size, *end));
  const bool sealed = is_seal(ends.tail);
  if (!sealed && seal == Seal::required)
    throw FileError(path,
                    "changed since rooflaw wrote it, or is no result of rooflaw: its seal is gone; "
                    "--unsealed reads it all the same");
  if (!end) throw FileError(path, "is damaged: it does not say where it ends");
  if (sealed && *end != size - line_bytes)
    throw FileError(path, "is damaged: it does not end where it says");

  std::vector<std::byte> bytes(*end);
  file.seekg(0);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) throw FileError(path, "cannot be read");
  if (!sealed) return bytes;
  Sha256 hash;
  hash.add(bytes);
  if (ends.tail != seal_line(hash.hex()))
    throw FileError(path, "is damaged: its contents do not match its checksum");
  return bytes;
}

bool has_seal(const std::string& path) {
  std::ifstream file = open(path);
  const Ends ends = ends_of(file, path);
  return ends.head.starts_with(seal_opening) || is_seal(ends.tail);
}

}  // namespace rooflaw::format
