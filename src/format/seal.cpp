#include "rooflaw/format/seal.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/format/sha256.hpp"

namespace rooflaw::format {

namespace fs = std::filesystem;

namespace {

std::string seal_with(const std::string& hash) {
  std::string seal = fmt::format("{}{}\n", seal_opening, hash);
  seal.resize(seal_bytes, '\0');
  return seal;
}

std::ifstream open(const std::string& path) {
  std::error_code unreadable;  // then seal_opening it fails too, and says why
  const fs::file_status there = fs::status(path, unreadable);
  if (there.type() == fs::file_type::not_found) throw FileError(path, "no such file");
  if (fs::is_directory(there)) throw FileError(path, "is a folder, not a file");
  if (fs::exists(there) && !fs::is_regular_file(there)) throw FileError(path, "is no regular file");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw FileError(path, fmt::format("cannot be opened: {}", std::strerror(errno)));
  return file;
}

}  // namespace

std::string seal_of(std::span<const std::byte> contents) {
  Sha256 hash;
  hash.add(contents);
  return seal_with(hash.hex());
}

bool begins_with_seal(const std::string& path) {
  std::ifstream file = open(path);
  std::string start(seal_opening.size(), '\0');
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  if (file.bad()) throw FileError(path, "cannot be read");
  return file && start == seal_opening;
}

void require_sealed(const std::string& path) {
  std::ifstream file = open(path);
  std::vector<char> block(std::size_t{1} << 20);
  const auto read = [&](std::size_t most) {
    file.read(block.data(), static_cast<std::streamsize>(most));
    if (file.bad()) throw FileError(path, "cannot be read");
    return std::string_view(block.data(), static_cast<std::size_t>(file.gcount()));
  };
  const std::string seal(read(seal_bytes));
  if (!seal.starts_with(seal_opening))
    throw FileError(path, "is no result of rooflaw, or was changed by another program");
  Sha256 hash;
  for (auto part = read(block.size()); !part.empty(); part = read(block.size()))
    hash.add(std::as_bytes(std::span(part)));
  if (seal != seal_with(hash.hex()))
    throw FileError(path, "is damaged: its contents do not match its checksum");
}

}  // namespace rooflaw::format
